"""gRPC: handlers and stubs are wrapped at registration; context, keys and deadlines travel."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import PolicyDenied, RunError
from lineage.privacylib import Capture, Extension, MemorySink, Operation, PrivacyLib, claims
from lineage.privacylib.context import parse_traceparent
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc, logger_pb2, logger_pb2_grpc, rows_pb2
from sim.load import stub

KEY = "0af7651916cd43dd8448eb211c80319c"


class Model(inference_pb2_grpc.InferenceServicer):
    def __init__(self, lib: PrivacyLib) -> None:
        self.lib = lib
        self.left = 0.0

    async def Generate(self, request: pb.GenerateRequest, context: Any) -> pb.GenerateResponse:
        self.left = context.time_remaining()
        if request.prompt == "wait":
            await asyncio.sleep(5)
        if request.prompt == "abort":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")
        with self.lib.activity("query:q", purpose="safety"):
            self.lib.respond({"answer": ["rpc:inference.Generate.request#prompt"]})
        return pb.GenerateResponse(answer=f"{self.lib.context.key} {self.lib.context.purpose}")


class Pair:
    """A client's and a server's library, with a real server between them."""

    def __init__(self, *server_extensions: Extension) -> None:
        self.sent, self.got = MemorySink(), MemorySink()
        self.client = PrivacyLib("web", [Capture(self.sent)], family="A")
        self.server = PrivacyLib("inference", [Capture(self.got), *server_extensions], family="C")
        self.model = Model(self.server)

    @asynccontextmanager
    async def stub(self) -> AsyncIterator[Any]:
        server = grpc.aio.server()
        inference_pb2_grpc.add_InferenceServicer_to_server(self.model, self.server.server(server))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield inference_pb2_grpc.InferenceStub(self.client.channel(channel))
        await server.stop(0)

    @staticmethod
    def operations(sink: MemorySink) -> list[tuple[str, str]]:
        return [(record.site.op, record.site.asset) for record in sink.records
                if record.site.op in ("read", "write", "call", "gap", "decision")]


async def test_context_and_claims_travel() -> None:
    pair = Pair()
    async with pair.stub() as stub:
        with pair.client.scope(key=KEY, purpose="assistance"):
            response = await stub.Generate(pb.GenerateRequest(prompt="hi"), sources={"prompt": ["web:ask#utterance"]})
    assert response.answer == f"{KEY} assistance"
    assert pair.operations(pair.got) == [("read", "rpc:inference.Generate.request"),
                                         ("write", "rpc:inference.Generate.response")]
    assert pair.operations(pair.sent) == [("call", "rpc:inference.Generate")]
    call = next(record for record in pair.sent.records if record.site.op == "call")
    assert call.site.links == (("prompt", ("web:ask#utterance",)),)
    assert "request.prompt" in call.site.fields
    assert "response.answer" in call.site.fields
    assert call.site.family == "C"
    write = pair.got.records[-1]
    assert write.site.links == (("answer", ("rpc:inference.Generate.request#prompt",)),)
    assert write.key == KEY


async def test_every_call_has_a_deadline() -> None:
    pair = Pair()
    async with pair.stub() as stub:
        with pair.client.scope(key=KEY):
            await stub.Generate(pb.GenerateRequest(prompt="hi"))
            assert 0 < pair.model.left < 6  # gRPC rounds the time that is left
            with pytest.raises(grpc.aio.AioRpcError) as late:
                await stub.Generate(pb.GenerateRequest(prompt="wait"), timeout=0.05)
    assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_stripped_context_is_a_gap_at_the_server() -> None:
    pair = Pair()
    async with pair.stub() as stub:
        raw = stub.Generate._method  # below the client's library
        await raw(pb.GenerateRequest(prompt="hi"), timeout=5)
    assert pair.operations(pair.got)[0] == ("gap", "rpc:inference.Generate")


async def test_an_aborted_call_was_still_made_and_read_and_not_answered() -> None:
    pair = Pair()
    async with pair.stub() as stub:
        with pair.client.scope(key=KEY), pytest.raises(grpc.aio.AioRpcError):
            await stub.Generate(pb.GenerateRequest(prompt="abort"))
    assert pair.operations(pair.got) == [("read", "rpc:inference.Generate.request")]
    assert pair.operations(pair.sent) == [("call", "rpc:inference.Generate")]
    assert json.loads(pair.sent.records[-1].detail)["error"] == "AioRpcError"


class RefuseWrites(Extension):
    guards = True

    def before(self, op: Operation) -> None:
        if op.kind == "write":
            raise PolicyDenied("PAI302", "not this one", where=op.asset)


async def test_a_refused_response_does_not_leave_the_server() -> None:
    pair = Pair(RefuseWrites())
    async with pair.stub() as stub:
        with pair.client.scope(key=KEY), pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Generate(pb.GenerateRequest(prompt="hi"))
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert json.loads(refused.value.details() or "")["code"] == "PAI302"
    assert ("write", "rpc:inference.Generate.response") not in pair.operations(pair.got)


class Queue(logger_pb2_grpc.LoggerServicer):
    async def Append(self, request: logger_pb2.LogRequest, context: Any) -> logger_pb2.LogResponse:
        return logger_pb2.LogResponse(accepted=len(request.events.rows))


async def test_a_batch_keeps_a_key_for_each_row_and_names_its_schema() -> None:
    got = MemorySink()
    lib = PrivacyLib("logger", [Capture(got)])
    server = grpc.aio.server()
    logger_pb2_grpc.add_LoggerServicer_to_server(Queue(), lib.server(server))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    rows = rows_pb2.Rows(schema="glasses_session", columns=["utterance"], rows=[
        rows_pb2.Row(values=[rows_pb2.Value(text="a")], key="k1"), rows_pb2.Row(key="k2")])
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        client = PrivacyLib("web")
        with client.scope(key=KEY):
            await logger_pb2_grpc.LoggerStub(client.channel(channel)).Append(logger_pb2.LogRequest(events=rows))
    await server.stop(0)
    read = next(record for record in got.records if record.site.op == "read")
    assert read.site.fields == ("version", "glasses_session.utterance")
    assert read.rows == 2
    assert json.loads(read.detail)["keys"] == ["k1", "k2"]


def test_a_method_without_a_contract_is_refused_not_left_uninstrumented() -> None:
    lib = PrivacyLib("web")
    with pytest.raises(RunError, match="no contract"):
        lib.channel(object()).unary_unary("/sightline.Elsewhere/Do")
    handlers = {"Do": grpc.unary_unary_rpc_method_handler(lambda request, context: request)}
    with pytest.raises(RunError, match="no contract"):
        lib.server(object()).add_registered_method_handlers("sightline.Elsewhere", handlers)


hexadecimal = st.text("0123456789abcdef", min_size=1, max_size=34)
traceparents = st.text(max_size=60) | st.binary(max_size=60) | st.builds(
    "{}-{}-{}-{}".format, st.sampled_from(["00", "01", "ff", "f0", "0"]),
    st.sampled_from([KEY, KEY.upper(), "0" * 32, KEY[:-1] + "g", KEY[:-1] + "é"]) | hexadecimal,
    st.sampled_from(["b7ad6b7169203331", "0" * 16, "b7ad6b716920333-"]) | hexadecimal,
    st.sampled_from(["01", "0", "01-later", "0x"]))


@given(st.lists(traceparents, min_size=1, max_size=3))
def test_what_is_in_order_is_read_the_short_way_and_the_long_way_alike(given: list[Any]) -> None:
    sink = MemorySink()
    server = stub.CatchingServer()
    inference_pb2_grpc.add_InferenceServicer_to_server(
        stub.Model(), PrivacyLib("inference", [Capture(sink)], family="C").server(server))
    handle = server.handlers["Generate"].unary_unary
    policy = claims.encode(principal="web", purpose="assistance", region="", activity="")
    # Once, so that its claims and its operations are known.
    for traceparent in (f"00-{KEY}-b7ad6b7169203331-01", *given):
        sink.records.clear()
        metadata: Any = (("traceparent", traceparent), ("sightline-policy-bin", policy))
        asyncio.run(handle(pb.GenerateRequest(), stub.Rpc(metadata)))
        key = parse_traceparent(traceparent)
        assert [record.site.op for record in sink.records if record.site.op != "asset"] == [
            *(["gap"] if key is None else []), "read", "write"]
        if key is not None:
            assert {record.key for record in sink.records[-2:]} == {key}
