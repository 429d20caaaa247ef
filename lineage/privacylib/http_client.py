"""HTTP clients (httpx, async or sync): each request that leaves is a ``call`` and carries its traceparent.

The transport is wrapped, not the client, so a redirect is what it is: one more request.  This module
does not import httpx; a transport is whatever has ``handle_request`` or ``handle_async_request``.

>>> import httpx
>>> from lineage.privacylib import Capture, MemorySink, PrivacyLib
>>> sink = MemorySink()
>>> lib = PrivacyLib("app", [Capture(sink)])
>>> web = httpx.MockTransport(lambda request: httpx.Response(200, text=request.headers["traceparent"][3:9]))
>>> transport = lib.http(web, {("POST", "/v1/ask"): Route("web:ask", "response:ask", {}, {})})
>>> with lib.scope(key="0af765" + "1" * 26), httpx.Client(transport=transport, base_url="http://web") as client:
...     client.post("/v1/ask", extensions={"sources": {"utterance": ["app:ask#utterance"]}}).text
'0af765'
>>> sink.records[-1].site.op, sink.records[-1].site.asset, sink.records[-1].site.links
('call', 'web:ask', (('utterance', ('app:ask#utterance',)),))

The call is signalled, and the response read by the scope, when the head of the response is there:
before the first byte of its body is given to anyone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lineage.privacylib.asgi import Route
from lineage.privacylib.context import TRACESTATE
from lineage.privacylib.exchange import prefixed
from lineage.privacylib.operation import Operation

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib

Routes = Mapping[tuple[str, str], Route | None]


class InstrumentedTransport:
    """``routes``: (method, path) → what is sent there, or None for what is no data (health).

    A request to any other place leaves without a traceparent, and is a gap.  A request takes in its
    ``extensions``: ``sources`` (field → names), ``via`` and ``payload`` (field → value, for probes).
    """

    def __init__(self, transport: Any, lib: PrivacyLib, routes: Routes) -> None:
        self._transport = transport
        self._lib = lib
        self._routes = routes
        for route in routes.values():
            if route is not None:
                lib.register(route.request, route.request_labels)
                lib.register(route.response, route.response_labels)

    async def handle_async_request(self, request: Any) -> Any:
        """Raises PolicyDenied before anything left."""
        route = self._route(request)
        if route is None:
            return await self._transport.handle_async_request(request)
        with self._call(request, route) as op:
            response = await self._transport.handle_async_request(request)
            _answered(op, route, response)
        return response

    def handle_request(self, request: Any) -> Any:
        """Raises PolicyDenied before anything left."""
        route = self._route(request)
        if route is None:
            return self._transport.handle_request(request)
        with self._call(request, route) as op:
            response = self._transport.handle_request(request)
            _answered(op, route, response)
        return response

    def _route(self, request: Any) -> Route | None:
        place = (request.method, request.url.path)
        if place not in self._routes:
            self._lib.gap(self._lib.service, f"{request.method} to a place at {request.url.host} that no route names",
                          "PAI202")
        return self._routes.get(place)

    def _call(self, request: Any, route: Route) -> Operation:
        lib, said = self._lib, request.extensions
        request.headers.pop(TRACESTATE, None)  # of the caller's own trace context, which ours replaces
        request.headers.update(lib.headers())
        return lib.call(route.request, fields=prefixed("request", tuple(route.request_labels)),
                        sources=said.get("sources"), via=said.get("via", ""), payload=said.get("payload"))

    async def aclose(self) -> None:
        await self._transport.aclose()

    def close(self) -> None:
        self._transport.close()

    async def __aenter__(self) -> InstrumentedTransport:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._transport.__aexit__(*error)

    def __enter__(self) -> InstrumentedTransport:
        self._transport.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._transport.__exit__(*error)


def _answered(op: Operation, route: Route, response: Any) -> None:
    if response.status_code < 400:  # an error holds none of the response's data
        op.fields += prefixed("response", tuple(route.response_labels))
