"""OpenTelemetry around the same stubs: its real gRPC instrumentation, its SDK, its OTLP encoding.

Imported only for the self-time benchmark: it needs the extra ``bench``.  The SDK's own batch
processor ships spans from its own thread, in batches of its own size; they are encoded and not sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import grpc.aio
import opentelemetry.instrumentation.grpc
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from protos import inference_pb2_grpc
from sim.load import stub

# Without types of its own.
_GRPC: Any = opentelemetry.instrumentation.grpc
_QUEUE = 1_000_000


class EncodingExporter(SpanExporter):  # type: ignore[misc,unused-ignore]
    """OTLP up to the bytes; ``sent`` counts them."""

    sent = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.sent += len(encode_spans(spans).SerializeToString())
        return SpanExportResult.SUCCESS


class _Theirs:
    def __init__(self) -> None:
        self.exporter = EncodingExporter()
        # Room for a whole block: by default it drops spans under such a load, and dropping is cheap.
        self._processor = BatchSpanProcessor(self.exporter, max_queue_size=_QUEUE)
        self._provider = TracerProvider(resource=Resource.create({"service.name": "load"}))
        self._provider.add_span_processor(self._processor)

    def flush(self) -> None:
        self._processor.force_flush()

    def prepare(self, count: int, block: int) -> Sequence[Any]:
        return range(count)


class Server(_Theirs):
    """Its interceptor finds the handler for each call, and wraps it; so does the bare loop, without wrapping."""

    name = "server_us"

    def __init__(self) -> None:
        super().__init__()
        self._interceptor = _GRPC.aio_server_interceptor(self._provider)
        server = stub.CatchingServer()
        inference_pb2_grpc.add_InferenceServicer_to_server(stub.Model(), server)
        self._handler = server.handlers["Generate"]
        self._details = _Details(stub.METHOD)

    def prepare(self, count: int, block: int) -> Sequence[Any]:
        return stub.rpcs(count, block)

    async def _find(self, details: Any) -> Any:
        return self._handler

    async def full(self, inputs: Sequence[Any]) -> None:
        request, details = stub.REQUEST, self._details
        for rpc in inputs:
            handler = await self._interceptor.intercept_service(self._find, details)
            await handler.unary_unary(request, rpc)
        self.flush()

    async def bare(self, inputs: Sequence[Any]) -> None:
        request, details = stub.REQUEST, self._details
        for rpc in inputs:
            handler = await self._find(details)
            await handler.unary_unary(request, rpc)


class Client(_Theirs):
    name = "client_us"

    def __init__(self) -> None:
        super().__init__()
        self._interceptor = _GRPC.aio_client_interceptors(self._provider)[0]
        self._details = grpc.aio.ClientCallDetails(stub.METHOD, 5.0, None, None, None)

    async def _continue(self, details: Any, request: Any) -> stub.Call:
        return stub.call(request, timeout=details.timeout, metadata=details.metadata)

    async def full(self, inputs: Sequence[Any]) -> None:
        request, details = stub.REQUEST, self._details
        for _ in inputs:
            await (await self._interceptor.intercept_unary_unary(self._continue, details, request))
        self.flush()

    async def bare(self, inputs: Sequence[Any]) -> None:
        request, details = stub.REQUEST, self._details
        for _ in inputs:
            await (await self._continue(details, request))


class Span(_Theirs):
    """One span in a trace, with what one signal says: the operation's asset and field."""

    name = "span_us"

    def __init__(self) -> None:
        super().__init__()
        self._tracer = self._provider.get_tracer("sightline.load")

    async def full(self, inputs: Sequence[Any]) -> None:
        start = self._tracer.start_as_current_span
        with start("query:load"):
            for _ in inputs:
                with start("read", attributes={"asset": "web:ask", "field": "utterance"}):
                    pass
        self.flush()

    async def bare(self, inputs: Sequence[Any]) -> None:
        for _ in inputs:
            pass


class _Details(grpc.HandlerCallDetails):  # type: ignore[misc,unused-ignore]
    def __init__(self, method: str) -> None:
        self.method = method
        self.invocation_metadata = ()


def subjects() -> list[stub.Subject]:
    return [Server(), Client(), Span()]
