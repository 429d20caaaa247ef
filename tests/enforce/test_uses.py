"""Purpose as use in function-based code: of what arrives, before a handler runs, and of what a call is to hand over."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement, parse
from lineage.enforce.rulebook import Rulebook
from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import Capture, MemorySink, PrivacyLib, claims
from lineage.privacylib.scope import handling
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc, logger_pb2, logger_pb2_grpc
from protos.rows_pb2 import Row, Rows, Value
from tests.services.fakes import serving, stub

KEY = "0af7651916cd43dd8448eb211c80319c"
G = "GLASSES_INTERACTION"
RULE = Requirement("r", 1, "o", "z", "enforcement", frozenset({G}), frozenset({"assistance"}))
CALL = "rpc:inference.Generate"
BY_ORIGIN = f"""
requirement: r
version: 1
owner: o
zone: z
mode: enforcement
governs: [{G}]
permit: {{purposes: {{"*": [assistance, safety], EU: [safety]}}}}
"""


def library(rule: Requirement = RULE, service: str = "web") -> tuple[PrivacyLib, MemorySink, Rulebook]:
    sink, book = MemorySink(), Rulebook([rule])
    lib = PrivacyLib(service, [Capture(sink), Guard(book)])
    lib.register("web:ask", {"utterance": Label("user.utterance", (G,)), "asked_at": Label(operational="time"),
                             "note": Label()})
    for side, name in (("request", "prompt"), ("response", "answer")):
        lib.register(f"{CALL}.{side}", {name: Label("user.utterance", (G,)), "model": Label(operational="identifier")})
    sink.records.clear()
    return lib, sink, book


def decisions(sink: MemorySink) -> list[dict[str, Any]]:
    return [json.loads(record.detail) for record in sink.records if record.site.op == "decision"]


def permitted(lib: PrivacyLib, kind: str) -> bool:
    operation = lib.read("web:ask") if kind == "read" else lib.call(CALL, sources={"prompt": ["web:ask#utterance"]})
    try:
        with operation:
            return True
    except PolicyDenied as refused:
        assert refused.code in ("PAI301", "PAI310")
        return False


@pytest.mark.parametrize("kind", ["read", "call"])
@pytest.mark.parametrize(("purpose", "good"), [("assistance", True), ("ads_ranking", False), ("", True)])
def test_a_request_is_used_for_its_purpose(kind: str, purpose: str, good: bool) -> None:
    lib, sink, _ = library()
    with lib.scope(key=KEY, purpose=purpose):
        assert [permitted(lib, kind) for _ in range(2)] == [good, good]
    told = decisions(sink)
    assert [one["verdict"] for one in told] == ([] if good else ["blocked"] * 2)
    if told:
        where, asset = ("boundary", "web:ask#utterance") if kind == "read" else ("guard", f"{CALL}.request#prompt")
        assert (told[0]["where"], told[0]["inputs"], told[0]["purpose"]) == (where, [asset], purpose)


@pytest.mark.parametrize("activity", ["", "query:x", "job:x"])
@pytest.mark.parametrize(("purpose", "good"), [("assistance", True), ("ads_ranking", False)])
@pytest.mark.parametrize("kind", ["arrives", "call", "carries"])
def test_an_activity_that_the_sender_added_lifts_nothing(kind: str, purpose: str, good: bool, activity: str) -> None:
    """The line that adds one is signed by nobody."""
    rows = {"glasses_session": {"utterance": Label("user.utterance", (G,))}}
    lib = PrivacyLib("logger", [Guard(Rulebook([RULE]), schemas=rows)])
    for name in ("rpc:logger.Append.request", "rpc:warehouse.Append.request"):
        lib.register(name, {"key": Label(operational="key")})
    lib.register(f"{CALL}.request", {"prompt": Label("user.utterance", (G,))})
    said = claims.encode(principal="web", purpose=purpose)
    sent = dict(metadata()) | {"sightline-policy-bin": claims.under(activity, said) if activity else said}
    operation = {"arrives": lambda: lib.read("rpc:logger.Append.request", fields=("glasses_session.utterance",)),
                 "call": lambda: lib.call(CALL, fields=("request.prompt",)),
                 "carries": lambda: lib.call("rpc:warehouse.Append", fields=("request.glasses_session.utterance",))}
    happened = []
    try:
        with handling(lib, "rpc:logger.Append.request", sent, "B", ""), operation[kind]():
            happened.append(kind)
    except PolicyDenied as refused:
        assert refused.code == "PAI301"
    assert bool(happened) is good


def test_what_no_requirement_governs_and_what_nobody_labelled_is_no_use() -> None:
    lib, _, _ = library()
    with lib.scope(key=KEY, purpose="ads_ranking"):
        with lib.read("web:ask", fields=("asked_at", "note")), lib.call(CALL, fields=("request.model",)):
            pass


def test_the_response_of_a_call_is_not_what_it_hands_over() -> None:
    lib, _, _ = library()
    with lib.scope(key=KEY, purpose="ads_ranking"), lib.call(CALL, fields=("request.model", "response.answer")):
        pass


@pytest.mark.parametrize(("region", "good"), [("US", True), ("SE", False), ("", True)])
def test_a_rule_by_origin_goes_by_where_the_request_began(region: str, good: bool) -> None:
    """Where that is not known it is on its way, and who knows each row's origin judges by it."""
    lib, _, _ = library(parse(BY_ORIGIN, Path("r.yaml")))
    with lib.scope(key=KEY, purpose="assistance", region=region):
        assert permitted(lib, "read") is good and permitted(lib, "call") is good


def test_logging_mode_lets_it_through_and_says_so_and_a_flow_too() -> None:
    lib, sink, book = library(replace(RULE, mode="logging"))
    lib.register("web:bare", {"note": Label("user.utterance")})
    sink.records.clear()
    with lib.scope(key=KEY, purpose="ads_ranking"):
        assert permitted(lib, "read") and permitted(lib, "read") and permitted(lib, "call")
        with lib.write("web:bare", sources={"note": ["web:ask#utterance"]}):
            pass
    told = list({one["id"]: one for one in decisions(sink)}.values())
    assert [(one["verdict"], one["code"], one["where"]) for one in told] == [
        ("allowed", "PAI301", "boundary"), ("allowed", "PAI301", "guard"), ("allowed", "PAI302", "guard")]
    assert all(one["reason"].startswith("in logging mode only: ") and one["requirements"] == ["r@1"] for one in told)
    book.replace([replace(RULE, version=2)])
    with lib.scope(key=KEY, purpose="ads_ranking"):
        assert not permitted(lib, "read")


@given(st.sets(st.sampled_from(["assistance", "safety", "ads_ranking"]), min_size=1),
       st.sampled_from(["assistance", "safety", "ads_ranking", "unheard_of"]), st.sampled_from(["read", "call"]))
def test_it_is_the_rules_that_decide(purposes: set[str], purpose: str, kind: str) -> None:
    lib, _, book = library(replace(RULE, purposes=frozenset(purposes)))
    with lib.scope(key=KEY, purpose=purpose):
        assert permitted(lib, kind) is (not book.rules.use({G}, purpose)) is (purpose in purposes)


# --- over real gRPC: the call tree, and a callee whose caller has no guard --------------------------


class Model(inference_pb2_grpc.InferenceServicer):
    def __init__(self, lib: PrivacyLib) -> None:
        self.lib = lib
        self.ran = 0

    async def Generate(self, request: pb.GenerateRequest, context: Any) -> pb.GenerateResponse:
        self.ran += 1
        # Deep in the call tree of a request that has loaded annotated data.
        with pytest.raises(PolicyDenied, match="PAI302"), self.lib.write("file:debug", sources={"line": []}):
            pytest.fail("the write happened")
        return pb.GenerateResponse(answer="A lighthouse")


@asynccontextmanager
async def model(rule: Requirement = RULE) -> AsyncIterator[tuple[Model, Any, MemorySink]]:
    sink = MemorySink()
    lib = PrivacyLib("inference", [Capture(sink), Guard(Rulebook([rule]))])
    lib.register("file:debug", {"line": Label("user.utterance")})
    service = Model(lib)
    async with serving(lambda server: inference_pb2_grpc.add_InferenceServicer_to_server(
            service, lib.server(server))) as address:
        async with stub(inference_pb2_grpc.InferenceStub, address) as asked:
            yield service, asked, sink


def metadata(**said: str) -> tuple[tuple[str, Any], ...]:
    return (("traceparent", f"00-{KEY}-b7ad6b7169203331-01"), ("sightline-policy-bin", claims.encode(**said)))


async def test_what_arrives_for_a_purpose_that_is_not_permitted_never_reaches_its_handler() -> None:
    async with model() as (service, asked, sink):
        for purpose in ("ads_ranking", "assistance", "ads_ranking"):
            try:
                await asked.Generate(pb.GenerateRequest(prompt="What is that?"), metadata=metadata(purpose=purpose),
                                     timeout=10)
                assert purpose == "assistance"
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.PERMISSION_DENIED and "PAI301" in (error.details() or "")
                assert purpose == "ads_ranking"
        assert service.ran == 1
        refused = [one for one in decisions(sink) if one["code"] == "PAI301"]
        assert len(refused) == 2 and {one["where"] for one in refused} == {"boundary"}
        assert "rpc:inference.Generate.request#prompt" in refused[0]["inputs"]


async def test_a_zone_begins_where_annotated_data_is_loaded_and_covers_the_call_tree() -> None:
    """Function-based: before the load everything may be written; after it nothing less restrictive, however deep."""
    async with model() as (service, _, _):
        lib = service.lib
        with lib.scope(key=KEY, purpose="assistance"):
            with lib.write("file:debug", sources={"line": []}):
                pass
            with lib.read("rpc:inference.Generate.request", fields=("prompt",)):
                pass
            await service.Generate(pb.GenerateRequest(), None)
        with lib.scope(key=KEY, purpose="assistance"), lib.write("file:debug", sources={"line": []}):
            pass  # another request's tree


async def test_a_log_entry_is_judged_by_the_category_that_it_carries() -> None:
    """A field of another schema inside a message: the process that knows the schema judges it on arrival."""
    lib, ran = PrivacyLib("logger", [Guard(Rulebook([RULE]))]), []
    lib.register("logger:glasses_session", {"utterance": Label("user.utterance", (G,)),
                                            "asked_at": Label(operational="time")})

    class Logger(logger_pb2_grpc.LoggerServicer):
        async def Append(self, request: logger_pb2.LogRequest, context: Any) -> logger_pb2.LogResponse:
            ran.append(list(request.events.columns))
            return logger_pb2.LogResponse()

    async with serving(lambda server: logger_pb2_grpc.add_LoggerServicer_to_server(Logger(), lib.server(server))) as to:
        async with stub(logger_pb2_grpc.LoggerStub, to) as asked:
            for column in ("asked_at", "utterance"):
                rows = Rows(schema="glasses_session", columns=[column], rows=[Row(values=[Value(text="x")])])
                try:
                    await asked.Append(logger_pb2.LogRequest(events=rows), metadata=metadata(purpose="ads_ranking"),
                                       timeout=10)
                except grpc.aio.AioRpcError as error:
                    assert column == "utterance" and "PAI301" in (error.details() or "")
    assert ran == [["asked_at"]]
