"""The tapped wire, below PrivacyLib: what a service really sends and receives, as messages and bytes.

The tap sees each message where gRPC turns it into bytes or back, so a handler that PrivacyLib never
saw is seen here.  Transport faults alter a call's metadata in the same place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import grpc
import httpx

from lineage.privacylib.seam import ASGI, Receive, Scope, Send
from services.seams import Direction, Part, Tap, Wire

# Health and documentation are not data.
_DATA = "/v1/"
_Codec = Callable[[Any], Any]


def _seen(codec: _Codec | None, tap: Tap, direction: Direction, part: Part, method: str) -> _Codec:
    """The same codec, reporting each message that goes through it."""

    def through(value: Any) -> Any:
        coded = codec(value) if codec is not None else value
        message, wire = (value, coded) if direction == "sent" else (coded, value)
        tap.message(direction, part, method, message, len(wire))
        return coded

    return through


class TappedServer:
    """Stands in for a gRPC server in front of generated ``add_XServicer_to_server`` code."""

    def __init__(self, server: Any, tap: Tap) -> None:
        self._server = server
        self._tap = tap

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """Generated code calls this first, with the handlers that it then registers by name."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        tapped = {name: self._tapped(f"/{service}/{name}", handler) for name, handler in handlers.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, tapped),))
        self._server.add_registered_method_handlers(service, tapped)

    def _tapped(self, method: str, handler: Any) -> Any:
        return handler._replace(
            request_deserializer=_seen(handler.request_deserializer, self._tap, "received", "request", method),
            response_serializer=_seen(handler.response_serializer, self._tap, "sent", "response", method))


class TappedChannel:
    """Stands in for a gRPC channel in front of a generated stub."""

    def __init__(self, channel: Any, tap: Tap, wire: Wire | None = None) -> None:
        self._channel = channel
        self._tap = tap
        self._wire = wire

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
        return self._made("unary_unary", method, *args, **options)

    def unary_stream(self, method: str, *args: Any, **options: Any) -> Any:
        return self._made("unary_stream", method, *args, **options)

    def stream_unary(self, method: str, *args: Any, **options: Any) -> Any:
        return self._made("stream_unary", method, *args, **options)

    def stream_stream(self, method: str, *args: Any, **options: Any) -> Any:
        return self._made("stream_stream", method, *args, **options)

    def _made(self, kind: str, method: str, request_serializer: _Codec | None = None,
              response_deserializer: _Codec | None = None, **options: Any) -> Any:
        call = getattr(self._channel, kind)(
            method, request_serializer=_seen(request_serializer, self._tap, "sent", "request", method),
            response_deserializer=_seen(response_deserializer, self._tap, "received", "response", method), **options)
        wire = self._wire
        if wire is None:
            return call
        # gRPC names its methods "/sightline.Logger/Append"; faults are armed by the part after the dot.
        return lambda request, *, metadata=None, **more: call(
            request, metadata=wire.outgoing(method, tuple(metadata or ())), **more)


def asgi(app: ASGI, tap: Tap) -> ASGI:
    """Reports each HTTP request when its body is in, and each response when its body is out."""

    async def tapped(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(_DATA):
            await app(scope, receive, send)
            return
        received = _Counter(tap, "received", "request", path)
        sent = _Counter(tap, "sent", "response", path)

        async def receive_tapped() -> dict[str, Any]:
            message = await receive()
            if message["type"] == "http.request":
                received.add(len(message.get("body", b"")), more=message.get("more_body", False))
            return message

        async def send_tapped(message: dict[str, Any]) -> None:
            await send(message)
            if message["type"] == "http.response.body":
                sent.add(len(message.get("body", b"")), more=message.get("more_body", False))

        try:
            await app(scope, receive_tapped, send_tapped)
        finally:
            received.end()

    return tapped


class _Counter:
    """Adds up a body, and reports it once."""

    def __init__(self, tap: Tap, direction: Direction, part: Part, path: str) -> None:
        self._report: Callable[[int], None] = lambda size: tap.http(direction, part, path, size)
        self._size = 0
        self._done = False

    def add(self, size: int, *, more: bool) -> None:
        self._size += size
        if not more:
            self.end()

    def end(self) -> None:
        """A request that was refused before its body was read did arrive all the same."""
        if not self._done:
            self._done = True
            self._report(self._size)


class TappedTransport(httpx.AsyncBaseTransport):
    """Below an HTTP client: reports each request before it leaves, each response after it arrived."""

    def __init__(self, transport: httpx.AsyncBaseTransport, tap: Tap) -> None:
        self._transport = transport
        self._tap = tap

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.startswith(_DATA):
            self._tap.http("sent", "request", path, int(request.headers.get("content-length", 0)))
        response = await self._transport.handle_async_request(request)
        if path.startswith(_DATA):
            await response.aread()
            self._tap.http("received", "response", path, len(response.content))
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()
