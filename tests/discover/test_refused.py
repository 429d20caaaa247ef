"""What the collector will not take, and what it takes and does not believe: each with a counted reason."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.discover.collector import Collector
from lineage.discover.contracts import Contracts
from lineage.discover.declare import Declared
from lineage.discover.decode import Refused, decode
from lineage.discover.lineage import Lineage, derive, save
from lineage.discover.store import Store
from lineage.model import Label, Signal
from lineage.privacylib import CollectorSink, Site
from protos import collector_pb2 as pb
from protos import collector_pb2_grpc
from tests.discover.test_store import DECISION, batch, json_values, site


@asynccontextmanager
async def collecting(path: Path | str = ":memory:") -> AsyncIterator[tuple[Store, Any, str]]:
    """A real collector: its store, a stub without any library, its address."""
    server, store = grpc.aio.server(), Store(path)
    collector_pb2_grpc.add_CollectorServicer_to_server(Collector(store), server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    async with grpc.aio.insecure_channel(address) as channel:
        yield store, channel.unary_unary("/sightline.Collector/Ship", response_deserializer=pb.ShipAck.FromString), \
            address
    await server.stop(0)
    store.close()


def derived(store: Store) -> Lineage:
    found = derive(store, Declared([], {}), {})
    save(store, found)
    return found


BAD = [({"site": [1]}, "an unknown site"), ({"key": []}, "columns of unequal length"),
       ({"rows": [1, 1]}, "columns of unequal length"), ({"count": [1, 1]}, "columns of unequal length"),
       ({"count": [0]}, "numbers that cannot be"), ({"first": 2**63}, "numbers that cannot be"),
       ({"sites": site("dance")}, "an unknown operation"), ({"emitter": ""}, "no emitter"),
       ({"sites": site("read", "kitchen:sink")}, "a name that is none"),
       ({"sites": site("write", links=[pb.Link(field="f", sources=["?"])])}, "a name that is none"),
       ({"activity": ["whoever I like"]}, "a name that is none"),
       ({"detail": ["{"]}, "a detail that the operation cannot have"),
       ({"detail": ["9" * 5000]}, "a detail that the operation cannot have"),
       ({"detail": ["[" * 5000]}, "a detail that the operation cannot have"),
       ({"sites": site("decision")}, "a detail that the operation cannot have")]


@pytest.mark.parametrize(("changes", "reason"), BAD)
async def test_a_bad_batch_is_refused_whole_and_its_reason_is_counted(changes: dict[str, object], reason: str) -> None:
    async with collecting() as (store, ship, _):
        for _ in range(2):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await ship(batch(**changes).SerializeToString())
            assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        emitter = str(changes.get("emitter", "web"))
        assert store.refused() == [{"emitter": emitter, "reason": reason, "count": 2}]
        assert store.counts() == {}
        (finding,) = [one for one in derived(store).findings if one.code == "PAI207"]
        assert (finding.asset, finding.count) == (emitter, 2)
        assert reason in finding.what


async def test_what_is_no_message_is_refused_and_nothing_is_stored(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # gRPC logs the traceback of what it cannot parse
    not_utf8 = batch().SerializeToString().replace(b"web:ask", b"web:\xff\xfe\xfd")
    async with collecting() as (store, ship, _):
        for data in (not_utf8, b"\xff" * 20):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await ship(data)
            assert error.value.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
        assert store.counts() == {}


async def test_who_sends_rubbish_cannot_fill_the_store(tmp_path: Path) -> None:
    async with collecting(tmp_path / "lineage.db") as (store, _, _):
        for number in range(150):
            store.refuse(f"{number}-" + "x" * 1000, "no emitter")
        rows = store.refused()
        assert len(rows) <= 101
        assert all(len(row["emitter"]) <= 64 for row in rows)
        assert sum(row["count"] for row in rows) == 150


async def test_one_bad_signal_of_ours_is_lost_alone_counted_on_both_sides() -> None:
    good, bad = Site("read", "web:ask", ("u",), (), False, "A", ""), Site("read", "no name", (), (), False, "A", "")
    async with collecting() as (store, _, address):
        sink = CollectorSink("web", address, interval=3600)
        for number in range(9):
            sink.append(bad if number == 4 else good, f"k{number}", "web-1", "", "", 1, "")
        assert await asyncio.to_thread(sink.flush, 10)
        account = sink.account
        await asyncio.to_thread(sink.close)
        assert (account["recorded"], account["delivered"], account["lost"]) == (9, 8, 1)
        assert store.holes() == [("web", 4, 4)]
        assert [(row["emitter"], row["reason"]) for row in store.refused()] == [("web", "a name that is none")]


# --- forged -----------------------------------------------------------------------------------------------------

HONEST = Label("user.utterance", ("GLASSES_INTERACTION",))


def contract(emitter: str, label: Label, owner: str = "web") -> Signal:
    return Signal(emitter, 0, "asset", "web:ask", detail={"owner": owner, "fields": {"utterance": {
        "category": label.category, "annotations": list(label.annotations), "operational": label.operational}}})


labels = st.builds(Label, st.sampled_from(["", "user.utterance", "user.location"]),
                   st.lists(st.sampled_from(["GLASSES_INTERACTION", "LOCATION"]), unique=True).map(tuple),
                   st.sampled_from(["", "count", "flag"]))


@given(st.lists(labels, min_size=1, max_size=4), st.permutations(["app", "logger", "web", "zzz"]))
def test_a_contract_of_anybody_can_raise_a_label_and_never_lower_it(forged: list[Label], emitters: list[str]) -> None:
    taken = Contracts()
    found = taken.take([contract(emitters[0], HONEST), *map(contract, emitters[1:], forged)])["web:ask"]["utterance"]
    other = Contracts().take([*map(contract, emitters[1:], forged), contract(emitters[0], HONEST)])
    assert set(found.annotations) >= set(HONEST.annotations)
    assert found.category
    assert not found.operational
    assert (set(found.annotations), found.category) == (
        set(other["web:ask"]["utterance"].annotations), other["web:ask"]["utterance"].category)
    differing = any(label != HONEST for label in forged[:3])
    assert bool(taken.contradictions) is differing


@pytest.mark.parametrize("emitter", ["aaa", "zzz"])
def test_a_forged_contract_frees_nothing_and_is_a_finding(emitter: str) -> None:
    store = Store(":memory:")
    store.add([contract("web", HONEST), contract(emitter, Label(operational="count"), owner="mallory"),
               Signal("web", 1, "read", "web:ask", ("utterance",), keys=("k",), scope="s", activity="job:x"),
               Signal("web", 2, "write", "logger:l", ("utterance",), keys=("k",), scope="s")])
    found = derived(store)
    asset = next(one for one in found.assets() if one["name"] == "web:ask")
    assert asset["annotations"] == ["GLASSES_INTERACTION"]
    assert ("web:ask#utterance", "logger:l#utterance") in {(edge.source, edge.target) for edge in found.edges}
    assert sorted((one.asset, one.what) for one in found.findings if one.code == "PAI208") == [
        ("web:ask", "registered under two owners; the first holds"),
        ("web:ask#utterance", "registered with two labels; the stricter holds")]


@pytest.mark.parametrize("order", [("aaa", "warehouse"), ("warehouse", "zzz")])
def test_a_forged_decision_takes_no_refusal_back(order: tuple[str, str]) -> None:
    store = Store(":memory:")
    for emitter in order:
        verdict = {"verdict": "blocked"} if emitter == "warehouse" else {"verdict": "allowed", "code": ""}
        store.add([Signal(emitter, 0, "decision", "job:a", detail={**DECISION, **verdict})])
    found = derived(store)
    assert [one["verdict"] for one in found.decisions] == ["blocked"]
    assert [one.count for one in found.findings if one.code == "PAI208"] == [1]


# --- the decoder, fuzzed ----------------------------------------------------------------------------------------

@settings(max_examples=200)
@given(st.data(), st.sampled_from([{}, *(changes for changes, _ in BAD)]), st.integers(0, 2))
def test_a_damaged_batch_is_no_message_or_refused_or_can_be_derived(data: st.DataObject, changes: dict[str, object],
                                                                     cut: int) -> None:
    whole = bytearray(batch(**{"detail": [json.dumps({"keys": ["a"]})], **changes}).SerializeToString())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        damaged = pb.SignalBatch.FromString(bytes(whole[:len(whole) - cut]))
        signals = decode(damaged)
    except (DecodeError, Refused):
        return
    store = Store(":memory:")
    store.add(signals, damaged.count, emitter=damaged.emitter, incarnation=damaged.incarnation,
              recorded=damaged.recorded)
    if sum(damaged.count) < 1000:
        derived(store)


@given(st.sampled_from(["read", "write", "call", "probe", "proposal", "gap", "asset", "decision", "finding"]),
       json_values, st.lists(st.sampled_from(["u", "a.b", "", "é", "x y"]), max_size=2))
def test_any_detail_is_refused_or_can_be_written_to_every_table(op: str, detail: object, fields: list[str]) -> None:
    value = {**DECISION, "asset": "web:ask", "what": "x", "next": "", "count": 1, "why": "x", "category": "c",
             **(detail if isinstance(detail, dict) else {"x": detail})}
    try:
        signals = decode(batch(sites=site(op, fields=fields), detail=[json.dumps(value)]))
    except Refused:
        return
    store = Store(":memory:")
    store.add(signals)
    derived(store)
