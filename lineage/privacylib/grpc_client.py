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

from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.privacylib import grpc_call, grpc_sync_call
from lineage.privacylib.exchange import Endpoint, endpoint, prefixed
from lineage.privacylib.operation import Sources, quick
from lineage.privacylib.site import Known

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
        point, inner = endpoint(self._lib, method), self._channel.unary_unary(method, *args, **options)
        if self._sync:
            return grpc_sync_call.SyncMethod(inner, point, DEADLINE)
        if point.request.fixed is None or point.response.fixed is None:
            return InstrumentedMethod(inner, point, DEADLINE)
        return fixed(inner, point, point.request.fixed, point.response.fixed)

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


class Form(NamedTuple):
    """One form of a call: what was said of it, and its sites before and after its response."""

    sources: Sources | None
    via: str
    family: str
    sent: Known
    answered: Known


class Forms:
    """The forms of one method's calls.  ``last``: that of the last call, for a line of code says the same each time."""

    def __init__(self, endpoint: Endpoint, outgoing: tuple[str, ...], incoming: tuple[str, ...]) -> None:
        self._endpoint = endpoint
        self._sent = prefixed("request", outgoing)
        self.got = prefixed("response", incoming)
        self.last = self.find(None, "", "")

    def find(self, sources: Sources | None, via: str, family: str) -> Form:
        """``family``: of the scope; a copy of ``sources`` is kept, for the caller's lists may change."""
        lib, asset, own = self._endpoint.lib, self._endpoint.asset, self._endpoint.family
        sites = [lib.sites.find("call", asset, fields, sources, own or family or lib.family, via)
                 for fields in (self._sent, self._sent + self.got)]
        copied = None if sources is None else {
            field: list(names) if isinstance(names, list) else tuple(names) for field, names in sources.items()}
        self.last = Form(copied, via, family, *sites)
        return self.last


def fixed(method: Any, endpoint: Endpoint, outgoing: tuple[str, ...], incoming: tuple[str, ...]) -> Any:
    """The same for messages whose fields are those of their contract: nearly all.

    A call that was permitted in this posture, and that no hook wants to see each time, is sent and recorded,
    and nothing else.
    """
    lib, get, forms = endpoint.lib, endpoint.lib.get, Forms(endpoint, outgoing, incoming)

    async def call(request: Any, *, sources: Sources | None = None, via: str = "", payload: Any = None,
                   timeout: float | None = DEADLINE, metadata: tuple[tuple[str, Any], ...] | None = None,
                   **options: Any) -> Any:
        context = get() or lib.context
        posture = context.posture
        said, said_via, family, sent, answered = forms.last
        if sources != said or via != said_via or posture.family != family:
            _, _, _, sent, answered = forms.find(sources, via, posture.family)
        pen, op = answered.pen, None
        if pen is None or sent.befores or posture.permitted.get(sent) is not posture:
            op = quick(context, sent, payload or request).__enter__()
        try:
            response = await method(
                request, timeout=DEADLINE if timeout is None else timeout,
                metadata=lib.outgoing(context, metadata) if metadata else context.sent or context.outgoing, **options)
        except BaseException as error:
            (op or quick(context, sent, payload or request)).__exit__(type(error), error, None)
            raise
        posture = context.posture
        if op is None and pen is not None and posture.settled.get(answered) is posture:
            pen.mark[0] = number = pen.count()
            if number > pen.ceiling:
                pen.crowded(number, answered, context.trace, 1, "")
            else:
                pen.put((answered, context.trace))
            return response
        op = op or quick(context, sent, payload or request)
        if op.site is sent:
            op.site = answered
        else:  # a hook has changed what was sent
            op.fields += forms.got
        op.__exit__(None, None, None)
        return response

    vars(call)["_method"] = method
    return call
