"""What arrives with a request and is not what it says: ignored and counted, and never a request that nobody sees."""

from __future__ import annotations

import contextlib
import json
import logging
import struct
import zlib
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.discover.decode import decode
from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import Capture, MemorySink, PrivacyLib, claims
from lineage.privacylib.asgi import Route
from lineage.privacylib.batch import encode, packed
from lineage.privacylib.context import POLICY, TRACEPARENT, parse_traceparent
from lineage.privacylib.segments import Segments
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc
from tests.privacylib import talk
from tests.privacylib.test_grpc import Pair

KEY = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{KEY}-b7ad6b7169203331-01"


def gaps(sink: MemorySink) -> list[str]:
    return [json.loads(record.detail)["why"] for record in sink.records if record.site.op == "gap"]


def collectable(sink: MemorySink) -> int:
    """How many of the recorded signals a collector takes; raises for the first that it would not."""
    return len(decode(encode("web", packed((record.site, *record[2:]) for record in sink.records))))


def handled(metadata: dict[str, Any]) -> MemorySink:
    """What a request with ``metadata`` leaves behind; its I/O is always done."""
    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink)])
    with lib.handling("web:ask", metadata), lib.read("web:ask", fields=("utterance",)):
        pass
    assert collectable(sink) == len(sink.records)
    return sink


@pytest.mark.parametrize("parent", [
    "nonsense", "", f"ff-{KEY}-b7ad6b7169203331-01", f"00-{KEY}-{'0' * 16}-01", f"{PARENT}-more", PARENT.upper(),
    f"01-{KEY}-b7ad6b7169203331-01-" + "x" * 10_000, "00-" + "é" * 32, b"\xff\xfe", 7, None])
def test_a_malformed_or_over_long_traceparent_is_one_gap_and_a_key_of_its_own(parent: object) -> None:
    sink = handled({TRACEPARENT: parent})
    assert gaps(sink) == ["a request arrived with a malformed traceparent"]
    (key,) = {record.key for record in sink.records}
    assert len(key) == 32
    assert key != KEY


FORGED = [
    (b"\xff\xfe", "claims are not JSON"), (b"[1]", "claims are not a JSON object"),
    (b"{" + b" " * claims.MAX_BYTES + b"}", f"claims are too long; at most {claims.MAX_BYTES} bytes"),
    (b"[" * 4000, "claims are not JSON"),
    (b'{"purpose": 1}', "claim 'purpose' is not a text"),
    (b'{"inputs": "all"}', "claim 'inputs' is not a list of texts"),
    (b'{"purpose": "\\ud800"}', ""), (b'{"activity": "whoever I like"}', "a claim names what is no asset"),
    (b'{"activity": "kitchen:sink"}', "a claim names what is no asset"),
    ("text in a header", ""), (7.5, "")]


@pytest.mark.parametrize(("forged", "why"), FORGED)
def test_a_malformed_policy_header_is_ignored_and_counted(forged: Any, why: str) -> None:
    sink = handled({TRACEPARENT: PARENT, POLICY: forged})
    (told,) = gaps(sink)
    assert told.startswith("claims were ignored: ")
    assert why in told
    assert {record.key for record in sink.records} == {KEY}
    assert {(record.activity, record.purpose) for record in sink.records} == {("", "")}


async def test_over_the_wire_the_request_is_answered_all_the_same() -> None:
    pair = Pair()
    async with pair.stub() as stub:
        del stub
        server = grpc.aio.server()
        inference_pb2_grpc.add_InferenceServicer_to_server(pair.model, pair.server.server(server))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            bare = inference_pb2_grpc.InferenceStub(channel)
            for parent, forged in (("nonsense", b"\xff"), (PARENT, b'{"activity": "me"}'), ("x" * 4000, b"{}")):
                answer = await bare.Generate(pb.GenerateRequest(prompt="x"),
                                             metadata=((TRACEPARENT, parent), (POLICY, forged)))
                assert answer.answer
        await server.stop(0)
    assert gaps(pair.got) == [
        "a request arrived with a malformed traceparent",
        "claims were ignored: claims are not JSON",
        "claims were ignored: a claim names what is no asset", "a request arrived with a malformed traceparent"]
    collectable(pair.got)


async def test_a_field_that_is_not_utf_8_is_refused_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # gRPC logs the traceback of what it cannot parse
    sink = MemorySink()
    lib = PrivacyLib("talk", [Capture(sink)])

    class Talk:
        async def Ask(self, request: Any, context: Any) -> Any:
            pytest.fail("it arrived")

        async def Converse(self, requests: Any, context: Any) -> Any:
            async for _ in requests:
                pytest.fail("it arrived")
                yield talk.Heard()

    server = grpc.aio.server()
    talk.add_to_server(Talk(), lib.server(server))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    data = talk.Said(text="abc").SerializeToString().replace(b"abc", b"\xff\xfe\xfd")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary(f"/{talk.SERVICE}/Ask")(data)
        with pytest.raises(grpc.aio.AioRpcError):
            async for _ in channel.stream_stream(f"/{talk.SERVICE}/Converse")(iter([data]), timeout=5):
                pass
    await server.stop(0)
    told = [(record.site.asset, json.loads(record.detail)) for record in sink.records
            if "decoded" in record.detail]
    assert told == [(f"rpc:talk.{name}.request", {"code": "PAI004", "why": "a request could not be decoded"})
                    for name in ("Ask", "Converse")]
    collectable(sink)


async def test_over_http_the_request_is_answered_all_the_same() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    sink = MemorySink()
    route = Route("web:ask", "response:ask", {"u": Label("user.utterance")}, {"answer": Label("user.answer")})
    instrumented: Any = PrivacyLib("web", [Capture(sink)]).asgi(app, {("POST", "/v1/ask"): route})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(instrumented), base_url="http://web") as client:
        for headers in ({TRACEPARENT: b"\xff\xfe"}, {TRACEPARENT: PARENT, POLICY: b"\xff{"}):
            assert (await client.post("/v1/ask", headers=headers)).status_code == 200
    assert [why.partition(":")[0] for why in gaps(sink)] == [
        "a request arrived with a malformed traceparent", "claims were ignored"]


# --- claims raise, and lower nothing ------------------------------------------------------------------------------

G = ("GLASSES_INTERACTION",)


def guarded() -> PrivacyLib:
    rule = Requirement("glasses", 1, "owner", "zone", "enforcement", frozenset(G), frozenset({"assistance"}))
    lib = PrivacyLib("web", [Capture(MemorySink()), Guard(Rules([rule]))])
    lib.register("web:ask", {"utterance": Label("user.utterance", G)})
    lib.register("file:out", {"text": Label("user.utterance")})
    return lib


@pytest.mark.parametrize("forged", [
    {"annotations": []}, {"annotations": {"web:ask#utterance": []}}, {"inputs": ["web:ask#utterance"]},
    {"requirements": ["glasses@1"], "inputs": ["web:ask#utterance"]}, {"labels": {}, "region": "EU"},
    {"purpose": "assistance", "principal": "policy"}])
def test_no_claim_takes_an_annotation_away(forged: dict[str, Any]) -> None:
    lib = guarded()
    with lib.handling("web:ask", {TRACEPARENT: PARENT, POLICY: claims.encode(**forged)}):
        with lib.read("web:ask", fields=("utterance",)):
            pass
        with pytest.raises(PolicyDenied) as refused, lib.write("file:out", fields=("text",), sources={}):
            pytest.fail("it was written")
    assert refused.value.code == "PAI302"


@pytest.mark.parametrize(("annotations", "blocked"), [({}, False), ({"GLASSES_INTERACTION": "web:ask#photo"}, True),
                                                      ({"INVENTED": "web:ask#photo"}, False)])
def test_baggage_can_raise_a_label_and_not_lower_one(annotations: dict[str, str], blocked: bool) -> None:
    lib = guarded()
    baggage = json.dumps({"traceparent": PARENT, "annotations": annotations})
    with lib.resume(baggage) as context, contextlib.ExitStack() as expected:
        if blocked:
            expected.enter_context(pytest.raises(PolicyDenied))
        with lib.write("file:out", fields=("text",), sources={}):
            assert not blocked
    with lib.resume(baggage) as context, pytest.raises(PolicyDenied):
        with lib.read("web:ask", fields=("utterance",)):
            pass
        assert set(context.annotations) >= set(G)
        with lib.write("file:out", fields=("text",), sources={}):
            pytest.fail("it was written")


@pytest.mark.parametrize("content", [{"activity": "whoever I like"}, {"annotations": {"G": "no name"}},
                                     {"annotations": {"G": "kitchen:sink"}}])
def test_baggage_that_names_what_is_no_asset_is_a_gap(content: dict[str, Any]) -> None:
    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink)])
    with lib.resume(json.dumps({"traceparent": PARENT, **content}), "logger:queue") as context:
        assert context.annotations == {}
    assert gaps(sink) == ["an item was taken from a queue with malformed baggage"]
    collectable(sink)


# --- the decoders, fuzzed ------------------------------------------------------------------------------------------

json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
                           lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
                           max_leaves=8)
fields = st.dictionaries(st.sampled_from(["principal", "purpose", "region", "activity", "inputs", "requirements",
                                          "traceparent", "claims", "annotations", "cut"]),
                         json_values | st.sampled_from([PARENT, "job:x", {"G": "web:ask#u"}, "e30="]), max_size=6)


@given(st.one_of(st.binary(max_size=300), fields.map(lambda one: json.dumps(one).encode())),
       st.one_of(st.none(), st.text(max_size=80), st.just(PARENT)))
def test_whatever_a_header_holds_the_request_is_seen(data: bytes, parent: str | None) -> None:
    sink = handled({POLICY: data, **({} if parent is None else {TRACEPARENT: parent})})
    assert [record.site.op for record in sink.records].count("read") == 1


@given(st.binary(max_size=300) | st.text(max_size=300) | fields.map(json.dumps) | json_values)
def test_whatever_baggage_holds_the_item_is_seen(data: object) -> None:
    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink), Guard(Rules([]))])
    with lib.resume(data, "logger:queue"), lib.read("logger:queue", fields=("utterance",)):
        pass
    assert collectable(sink) == len(sink.records)
    assert [record.site.op for record in sink.records].count("read") == 1


@given(st.text(alphabet="0123456789abcdef-", max_size=70) | st.from_regex(
    r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.{0,10})?", fullmatch=True))
def test_what_is_taken_for_a_traceparent_can_be_sent_on(text: str) -> None:
    if parse_traceparent(text) is None:
        return
    lib = PrivacyLib("web")
    with lib.handling("web:ask", {TRACEPARENT: text}):
        assert parse_traceparent(lib.headers()[TRACEPARENT]) == text[3:35]


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=8), st.data())
def test_a_spool_with_flipped_bits_gives_back_what_is_whole_and_nothing_else(
        tmp_path_factory: Any, frames: list[bytes], data: st.DataObject) -> None:
    folder: Path = tmp_path_factory.mktemp("spool")
    segments = Segments(folder, 1 << 20)
    for frame in frames:
        segments.append(frame)
    segments.close()
    (path,) = folder.iterdir()
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.integers(0, 8))
    path.write_bytes(whole[:max(0, len(whole) - cut)])
    again, found = Segments(folder, 1 << 20), []
    while (frame_found := again.first()) is not None:
        found.append(frame_found)
        again.done()
    # In order, each as it was written: a flipped length may hide what follows it, never invent anything.
    rest = iter(frames)
    assert all(any(frame == one for one in rest) for frame in found)
    assert not list(folder.iterdir())


@given(st.binary(max_size=200))
def test_any_file_is_read_as_frames_whose_checksums_are_right(tmp_path_factory: Any, content: bytes) -> None:
    folder: Path = tmp_path_factory.mktemp("spool")
    (folder / "00000001.seg").write_bytes(content)
    segments = Segments(folder, 1 << 20)
    while (frame := segments.first()) is not None:
        assert struct.pack("<II", len(frame), zlib.crc32(frame)) + frame in content
        segments.done()
