"""grpc.aio clients: streaming RPCs.  One ``call`` per RPC, signalled at its end, also when cancelled.

    call = stub.Converse(sources={"text": ["web:talk#text"]})
    await call.write(request)            # the guard judges it first; sources= of its own, if need be
    async for response in call: ...

An RPC that is never read to its end is over at its deadline, or when the call object is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Generator
from typing import Any

import grpc.aio

from lineage.errors import PolicyDenied
from lineage.privacylib.exchange import Endpoint, Made
from lineage.privacylib.operation import Sources

# RPCs under way.  gRPC's call cancels itself when it is collected, and that runs its callbacks: in the
# middle of anything, with a sink's lock held.  So it is kept until it is over, at its deadline at the latest.
_OPEN: set[Made] = set()


class StreamMethod:
    """One streaming method of a stub.  ``request``: a message, an iterable of them, or None to ``write`` them."""

    def __init__(self, method: Any, endpoint: Endpoint, deadline: float, style: str) -> None:
        self._method = method
        self._endpoint = endpoint
        self._deadline = deadline
        self._streams_in = style.startswith("stream")
        self._call: type[StreamCall] = StreamCall if style.endswith("stream") else UploadCall

    def __call__(self, request: Any = None, timeout: float | None = None,
                 metadata: tuple[tuple[str, Any], ...] | None = None, *, sources: Sources | None = None, via: str = "",
                 payload: Any = None, **options: Any) -> StreamCall:
        """Raises PolicyDenied before anything left."""
        made = Made(self._endpoint, sources, via)
        if not self._streams_in:
            made.leaving(request, payload=payload)
        elif request is not None:
            request = _leaving(request, made)
        try:
            call = self._method(request, timeout=self._deadline if timeout is None else timeout,
                                metadata=self._endpoint.lib.outgoing(made.context, metadata), **options)
        except BaseException as error:
            made.over(error)
            raise
        made.started(call.cancel)
        return self._call(call, made, dropped=not self._streams_in or request is None)


async def _leaving(messages: Any, made: Made) -> AsyncIterator[Any]:
    try:
        async for message in _each(messages):
            made.leaving(message)
            yield message
    except PolicyDenied as denied:
        made.refuse(denied)


async def _each(messages: Any) -> AsyncIterator[Any]:
    if isinstance(messages, AsyncIterable):
        async for message in messages:
            yield message
    else:
        for message in messages:
            yield message


class StreamCall:
    """An RPC under way; what is not here is gRPC's own (``cancel``, ``code``, ``done_writing`` …)."""

    def __init__(self, call: Any, made: Made, *, dropped: bool) -> None:
        """``dropped``: without this object nobody goes on with the RPC."""
        self._call = call
        self._made = made
        self._messages: Any = None
        self._dropped = dropped
        self._loop = asyncio.get_running_loop()
        self._watch()

    def _watch(self) -> None:
        made = self._made

        def over(call: Any) -> None:
            _OPEN.discard(made)
            made.over(asyncio.CancelledError() if call.cancelled() else None)

        _OPEN.add(made)
        self._call.add_done_callback(over)

    async def write(self, message: Any, *, sources: Sources | None = None, payload: Any = None) -> None:
        """Raises PolicyDenied, and the RPC is over."""
        self._made.leaving(message, sources, payload)
        await self._call.write(message)

    async def read(self) -> Any:
        return await self._received(self._call.read())

    def __aiter__(self) -> StreamCall:
        self._messages = self._messages or self._call.__aiter__()
        return self

    async def __anext__(self) -> Any:
        return await self._received(self._messages.__anext__())

    async def _received(self, next_message: Awaitable[Any]) -> Any:
        made = self._made
        made.reading()
        try:
            message = await next_message
            if message is not grpc.aio.EOF:
                made.arrived(message)
        except BaseException as error:
            if self._call.done():
                made.over(None if isinstance(error, StopAsyncIteration) else error)
            if made.denied is not None:
                raise made.denied from error
            raise
        finally:
            made.read()
        if message is grpc.aio.EOF:
            made.over()
        return message

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __del__(self) -> None:
        # As gRPC's own call does; but not here and now.
        if getattr(self, "_dropped", False) and not self._call.done() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._call.cancel)


class UploadCall(StreamCall):
    """A stream of requests with one response: ``await`` it."""

    def _watch(self) -> None:
        # Waited for here too: the response is part of the signal, whether or not anybody asks for it.
        self._dropped = False
        self._outcome = asyncio.ensure_future(_outcome(self._call, self._made))

    def __await__(self) -> Generator[Any, None, Any]:
        return self._response().__await__()

    async def _response(self) -> Any:
        try:
            response, error = await asyncio.shield(self._outcome)
        except asyncio.CancelledError:
            self._call.cancel()
            raise
        if error is not None:
            raise self._made.denied or error
        return response


async def _outcome(call: Any, made: Made) -> tuple[Any, BaseException | None]:
    try:
        response = await call
        made.arrived(response)
    except BaseException as error:
        made.over(error)
        return None, error
    made.over()
    return response, None
