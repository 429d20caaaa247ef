"""ASGI apps (FastAPI): one request is a read of the route's request asset and a write of its response.

Pure ASGI, because a middleware class of the framework costs more than the whole operation.
Only HTTP; WebSocket routes pass through untouched and are none of the routes given here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from lineage.model import Label
from lineage.privacylib.seam import ASGI, Receive, Scope, Send

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib


class Route(NamedTuple):
    """``request`` and ``response`` are asset names; ``purpose``: what the route serves."""

    request: str
    response: str
    request_labels: Mapping[str, Label]
    response_labels: Mapping[str, Label]
    purpose: str = ""


class InstrumentedApp:
    def __init__(self, app: ASGI, lib: PrivacyLib, routes: Mapping[tuple[str, str], Route]) -> None:
        self._app = app
        self._lib = lib
        self._routes = routes
        for route in routes.values():
            lib.register(route.request, route.request_labels)
            lib.register(route.response, route.response_labels)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope.get("method", ""), scope.get("path", ""))) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        lib = self._lib
        with lib.handling(route.request, headers, purpose=route.purpose) as context:
            with lib.read(route.request, fields=tuple(route.request_labels)):
                pass

            async def respond(message: dict[str, object]) -> None:
                if message["type"] == "http.response.start":
                    sources, via, payload = context.response or ({}, "", None)
                    with lib.write(route.response, fields=tuple(route.response_labels), sources=sources, via=via,
                                   payload=payload):
                        await send(message)
                else:
                    await send(message)

            await self._app(scope, receive, respond)
