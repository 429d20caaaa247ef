"""A service instrumented by the real OpenTelemetry SDK, for test_interop.py: ``otel_service.py MODE NEXT``.

A process of its own, because OpenTelemetry's instrumentors patch gRPC for a whole process.  MODE:

``middle``  a gRPC service that asks the service at NEXT; it knows nothing of PrivacyLib
``both``    the same, instrumented by OpenTelemetry *and* PrivacyLib
``none``    the same, instrumented by nobody: what it is compared with
``head``    no server: begins a trace, and asks NEXT
``http``    an HTTP service that asks the one at NEXT; OpenTelemetry's propagators carry the context

Prints its address and serves until its input ends; then prints the spans that were exported.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from typing import Any

import fastapi
import grpc.aio
import httpx
import uvicorn
from opentelemetry import propagate, trace
from opentelemetry.instrumentation.grpc import GrpcAioInstrumentorClient, GrpcAioInstrumentorServer
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from lineage.privacylib import Capture, MemorySink, PrivacyLib
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc


def say(**said: Any) -> None:
    print(json.dumps(said), flush=True)


class Asking(inference_pb2_grpc.InferenceServicer):
    """Hands each request on to the next service."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def Generate(self, request: pb.GenerateRequest, context: Any) -> pb.GenerateResponse:
        return await self._stub.Generate(request)


async def over_grpc(mode: str, following: str) -> list[tuple[str, str]]:
    """Serves; what PrivacyLib recorded here, as (operation, key)."""
    sink = MemorySink()
    lib = PrivacyLib("middle", [Capture(sink)])
    async with grpc.aio.insecure_channel(following) as channel:
        stub = inference_pb2_grpc.InferenceStub(lib.channel(channel) if mode == "both" else channel)
        if mode == "head":
            with trace.get_tracer("test").start_as_current_span("ask") as span:
                await stub.Generate(pb.GenerateRequest(prompt="What is that?"))
                say(trace=f"{span.get_span_context().trace_id:032x}")
            return []
        server = grpc.aio.server()
        inference_pb2_grpc.add_InferenceServicer_to_server(
            Asking(stub), lib.server(server) if mode == "both" else server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        say(address=f"127.0.0.1:{port}")
        await asyncio.to_thread(sys.stdin.read)
        await server.stop(1)
    return [(record.site.op, record.key) for record in sink.records if record.site.op != "asset"]


async def over_http(following: str) -> None:
    app = fastapi.FastAPI()

    @app.post("/v1/ask")
    async def ask(request: fastapi.Request) -> Any:
        headers: dict[str, str] = {}
        context = propagate.extract(request.headers)
        with trace.get_tracer("test").start_as_current_span("ask", context=context):
            propagate.inject(headers)
            async with httpx.AsyncClient() as client:
                return (await client.post(f"http://{following}/v1/ask", json={}, headers=headers)).json()

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve([listener]))
    say(address=f"127.0.0.1:{listener.getsockname()[1]}")
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving


def main(mode: str, following: str) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    recorded: Any = []
    if mode == "http":
        asyncio.run(over_http(following))
    else:
        if mode != "none":  # before anything is made that they patch
            GrpcAioInstrumentorServer().instrument()
            GrpcAioInstrumentorClient().instrument()
        recorded = asyncio.run(over_grpc(mode, following))
    say(recorded=recorded, spans=[{
        "kind": span.kind.name, "trace": f"{span.context.trace_id:032x}", "span": f"{span.context.span_id:016x}",
        "parent": f"{span.parent.span_id:016x}" if span.parent else ""} for span in exporter.get_finished_spans()])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
