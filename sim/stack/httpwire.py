"""The tapped wire of HTTP, below PrivacyLib: requests and responses under ``/v1/``, with the sizes of their bodies.

Each message of a WebSocket is a request or a response.  Health and documentation are not data.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import httpx

from services.seams import Direction, Part, Tap

_DATA = "/v1/"
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[Any, Any, Any], Awaitable[None]]


def asgi(app: _App, tap: Tap) -> _App:
    """Reports each request when its body is in, or when the answer begins without it; each response
    when its body is out."""

    async def tapped(scope: MutableMapping[str, Any], receive: _Receive, send: _Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "websocket" and path.startswith(_DATA):
            await app(scope, *_socket(tap, path, receive, send))
            return
        if scope["type"] != "http" or not path.startswith(_DATA):
            await app(scope, receive, send)
            return
        received = _Body(tap, "received", "request", path)
        sent = _Body(tap, "sent", "response", path)

        async def receiving() -> _Message:
            message = await receive()
            if message["type"] == "http.request":
                received.add(len(message.get("body", b"")), more=bool(message.get("more_body", False)))
            return message

        async def sending(message: _Message) -> None:
            if message["type"] == "http.response.start":
                received.end()
            await send(message)
            if message["type"] == "http.response.body":
                sent.add(len(message.get("body", b"")), more=bool(message.get("more_body", False)))

        try:
            await app(scope, receiving, sending)
        finally:
            received.end()  # a request that broke its handler did arrive all the same

    return tapped


def _socket(tap: Tap, path: str, receive: _Receive, send: _Send) -> tuple[_Receive, _Send]:
    async def receiving() -> _Message:
        message = await receive()
        if message["type"] == "websocket.receive":
            tap.http("received", "request", path, _size(message))
        return message

    async def sending(message: _Message) -> None:
        if message["type"] == "websocket.send":
            tap.http("sent", "response", path, _size(message))
        await send(message)

    return receiving, sending


def _size(message: _Message) -> int:
    return len(message.get("bytes") or (message.get("text") or "").encode())


class _Body:
    """Adds up the chunks of a body, and reports it once."""

    def __init__(self, tap: Tap, direction: Direction, part: Part, path: str) -> None:
        self._tap = tap
        self._message: tuple[Direction, Part, str] = (direction, part, path)
        self._size = 0
        self._done = False

    def add(self, size: int, *, more: bool) -> None:
        self._size += size
        if not more:
            self.end()

    def end(self) -> None:
        if not self._done:
            self._done = True
            self._tap.http(*self._message, self._size)


class TappedTransport(httpx.AsyncBaseTransport):
    """Below an HTTP client: reports each request before it leaves, each response when all of it has arrived."""

    def __init__(self, transport: httpx.AsyncBaseTransport, tap: Tap) -> None:
        self._transport = transport
        self._tap = tap

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if not path.startswith(_DATA):
            return await self._transport.handle_async_request(request)
        body = await request.aread()
        self._tap.http("sent", "request", path, len(body), body)
        response = await self._transport.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _TappedStream(response.stream, _Body(self._tap, "received", "response", path))
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()


class _TappedStream(httpx.AsyncByteStream):
    """The bytes as they come off the wire, before decompression."""

    def __init__(self, stream: httpx.AsyncByteStream, body: _Body) -> None:
        self._stream = stream
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._body.add(len(chunk), more=True)
            yield chunk
        self._body.end()

    async def aclose(self) -> None:
        await self._stream.aclose()
