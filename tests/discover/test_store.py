"""The store and the collector: exactly once, whole batches or none, holes reported up to their end."""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from lineage.discover.collector import decode
from lineage.discover.declare import Declared
from lineage.discover.lineage import derive
from lineage.discover.store import Store
from lineage.model import Signal
from lineage.privacylib import Site
from lineage.privacylib.batch import encode, halves, numbers
from lineage.privacylib.context import scope_of
from lineage.privacylib.posture import Who
from protos import collector_pb2 as pb

texts = st.text(max_size=8)
assets = st.sampled_from(["web:ask", "rpc:inference.Generate", "warehouse:core.sessions", "checkpoint:assistant@2"])
sites = st.builds(Site, st.sampled_from(["read", "write", "call"]), assets, st.tuples(st.sampled_from(["u", "a.b"])),
                  st.just((("f", ("web:ask#u", "web:ask")),)), st.booleans(), st.sampled_from("ABCD"), texts)
whos = st.builds(Who, service=texts, activity=st.just(""), purpose=texts)
traces = st.tuples(st.text("0123456789abcdef", min_size=1, max_size=32), st.integers(1, 2**40) | texts, whos)
entries = st.lists(st.tuples(sites, traces, st.integers(0, 2**32 - 1)), min_size=1, max_size=20)


@given(entries, st.integers(0, 2**40), st.data())
def test_what_was_recorded_arrives(given: list[Any], first: int, data: st.DataObject) -> None:
    counts = data.draw(st.just([]) | st.lists(st.integers(1, 9), min_size=len(given), max_size=len(given)))
    entries = [*chain(*(((site, rows, ""), trace) for site, trace, rows in given))]
    batch = pb.SignalBatch.FromString(encode("web", entries, counts, first=first).SerializeToString())
    signals = decode(batch)
    assert [(one.op, one.asset, one.fields, one.links, one.keys, one.scope, one.purpose, one.rows)
            for one in signals] == [(site.op, site.asset, site.fields, site.links, (trace[0],), scope_of(trace),
                                     trace[2].purpose, rows) for site, trace, rows in given]
    expected = [first + (sum(counts[:index]) if counts else index) for index in range(len(given))]
    assert [one.seq for one in signals] == expected
    left, right = halves(batch)
    assert [*decode(left), *decode(right)] == signals
    assert numbers(left) + numbers(right) == numbers(batch) == (sum(counts) or len(given))


def batch(**changes: object) -> pb.SignalBatch:
    fields: dict[str, object] = {
        "emitter": "web", "first": 0, "sites": [pb.Site(op="read", asset="web:ask")], "site": [0], "key": ["k"],
        "scope": ["s"], "activity": [""], "purpose": [""], "rows": [1], "detail": [""], "run": [1], "traces": [1],
        "number": [1]}
    return pb.SignalBatch(**{**fields, **changes})  # type: ignore[arg-type]


def site(op: str, asset: str = "web:ask", **more: Any) -> list[pb.Site]:
    return [pb.Site(op=op, asset=asset, **more)]


DECISION = {"id": "1", "activity": "job:a", "purpose": "", "principal": "", "verdict": "blocked", "code": "PAI301",
            "reason": "", "where": "gate", "inputs": ["web:ask#u"], "requirements": ["r@1"]}


def said(op: str, **changes: object) -> dict[str, object]:
    return {"sites": site(op), "detail": [json.dumps({**DECISION, **changes})]}


@pytest.mark.parametrize("changes", [
    {"key": []}, {"key": ["k", "k"]}, {"site": [1]}, {"run": [2]}, {"run": [2**32 - 1]}, {"run": [0]},
    {"traces": [2]}, {"traces": [2**32 - 1]}, {"scope": []}, {"number": []}, {"rows": [1, 1]}, {"run": []},
    {"emitter": ""}, {"detail": ["{"]}, {"detail": ["[1]"]},
    {"detail": ["[" * 5000]}, {"detail": ['"\\ud800' + "[" * 9000]}, {"detail": ['{"keys": [1]}']},
    {"detail": ['{"keys": 1}']}, {"detail": ['{"reads": {"t": "c"}}']}, {"detail": ['{"statement": 1}']},
    {"detail": ['{"entry": 1}']},
    {"detail": ['{"part": [4, 4]}']}, {"detail": ['{"part": [0, 1e9]}']}, {"detail": ['{"part": 1}']},
    {"sites": site("dance")}, {"sites": site("read", "no name")}, {"sites": site("write", "kitchen:sink")},
    {"sites": site("read", fields=["a@!"])}, {"activity": ["who"]}, {"count": [0]}, {"count": [1, 1]},
    {"first": 2**63}, {"recorded": 2**63}, {"count": [2**64 - 1]},
    {"sites": site("write", links=[pb.Link(field="f", sources=["?"])])},
    said("decision", inputs=["?"]), said("decision", inputs=None), said("decision", id=1),
    said("decision", activity="me"), {"sites": site("decision")},
    {"sites": site("gap")}, {"sites": site("finding"), "detail": ['{"code": "", "asset": "", "what": "", "next": ""}']},
    {"sites": site("proposal"), "detail": ["{}"]},
    {"sites": site("asset"), "detail": ['{"fields": {"u": {}}, "owner": ""}']},
    {"sites": site("asset"), "detail": ['{"declares": [["u", ["?"]]], "families": []}']},
    {"sites": site("asset"), "detail": ['{"declares": [["u", ["web:ask"]]]}']},
    {"sites": site("probe"), "detail": ['{"pairs": [["web:ask", "response:ask"]]}']},
    {"sites": site("probe"), "detail": ['{"pairs": [["?", "response:ask", "EXACT_MATCH", "HIGH"]]}']}])
def test_a_malformed_batch_is_refused_whole(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        decode(batch(**changes))


def test_what_is_well_formed_is_taken() -> None:
    for changes in (said("decision"), said("decision", activity=""),
                    {"sites": site("gap", "web"), "detail": ['{"code": "PAI201", "why": "lost"}']},
                    {"rows": [], "detail": []}, {"detail": ['{"keys": ["a", "b"], "x": "\\ud800"}']}):
        assert len(decode(batch(**changes))) == 1
    (signal,) = decode(batch(detail=['{"keys": ["a", "b"], "x": "\\ud800"}']))
    assert (signal.keys, signal.detail) == (("a", "b"), {"x": "?"})


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_batch_or_an_error(data: bytes) -> None:
    with suppress(DecodeError, ValueError):
        decode(pb.SignalBatch.FromString(data))


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                           lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                               st.sampled_from([*DECISION, "keys", "pairs", "declares", "fields", "reads", "owner",
                                                "families", "statement", "asset", "what", "next", "count", "why",
                                                "category", "annotations", "operational"]), inner, max_size=6),
                           max_leaves=12)


@given(st.sampled_from(["read", "write", "call", "probe", "proposal", "gap", "asset", "decision", "finding", "scope"]),
       json_values, st.booleans())
def test_what_is_taken_can_be_derived(op: str, detail: object, decided: bool) -> None:
    value = {**DECISION, **detail} if decided and isinstance(detail, dict) else detail
    try:
        signals = decode(batch(sites=site(op, fields=["u"]), detail=[json.dumps(value)]))
    except ValueError:
        return
    store = Store(":memory:")
    store.add(signals)
    derive(store, Declared([], {}), {}).assets()


def make(seq: int, emitter: str = "web") -> Signal:
    return Signal(emitter, seq, "read", "web:ask", ("u",), (("f", ("a",)),), True, "A", "", ("k",), "s", "", "", 1,
                  {"x": [1]})


@given(st.permutations(list(range(6))), st.sets(st.integers(0, 5)), st.integers(0, 8))
def test_order_and_repeats_do_not_matter_and_holes_are_found(order: list[int], missing: set[int], told: int) -> None:
    store = Store(":memory:")
    for seq in [seq for seq in order if seq not in missing] * 2:
        store.add([make(seq)], emitter="web", recorded=told)
    there = sorted(set(range(6)) - missing)
    assert [signal.seq for signal in store.signals()] == there
    lost = {seq for _, first, last in store.holes() for seq in range(first, last + 1)}
    end = max(told, there[-1] + 1) if there else 0
    assert lost == set(range(end)) - set(there)


def test_what_an_emitter_said_and_never_delivered_is_a_hole_at_the_end() -> None:
    store = Store(":memory:")
    store.add([make(0), make(1)], emitter="web", incarnation="1", recorded=5)
    store.add([], emitter="web", incarnation="2", recorded=3)
    store.add([make(0)], emitter="web", incarnation="3", recorded=1)
    store.add([], emitter="web", incarnation="1", recorded=4)  # late, and so no news
    assert store.holes() == [("web", 2, 4), ("web", 0, 2)]
    assert [(row["incarnation"], row["recorded"], row["delivered"], row["holes"]) for row in store.account()] == [
        ("1", 5, 2, [[2, 4]]), ("2", 3, 0, [[0, 2]]), ("3", 1, 1, [])]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.data())
def test_a_signal_that_stands_for_many_takes_their_numbers(counts: list[int], data: st.DataObject) -> None:
    starts = [sum(counts[:index]) for index in range(len(counts))]
    gone = data.draw(st.sets(st.integers(0, len(counts) - 1)))
    store = Store(":memory:")
    for index in data.draw(st.permutations([index for index in range(len(counts)) if index not in gone])):
        store.add([make(starts[index])], [counts[index]], emitter="web", recorded=sum(counts))
    store.add([], emitter="web", recorded=sum(counts))
    lost = [seq for _, first, last in store.holes() for seq in range(first, last + 1)]
    assert lost == [starts[index] + more for index in sorted(gone) for more in range(counts[index])]
    assert sum(store.counts().values()) + len(lost) == sum(counts) == len(list(store.signals())) + len(lost)


def test_the_scopes_of_two_incarnations_are_told_apart() -> None:
    store = Store(":memory:")
    store.add([make(0)], incarnation="b")
    store.add([make(0), make(1)], incarnation="a")
    assert [(signal.seq, signal.scope) for signal in store.signals()] == [(0, "s"), (1, "s"), (0, "s~1")]


def test_a_signal_comes_back_as_it_went(tmp_path: Path) -> None:
    store = Store(tmp_path / "lineage.db")
    store.add([make(0), make(0, "app")])
    assert list(store.signals()) == [make(0, "app"), make(0)]
    assert store.counts() == {"app": 1, "web": 1}
    assert store.next_seq("web") == 1
    assert store.next_seq("new") == 0
    store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lineage.db"]


def test_what_was_added_is_committed(tmp_path: Path) -> None:
    store = Store(tmp_path / "lineage.db")
    store.add([make(0)], emitter="web", recorded=1)
    other = sqlite3.connect(tmp_path / "lineage.db")
    assert other.execute("SELECT emitter, seq, op, asset FROM signals").fetchall() == [("web", 0, "read", "web:ask")]
    other.close()
    store.close()


def test_a_store_from_before_incarnations_is_taken_over(tmp_path: Path) -> None:
    old = Store(tmp_path / "lineage.db")
    old.add([make(0), make(2)])
    old.db.execute("DROP TABLE emitters")
    old.db.table("signals").transform(drop={"incarnation", "count"}, pk=("emitter", "seq"))
    old.close()
    store = Store(tmp_path / "lineage.db")
    assert list(store.signals()) == [make(0), make(2)]
    assert store.holes() == [("web", 1, 1)]
    store.add([make(1)])
    store.add([make(0)], incarnation="2")
    assert store.holes() == []
    assert store.counts() == {"web": 4}
    store.close()


def test_what_an_emitter_says_and_nobody_heard_of_is_a_hole() -> None:
    store = Store(":memory:")
    store.add([make(0), make(1)], emitter="web", incarnation="a", recorded=2)
    store.expect({"web": 2, "app": 0})
    assert store.holes() == []
    store.expect({"web": 5, "logger": 3})
    assert store.holes() == [("logger", 0, 2), ("web", 0, 2)]
