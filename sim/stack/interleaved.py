"""A channel on which something else happens just before a call leaves: what two parties do at once, in one order.

Between a check and what it was for, the world can change; a simulated run needs that to happen each time alike.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

# Takes a method, "/sightline.Warehouse/Read".
Happens = Callable[[str], Awaitable[None]]


class Interleaved:
    """Stands in for an aio channel; only unary calls are waited for."""

    def __init__(self, channel: Any, happens: Happens) -> None:
        self._channel = channel
        self._happens = happens

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
        made = self._channel.unary_unary(method, *args, **options)

        async def call(request: Any, **given: Any) -> Any:
            await self._happens(method)
            return await made(request, **given)

        return call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)
