"""Sync gRPC servers (a pool of threads): handlers that are plain functions.  One scope per RPC.

A streaming handler's generator runs in context variables of its own, whichever thread asks it
for the next message; so its scope does not leak into the pool's thread, or end in another.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from lineage.errors import PolicyDenied
from lineage.privacylib.context import received
from lineage.privacylib.exchange import Endpoint, Served
from lineage.privacylib.refusal import details

_END = object()


def instrument(endpoint: Endpoint, handler: Any, style: str) -> Callable[[Any, Any], Any]:
    """A refusal ends the RPC with PERMISSION_DENIED, also where a streaming handler caught it."""
    if style.endswith("stream"):
        return _streaming(endpoint, handler, style.startswith("stream"))
    return _unary(endpoint, handler, style.startswith("stream"))


def _unary(endpoint: Endpoint, handler: Any, streams_in: bool) -> Callable[[Any, Any], Any]:
    lib, asset, family = endpoint.lib, endpoint.asset, endpoint.family

    def handle(incoming: Any, rpc: Any) -> Any:
        with lib.handling(asset, received(rpc.invocation_metadata()), family=family) as context:
            served = Served(endpoint, context)
            try:
                if streams_in:
                    incoming = _arriving(incoming, served)
                else:
                    served.arrived(incoming)
                response = handler(incoming, rpc)
                served.leaving(response)
            except PolicyDenied as denied:
                rpc.abort(grpc.StatusCode.PERMISSION_DENIED, details(denied))
        return response

    return handle


def _streaming(endpoint: Endpoint, handler: Any, streams_in: bool) -> Callable[[Any, Any], Any]:
    lib, asset, family = endpoint.lib, endpoint.asset, endpoint.family

    def handle(incoming: Any, rpc: Any) -> Iterator[Any]:
        inside = contextvars.copy_context()
        scope = lib.handling(asset, received(rpc.invocation_metadata()), family=family)
        served = Served(endpoint, inside.run(scope.__enter__))
        messages: Any = None
        try:
            if streams_in:
                incoming = _arriving(incoming, served)
            else:
                served.arrived(incoming)
            messages = inside.run(iter, inside.run(handler, incoming, rpc))
            while (message := inside.run(next, messages, _END)) is not _END:
                served.leaving(message)
                yield message
        except PolicyDenied as denied:
            rpc.abort(grpc.StatusCode.PERMISSION_DENIED, details(denied))
        finally:
            if hasattr(messages, "close"):
                inside.run(messages.close)
            inside.run(scope.__exit__, None, None, None)
        if served.denied is not None:
            rpc.abort(grpc.StatusCode.PERMISSION_DENIED, details(served.denied))

    return handle


def _arriving(messages: Iterator[Any], served: Served) -> Iterator[Any]:
    for message in messages:
        served.arrived(message)
        yield message
