"""The few methods that PrivacyLib's wrappers need of a gRPC server, a channel and an ASGI app.

Whatever has them can be wrapped, so a test needs no network:

>>> from lineage.privacylib import PrivacyLib
>>> class Kept:
...     def __init__(self):
...         self.handlers = []
...     def add_generic_rpc_handlers(self, handlers):
...         self.handlers += handlers
...     def add_registered_method_handlers(self, service, handlers):
...         self.handlers += handlers
>>> kept = Kept()
>>> from protos.logger_pb2_grpc import LoggerServicer, add_LoggerServicer_to_server
>>> add_LoggerServicer_to_server(LoggerServicer(), PrivacyLib("logger").server(kept))
>>> "Append" in kept.handlers
True
"""

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
