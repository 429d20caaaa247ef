"""The few methods that PrivacyLib's wrappers need of a gRPC server, a channel and an ASGI app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]


class Server(Protocol):
    """What generated ``add_XServicer_to_server`` functions call."""

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None: ...

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None: ...


class Channel(Protocol):
    """What generated stubs call."""

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any: ...
