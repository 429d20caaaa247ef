"""The tapped wire, below PrivacyLib: what a service really sends and receives, as messages and bytes.

gRPC is tapped where a message becomes bytes or comes from them, so a handler or a call that PrivacyLib
never saw is seen here.  Transport faults alter a call's metadata in the same place.  HTTP is tapped in
``sim/stack/httpwire.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc

from services.seams import Direction, Part, Tap, Wire
from sim.stack.httpwire import TappedTransport, asgi

__all__ = ["TappedChannel", "TappedServer", "TappedTransport", "asgi"]
_Codec = Callable[[Any], Any]
_STYLES = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


class TappedServer:
    """Stands in for a server, aio or sync, in front of generated ``add_XServicer_to_server`` code.

    Whatever else is asked of it is the server's own (``start``, ``add_insecure_port`` …).
    """

    def __init__(self, server: Any, tap: Tap) -> None:
        self._server = server
        self._tap = tap

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        self._server.add_generic_rpc_handlers(tuple(_TappedHandler(handler, self._tap) for handler in handlers))

    def add_registered_method_handlers(self, service: str,
                                       handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]) -> None:
        self._server.add_registered_method_handlers(
            service, {name: _tapped(handler, f"/{service}/{name}", self._tap) for name, handler in handlers.items()})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)


class TappedChannel:
    """Stands in for a channel, aio or sync, in front of a generated stub.

    ``wire``: sees, and may alter, the metadata of each call on its way out.
    """

    def __init__(self, channel: Any, tap: Tap, wire: Wire | None = None) -> None:
        self._channel = channel
        self._tap = tap
        self._wire = wire

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
        return self._call("unary_unary", method, *args, **options)

    def unary_stream(self, method: str, *args: Any, **options: Any) -> Any:
        return self._call("unary_stream", method, *args, **options)

    def stream_unary(self, method: str, *args: Any, **options: Any) -> Any:
        return self._call("stream_unary", method, *args, **options)

    def stream_stream(self, method: str, *args: Any, **options: Any) -> Any:
        return self._call("stream_stream", method, *args, **options)

    def _call(self, style: str, method: str, request_serializer: _Codec | None = None,
              response_deserializer: _Codec | None = None, **options: Any) -> Any:
        made = getattr(self._channel, style)(
            method, request_serializer=_seen(request_serializer, self._tap, "sent", "request", method),
            response_deserializer=_seen(response_deserializer, self._tap, "received", "response", method), **options)
        begun = self._tap if style.startswith("stream") else None
        return made if self._wire is None and begun is None else _WiredCall(made, method, self._wire, begun)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    async def __aenter__(self) -> TappedChannel:
        await self._channel.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        return await self._channel.__aexit__(*error)

    def __enter__(self) -> TappedChannel:
        self._channel.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._channel.__exit__(*error)


class _TappedHandler(grpc.GenericRpcHandler):
    """Taps the method that is found, when it is called."""

    def __init__(self, handler: grpc.GenericRpcHandler, tap: Tap) -> None:
        self._handler = handler
        self._tap = tap

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        found = self._handler.service(handler_call_details)
        return None if found is None else _tapped(found, handler_call_details.method, self._tap)


class _WiredCall:
    """One method of a stub: passes its metadata through the wire, however it is called; ``begun`` is told of it."""

    def __init__(self, call: Any, method: str, wire: Wire | None, begun: Tap | None) -> None:
        self._call = call
        self._method = method
        self._wire = wire
        self._begun = begun

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._send(self._call, args, options)

    def with_call(self, *args: Any, **options: Any) -> Any:
        return self._send(self._call.with_call, args, options)

    def future(self, *args: Any, **options: Any) -> Any:
        return self._send(self._call.future, args, options)

    def _send(self, call: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if self._begun is not None:
            self._begun.began(self._method)
        if self._wire is None:
            return call(*args, **options)
        # A sync stub also takes (request, timeout, metadata) by position.
        given = args[2] if len(args) > 2 else options.pop("metadata", None)
        metadata = self._wire.outgoing(self._method, tuple((key, value) for key, value in given or ()))
        if len(args) > 2:
            return call(*args[:2], metadata, *args[3:], **options)
        return call(*args, metadata=metadata, **options)


def _tapped(handler: Any, method: str, tap: Tap) -> grpc.RpcMethodHandler[Any, Any]:
    style = _STYLES[2 * bool(handler.request_streaming) + bool(handler.response_streaming)]
    made: grpc.RpcMethodHandler[Any, Any] = getattr(grpc, f"{style}_rpc_method_handler")(
        getattr(handler, style),
        request_deserializer=_seen(handler.request_deserializer, tap, "received", "request", method),
        response_serializer=_seen(handler.response_serializer, tap, "sent", "response", method))
    return made


def _seen(codec: _Codec | None, tap: Tap, direction: Direction, part: Part, method: str) -> _Codec:
    """The same codec, reporting each message that goes through it, with its size in bytes.

    What the tap raises fails the call: gRPC logs it and answers with an error.
    Raises TypeError for a method without a codec, whose bytes nobody could witness.
    """
    if codec is None:
        raise TypeError(f"{method} moves bytes, not messages: its {part} cannot be tapped")

    def through(value: Any) -> Any:
        coded = codec(value)
        message, wire = (value, coded) if direction == "sent" else (coded, value)
        tap.message(direction, part, method, message, len(wire))
        return coded

    return through
