"""The store and the collector: exactly once, whole batches or none, holes reported."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.discover.collector import decode
from lineage.discover.store import Store
from lineage.model import Signal
from lineage.privacylib import Record, Site
from lineage.privacylib.sink import encode
from protos import collector_pb2 as pb

texts = st.text(max_size=8)
sites = st.builds(Site, st.sampled_from(["read", "write", "call"]), texts, st.tuples(texts),
                  st.just((("f", ("a", "b")),)), st.booleans(), st.sampled_from("ABCD"), texts)


@given(st.lists(st.tuples(sites, st.text("0123456789abcdef", min_size=1, max_size=32), texts, texts, texts,
                          st.integers(0, 2**32 - 1)), min_size=1, max_size=20), st.integers(0, 2**40))
def test_what_was_recorded_arrives(rows: list[tuple[Site, str, str, str, str, int]], first: int) -> None:
    records = [Record(first + index, *row, "") for index, row in enumerate(rows)]
    batch = pb.SignalBatch.FromString(encode("web", records).SerializeToString())
    signals = decode(batch)
    assert [(one.seq, one.op, one.asset, one.fields, one.links, one.keys, one.rows) for one in signals] == [
        (record.seq, record.site.op, record.site.asset, record.site.fields, record.site.links, (record.key,),
         record.rows) for record in records]


def batch(**changes: object) -> pb.SignalBatch:
    fields: dict[str, object] = {
        "emitter": "web", "first": 0, "sites": [pb.Site(op="read", asset="web:ask")], "site": [0], "key": ["k"],
        "scope": ["s"], "activity": [""], "purpose": [""], "rows": [1], "detail": [""]}
    return pb.SignalBatch(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("changes", [
    {"key": []}, {"key": ["k", "k"]}, {"site": [1]}, {"emitter": ""}, {"detail": ["{"]}, {"detail": ["[1]"]},
    {"sites": [pb.Site(op="dance", asset="web:ask")]}])
def test_a_malformed_batch_is_refused_whole(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        decode(batch(**changes))


def make(seq: int, emitter: str = "web") -> Signal:
    return Signal(emitter, seq, "read", "web:ask", ("u",), (("f", ("a",)),), True, "A", "", ("k",), "s", "", "", 1,
                  {"x": [1]})


@given(st.permutations(list(range(6))), st.sets(st.integers(0, 5)))
def test_order_and_repeats_do_not_matter_and_holes_are_found(order: list[int], missing: set[int]) -> None:
    store = Store(":memory:")
    for seq in [seq for seq in order if seq not in missing] * 2:
        store.add([make(seq)])
    there = sorted(set(range(6)) - missing)
    assert [signal.seq for signal in store.signals()] == there
    lost = {seq for _, first, last in store.holes() for seq in range(first, last + 1)}
    assert lost == {seq for seq in missing if there and seq < there[-1]}


def test_a_signal_comes_back_as_it_went(tmp_path: Path) -> None:
    store = Store(tmp_path / "lineage.db")
    store.add([make(0), make(0, "app")])
    assert list(store.signals()) == [make(0, "app"), make(0)]
    assert store.counts() == {"app": 1, "web": 1}
    assert store.next_seq("web") == 1
    assert store.next_seq("new") == 0
    store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lineage.db"]
