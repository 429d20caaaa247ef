"""OpenTelemetry in the chain: its trace id is the correlation key, and its service does not break the link."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import fastapi
import grpc.aio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.discover.declare import Declared
from lineage.discover.lineage import derive
from lineage.discover.store import Store
from lineage.model import Signal
from lineage.privacylib import Capture, MemorySink, PrivacyLib
from lineage.privacylib.context import flags_of, parse_traceparent, received, tracestate_of
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc
from sim.stack.http import ROUTES, HttpServer
from sim.truth.journal import Journal

ROOT = Path(__file__).resolve().parents[2]
KEY = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
STATE = "vendor=t61rcWkgMzE,other@tenant=00f067aa0ba902b7"
NAME = "rpc:inference.Generate"


class Service:
    """``otel_service.py`` in a process of its own."""

    def __init__(self, mode: str, following: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/privacylib/otel_service.py"), mode, following], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
        self.spans: list[dict[str, str]] = []
        self.recorded: list[list[str]] = []

    async def said(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return dict(json.loads(await asyncio.to_thread(self.process.stdout.readline)))

    async def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        said = await self.said()
        self.spans, self.recorded = said["spans"], said["recorded"]


@contextmanager
def running(mode: str, following: str) -> Iterator[Service]:
    service = Service(mode, following)
    with service.process:
        try:
            yield service
        finally:
            service.process.kill()


class Model(inference_pb2_grpc.InferenceServicer):
    """The end of the chain; ``metadata``: as it really arrived, once for each request."""

    def __init__(self, lib: PrivacyLib) -> None:
        self.lib = lib
        self.metadata: list[list[tuple[str, Any]]] = []
        self.states: list[str] = []
        self.parents: list[str] = []

    async def Generate(self, request: pb.GenerateRequest, context: Any) -> pb.GenerateResponse:
        self.metadata.append([tuple(pair) for pair in context.invocation_metadata()])
        self.states.append(dict(self.lib.outgoing()).get("tracestate", ""))
        self.parents.append(self.lib.context.traceparent)
        self.lib.respond({"answer": [f"{NAME}.request#prompt"]})
        return pb.GenerateResponse(answer="A lighthouse")

    def values(self, name: str) -> list[Any]:
        return [value for found in self.metadata for key, value in found if key == name]


class Chain:
    """A, PrivacyLib → whatever is between → C, PrivacyLib."""

    def __init__(self) -> None:
        self.sent, self.got = MemorySink(), MemorySink()
        self.first = PrivacyLib("web", [Capture(self.sent)], family="A")
        self.model = Model(PrivacyLib("inference", [Capture(self.got)], family="C"))
        self.span = ""

    @asynccontextmanager
    async def last(self) -> AsyncIterator[str]:
        server = grpc.aio.server()
        inference_pb2_grpc.add_InferenceServicer_to_server(self.model, self.model.lib.server(server))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        yield f"127.0.0.1:{port}"
        await server.stop(0)

    async def ask(self, address: str, **metadata: str) -> None:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = inference_pb2_grpc.InferenceStub(self.first.channel(channel))
            with self.first.handling("web:ask", metadata) as context:
                self.span = context.span
                with self.first.read("web:ask", fields=("utterance",)):
                    pass
                await stub.Generate(pb.GenerateRequest(prompt="What is that?"),
                                    sources={"prompt": ["web:ask#utterance"]}, timeout=20, wait_for_ready=True)

    def edges(self) -> dict[tuple[str, str], set[str]]:
        """The observed edges of both ends together, with their keys."""
        store = Store(":memory:")
        for emitter, sink in (("web", self.sent), ("inference", self.got)):
            store.add([Signal(emitter, record.seq, record.site.op, record.site.asset,  # type: ignore[arg-type]
                              record.site.fields, record.site.links, record.site.linked, record.site.family,
                              record.site.via, (record.key,) if record.key else (), record.scope, record.activity,
                              record.purpose, record.rows, json.loads(record.detail or "{}"))
                       for record in sink.records])
        found = derive(store, Declared([], {}), {})
        return {(edge.source, edge.target): edge.keys for edge in found.edges if edge.state == "observed"}


def keys(sink: MemorySink) -> set[str]:
    return {record.key for record in sink.records if record.site.op in ("read", "write", "call")}


def gaps(sink: MemorySink) -> list[str]:
    return [json.loads(record.detail)["why"] for record in sink.records if record.site.op == "gap"]


async def asked(mode: str, **metadata: str) -> tuple[Chain, Service]:
    """One question through a chain whose middle is instrumented as ``mode`` says."""
    chain = Chain()
    async with chain.last() as address:
        with running(mode, address) as service:
            await chain.ask((await service.said())["address"], **metadata)
            await service.end()
    return chain, service


async def test_a_service_of_opentelemetry_in_the_middle_keeps_the_link() -> None:
    chain, service = await asked("middle", traceparent=f"00-{KEY}-{SPAN}-01", tracestate=STATE)
    assert keys(chain.sent) == keys(chain.got) == {KEY}
    assert gaps(chain.sent) == gaps(chain.got) == []
    assert chain.edges() == {("web:ask#utterance", f"{NAME}.request#prompt"): {KEY},
                             (f"{NAME}.request#prompt", f"{NAME}.response#answer"): {KEY}}
    # Its exported spans hang below the one that A sent, and above what C was sent: one trace.
    server, client = (next(span for span in service.spans if span["kind"] == kind) for kind in ("SERVER", "CLIENT"))
    assert {span["trace"] for span in service.spans} == {KEY}
    assert (server["parent"], client["parent"]) == (chain.span, server["span"])
    assert chain.model.values("traceparent") == [f"00-{KEY}-{client['span']}-01"]
    assert chain.model.values("tracestate") == chain.model.states == [STATE]


async def test_without_instrumentation_in_the_middle_the_link_is_lost_and_that_is_a_gap() -> None:
    chain, service = await asked("none", traceparent=f"00-{KEY}-{SPAN}-01")
    assert service.spans == []
    assert keys(chain.sent) == {KEY}
    assert keys(chain.got) != {KEY}
    assert gaps(chain.got) == ["a request arrived with no traceparent"]


async def test_a_trace_that_opentelemetry_began_is_the_correlation_key() -> None:
    chain = Chain()
    async with chain.last() as address:
        with running("head", address) as service:
            began = (await service.said())["trace"]
            await service.end()
    assert keys(chain.got) == {began}
    assert {span["trace"] for span in service.spans} == {began}
    assert gaps(chain.got) == []


async def test_what_is_not_sampled_is_not_exported_and_has_its_lineage_all_the_same() -> None:
    chain, service = await asked("middle", traceparent=f"00-{KEY}-{SPAN}-00", tracestate=STATE)
    assert service.spans == []
    assert keys(chain.sent) == keys(chain.got) == {KEY}
    assert [parent[-2:] for parent in (*chain.model.values("traceparent"), *chain.model.parents)] == ["00", "00"]
    assert chain.model.states == [STATE]


async def test_both_in_one_service_send_one_traceparent_of_one_trace() -> None:
    chain, service = await asked("both", traceparent=f"00-{KEY}-{SPAN}-01", tracestate=STATE)
    assert [parse_traceparent(value) for value in chain.model.values("traceparent")] == [KEY]
    assert chain.model.values("tracestate") == [STATE]
    assert keys(chain.sent) == keys(chain.got) == {KEY}
    assert service.recorded == [["read", KEY], ["call", KEY], ["write", KEY]]
    assert {span["trace"] for span in service.spans} == {KEY}


async def test_over_http_too(tmp_path: Path) -> None:
    sent, got = MemorySink(), MemorySink()
    first, last = PrivacyLib("app", [Capture(sent)], family="A"), PrivacyLib("web", [Capture(got)], family="A")
    app = fastapi.FastAPI()
    states: list[str | None] = []

    @app.post("/v1/ask")
    async def ask() -> dict[str, str]:
        states.append(last.headers().get("tracestate"))
        return {}

    server = await HttpServer.start(app, "127.0.0.1:0", last, Journal(tmp_path / "journal.db", "web"))
    with running("http", server.address) as service:
        transport = first.http(httpx.AsyncHTTPTransport(), ROUTES)
        address = (await service.said())["address"]
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{address}", timeout=20) as client:
            with first.handling("app:ask", {"traceparent": f"00-{KEY}-{SPAN}-01", "tracestate": STATE}):
                answer = await client.post("/v1/ask", json={}, headers={"tracestate": "mine=1"})
        await service.end()
    await server.stop()
    assert answer.json() == {}
    assert keys(sent) == keys(got) == {KEY}
    assert {span["trace"] for span in service.spans} == {KEY}
    assert states == [STATE]


@pytest.mark.parametrize("parent", [f"cc-{KEY}-{SPAN}-01-what-the-future-brings", f"cc-{KEY}-{SPAN}-01",
                                    f"01-{KEY}-{SPAN}-ff"])
def test_a_later_version_is_read_as_far_as_it_is_known_and_answered_with_ours(parent: str) -> None:
    lib = PrivacyLib("web", [Capture(MemorySink())])
    with lib.handling("web:ask", {"traceparent": parent, "tracestate": STATE}) as context:
        sent = dict(lib.outgoing())
    assert context.key == KEY
    assert sent["traceparent"] == f"00-{KEY}-{context.span}-01"
    assert sent["tracestate"] == STATE


@pytest.mark.parametrize(("flags", "kept"), [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("ff", "03")])
def test_only_flags_that_the_version_defines_are_sent_on(flags: str, kept: str) -> None:
    assert flags_of(f"00-{KEY}-{SPAN}-{flags}") == kept
    lib = PrivacyLib("web", [Capture(MemorySink())])
    with lib.scope(traceparent=f"00-{KEY}-{SPAN}-{flags}"), lib.activity("job:x"):
        assert lib.headers()["traceparent"].endswith(f"-{kept}")
        baggage = lib.baggage()
    with lib.resume(baggage) as context:
        assert (context.key, context.flags) == (KEY, kept)


@pytest.mark.parametrize("parent", ["nonsense", "", f"ff-{KEY}-{SPAN}-01"])
def test_the_state_of_a_trace_that_is_not_known_is_not_sent_on(parent: str) -> None:
    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink)])
    with lib.handling("web:ask", {"traceparent": parent, "tracestate": STATE}):
        assert "tracestate" not in lib.headers()
    assert gaps(sink) == ["a request arrived with a malformed traceparent"]


@given(st.one_of(st.none(), st.binary(), st.text(), st.text(min_size=500, max_size=600)))
def test_any_state_can_be_sent_on_or_is_left_out(state: object) -> None:
    kept = tracestate_of(state)
    assert kept in ("", state)
    assert len(kept) <= 512
    assert kept.isascii()
    assert kept.isprintable()


GOOD = [f"00-{key * 32}-{SPAN}-01" for key in "ab"]


@given(st.lists(st.sampled_from([*GOOD, "nonsense", f"ff-{KEY}-{SPAN}-01"]), max_size=4), st.booleans())
def test_of_several_traceparents_the_first_valid_one_counts(parents: list[str], reverse: bool) -> None:
    pairs = [*(("traceparent", parent) for parent in parents), ("x", "1")]
    found = received(reversed(pairs) if reverse else pairs)
    wanted = [parent for parent in (parents[::-1] if reverse else parents) if parent in GOOD]
    assert found["x"] == "1"
    key = parse_traceparent(found.get("traceparent"))
    assert key == (parse_traceparent(wanted[0]) if wanted else None)


def test_several_states_are_one_list_in_their_order() -> None:
    assert received([("tracestate", "a=1"), ("traceparent", GOOD[0]), ("tracestate", "b=2")]) == {
        "tracestate": "a=1,b=2", "traceparent": GOOD[0]}


async def test_metadata_of_the_callers_own_is_sent_and_says_no_other_context() -> None:
    chain = Chain()
    async with chain.last() as address, grpc.aio.insecure_channel(address) as channel:
        stub = inference_pb2_grpc.InferenceStub(chain.first.channel(channel))
        with chain.first.scope(key=KEY):
            await stub.Generate(pb.GenerateRequest(prompt="x"), metadata=(
                ("traceparent", GOOD[0]), ("tracestate", "mine=1"), ("x-tenant", "7")))
    assert [parse_traceparent(value) for value in chain.model.values("traceparent")] == [KEY]
    assert chain.model.values("tracestate") == []
    assert chain.model.values("x-tenant") == ["7"]
