"""ASGI apps (FastAPI): one request is a read of the route's request asset and a write of its response.

A WebSocket is one scope: each message that arrives is a read, each that leaves a write.
Pure ASGI, because a middleware class of the framework costs more than the whole operation.
A refusal that the app lets through, or that its own error message meets, is answered with 403;
one on a WebSocket, also where the app caught it, with a close (1008).

>>> from lineage.privacylib import PrivacyLib
>>> async def app(scope, receive, send): ...
>>> routes = {("POST", "/v1/ask"): Route("web:ask", "response:ask", {}, {}),
...           ("WS", "/v1/talk"): Route("web:talk", "response:talk", {}, {})}
>>> instrumented = PrivacyLib("web").asgi(app, routes)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib.context import POLICY, TRACEPARENT, TRACESTATE, Context, received
from lineage.privacylib.operation import Operation
from lineage.privacylib.refusal import FORBIDDEN, POLICY_VIOLATION, body, close_reason
from lineage.privacylib.seam import ASGI, Receive, Scope, Send

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib

WEBSOCKET = "WS"
_HEADERS = {name.encode(): name for name in (TRACEPARENT, TRACESTATE, POLICY)}


class Route(NamedTuple):
    """``request`` and ``response`` are asset names; ``purpose``: what the route serves.

    ``held``: which fields one message of a WebSocket holds; without it, each is said to hold all of them.
    """

    request: str
    response: str
    request_labels: Mapping[str, Label]
    response_labels: Mapping[str, Label]
    purpose: str = ""
    held: Callable[[Mapping[str, Any]], tuple[str, ...]] | None = None


class InstrumentedApp:
    """``routes``: (method, path), or ("WS", path) for a WebSocket; other places pass through untouched."""

    def __init__(self, app: ASGI, lib: PrivacyLib, routes: Mapping[tuple[str, str], Route]) -> None:
        self._app = app
        self._lib = lib
        self._routes = routes
        for route in routes.values():
            lib.register(route.request, route.request_labels)
            lib.register(route.response, route.response_labels)
        self._readers = {place: lib.reader(route.request, tuple(route.request_labels))
                         for place, route in routes.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        method = scope["method"] if kind == "http" else WEBSOCKET if kind == "websocket" else ""
        route = self._routes.get((method, scope.get("path", "")))
        if route is None:
            await self._app(scope, receive, send)
            return
        headers = received((_HEADERS[name], value.decode("latin-1"))
                           for name, value in scope["headers"] if name in _HEADERS)
        with self._lib.handling(route.request, headers, purpose=route.purpose, edge=True) as context:
            if kind == "http":
                await self._request(route, context, scope, receive, send)
            else:
                await Conversation(self._lib, route, context, receive, send).run(self._app, scope)

    async def _request(self, route: Route, context: Context, scope: Scope, receive: Receive, send: Send) -> None:
        lib, begun = self._lib, False

        async def respond(message: dict[str, Any]) -> None:
            nonlocal begun
            if message["type"] != "http.response.start":
                await send(message)
                return
            sources, via, payload, detail = context.response or ({}, "", None, None)
            with lib.write(route.response, fields=tuple(route.response_labels), sources=sources, via=via,
                           payload=payload, detail=detail):
                begun = True
                await send(message)

        try:
            with self._readers[scope["method"], scope["path"]]:
                pass
            await self._app(scope, receive, respond)
        except PolicyDenied as denied:
            if begun:
                raise
            # Said to have been sent, and not judged: it holds none of the response's fields.
            with suppress(PolicyDenied):  # of a guard that fails here too
                lib.write(route.response, sources={}, detail={"refused": denied.code}).__exit__(None, None, None)
            await send({"type": "http.response.start", "status": FORBIDDEN,
                        "headers": [(b"content-type", b"application/json")]})
            await send({"type": "http.response.body", "body": body(denied)})


class Conversation:
    """One WebSocket.  A refusal stays: no later message passes, and the connection is closed."""

    def __init__(self, lib: PrivacyLib, route: Route, context: Context, receive: Receive, send: Send) -> None:
        self._lib = lib
        self._context = context
        self._route = route
        self._incoming = tuple(route.request_labels)
        self._outgoing = tuple(route.response_labels)
        self._receive = receive
        self._send = send
        self._closed = False
        self._denied: PolicyDenied | None = None

    async def run(self, app: ASGI, scope: Scope) -> None:
        try:
            await app(scope, self.receive, self.send)
        except PolicyDenied as denied:
            self._denied = self._denied or denied
        if self._denied is not None and not self._closed:
            await self._send({"type": "websocket.close", "code": POLICY_VIOLATION,
                              "reason": close_reason(self._denied)})

    async def receive(self) -> dict[str, Any]:
        message = await self._receive()
        if message["type"] == "websocket.receive":
            held = self._route.held
            self._judge(Operation(self._lib, self._context, "read", self._route.request,
                                  fields=self._incoming if held is None else held(message)))
        elif message["type"] == "websocket.disconnect":
            self._closed = True
        return message

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            # As ``lib.respond`` last said; without it, from whatever the connection has read.
            sources, via, payload, detail = self._context.response or (None, "", None, None)
            self._judge(Operation(self._lib, self._context, "write", self._route.response, fields=self._outgoing,
                                  sources=sources, via=via, payload=payload, detail=detail))
        elif message["type"] == "websocket.close":
            self._closed = True
        await self._send(message)

    def _judge(self, op: Operation) -> None:
        if self._denied is not None:
            raise self._denied
        try:
            with op:
                pass
        except PolicyDenied as denied:
            self._denied = denied
            raise
