"""grpc.aio servers: streaming handlers.  One scope per RPC, from its first message to its last.

Handlers may be async generators, or use ``context.read()`` and ``context.write()``.  Each is run
from one coroutine and never handed to gRPC as a generator: an abandoned generator is closed by
the event loop in a task, and with context variables, that are not the RPC's.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import grpc
import grpc.aio

from lineage.errors import PolicyDenied
from lineage.privacylib.context import received
from lineage.privacylib.exchange import Endpoint, Served
from lineage.privacylib.refusal import details


def instrument(endpoint: Endpoint, handler: Any, style: str) -> Callable[[Any, Any], Awaitable[Any]]:
    """``style``: unary_stream, stream_unary or stream_stream.  A refusal ends the stream with PERMISSION_DENIED,
    also where the handler caught it."""
    lib, asset, family = endpoint.lib, endpoint.asset, endpoint.family
    streams_in, streams_out = style.startswith("stream"), style.endswith("stream")

    async def handle(incoming: Any, rpc: Any) -> Any:
        with lib.handling(asset, received(rpc.invocation_metadata()), family=family) as context:
            served = Served(endpoint, context)
            seen = ServedContext(rpc, served)
            response = None
            try:
                if streams_in:
                    incoming = _arriving(incoming, served)
                else:
                    served.arrived(incoming)
                if not streams_out:
                    response = await handler(incoming, seen)
                    served.leaving(response)
                elif inspect.isasyncgenfunction(handler):
                    await _send(handler(incoming, seen), seen)
                else:
                    await handler(incoming, seen)
            except PolicyDenied as denied:
                await rpc.abort(grpc.StatusCode.PERMISSION_DENIED, details(denied))
            if served.denied is not None:
                await rpc.abort(grpc.StatusCode.PERMISSION_DENIED, details(served.denied))
        return response

    return handle


async def _arriving(messages: AsyncIterator[Any], served: Served) -> AsyncIterator[Any]:
    async for message in messages:
        served.arrived(message)
        yield message


async def _send(messages: Any, rpc: ServedContext) -> None:
    async with AsyncExitStack() as closing:
        closing.push_async_callback(messages.aclose)
        async for message in messages:
            await rpc.write(message)


class ServedContext:
    """The servicer context that a streaming handler gets; all but ``read`` and ``write`` is gRPC's own."""

    def __init__(self, rpc: Any, served: Served) -> None:
        self._rpc = rpc
        self._served = served

    async def read(self) -> Any:
        message = await self._rpc.read()
        if message is not grpc.aio.EOF:
            self._served.arrived(message)
        return message

    async def write(self, message: Any) -> None:
        # gRPC refuses to send after the end of an RPC: then there was no write.
        if not self._rpc.cancelled():
            self._served.leaving(message)
        await self._rpc.write(message)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rpc, name)
