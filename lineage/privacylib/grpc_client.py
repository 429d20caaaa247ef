"""gRPC channels, aio and sync: each method is wrapped once, when the stub is made.

A wrapped method takes ``sources=`` (request field → names), ``via=`` and ``payload=`` beside
gRPC's own keywords, sends the context along, and always has a deadline.

>>> import grpc
>>> from lineage.privacylib import PrivacyLib
>>> from protos import inference_pb2_grpc
>>> with grpc.insecure_channel("127.0.0.1:1") as channel:
...     stub = inference_pb2_grpc.InferenceStub(PrivacyLib("web").channel(channel))
...     type(stub.Generate).__name__
'SyncMethod'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineage.privacylib import grpc_call, grpc_sync_call
from lineage.privacylib.exchange import Endpoint, endpoint, prefixed
from lineage.privacylib.operation import Sources

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib

# Seconds; a call without a deadline could wait for ever.  A stream lasts as long as a conversation.
DEADLINE = 5.0
STREAM_DEADLINE = 60.0


class InstrumentedChannel:
    """Stands in for a channel in front of a generated stub."""

    def __init__(self, channel: Any, lib: PrivacyLib) -> None:
        self._channel = channel
        self._lib = lib
        # What only a sync channel has; a channel may itself be a stand-in, so its type says nothing.
        self._sync = hasattr(channel, "subscribe")

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
        made: type[Any] = grpc_sync_call.SyncMethod if self._sync else InstrumentedMethod
        point = endpoint(self._lib, method)
        return made(self._channel.unary_unary(method, *args, **options), point, DEADLINE)

    def unary_stream(self, method: str, *args: Any, **options: Any) -> Any:
        return self._stream("unary_stream", method, *args, **options)

    def stream_unary(self, method: str, *args: Any, **options: Any) -> Any:
        return self._stream("stream_unary", method, *args, **options)

    def stream_stream(self, method: str, *args: Any, **options: Any) -> Any:
        return self._stream("stream_stream", method, *args, **options)

    def _stream(self, style: str, method: str, *args: Any, **options: Any) -> Any:
        made: type[Any] = grpc_sync_call.SyncStreamMethod if self._sync else grpc_call.StreamMethod
        point = endpoint(self._lib, method)
        return made(getattr(self._channel, style)(method, *args, **options), point, STREAM_DEADLINE, style)


class InstrumentedMethod:
    """``await stub.Generate(request, sources={"prompt": ["web:ask#utterance"]})``."""

    def __init__(self, method: Any, endpoint: Endpoint, deadline: float) -> None:
        self._method = method
        self._endpoint = endpoint
        self._deadline = deadline

    async def __call__(self, request: Any, *, sources: Sources | None = None, via: str = "", payload: Any = None,
                       timeout: float | None = None, metadata: tuple[tuple[str, Any], ...] | None = None,
                       **options: Any) -> Any:
        lib, asset, family, _, _, outgoing, incoming = self._endpoint
        with lib.call(asset, fields=prefixed("request", outgoing.fields(request)), sources=sources, via=via,
                      family=family, rows=outgoing.row_count(request), keys=outgoing.row_keys(request),
                      payload=payload or request) as op:
            response = await self._method(request, timeout=self._deadline if timeout is None else timeout,
                                          metadata=lib.outgoing(op.context, metadata), **options)
            op.fields += prefixed("response", incoming.fields(response))
            if not op.keys:
                op.keys = incoming.row_keys(response)
        return response
