"""Shipping through a collector that fails, repeats, delays and refuses: exactly once in the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.discover.collector import decode
from lineage.discover.store import Store
from lineage.privacylib import CollectorSink, Site
from lineage.privacylib import batch as batch_module
from lineage.privacylib.posture import Who
from lineage.privacylib.segments import Segments
from lineage.privacylib.shipper import recover
from protos import collector_pb2 as pb

READ = Site("read", "web:ask", ("u",), (), False, "A", "")
WHO = Who("web")
BAD = Site("read", "no asset name", (), (), False, "A", "")


class Failure(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__(code)
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return "made by the test"


class FaultyCollector:
    """Does what ``faults`` say, call by call, then works: ``away``, ``unheard`` (taken, the answer lost),
    ``twice``, ``late`` (taken at the very end, the answer lost)."""

    def __init__(self, faults: list[str] = ()) -> None:  # type: ignore[assignment]
        self.faults = list(faults)
        self.arrived: list[bytes] = []
        self.late: list[bytes] = []

    def Ship(self, batch: pb.SignalBatch, timeout: float | None = None) -> pb.ShipAck:
        data = batch.SerializeToString()
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "away":
            raise Failure(grpc.StatusCode.UNAVAILABLE)
        if fault == "late":
            self.late.append(data)
            raise Failure(grpc.StatusCode.DEADLINE_EXCEEDED)
        try:
            decode(batch)
        except ValueError as error:
            raise Failure(grpc.StatusCode.INVALID_ARGUMENT) from error
        self.arrived += [data] * (2 if fault == "twice" else 1)
        if fault == "unheard":
            raise Failure(grpc.StatusCode.DEADLINE_EXCEEDED)
        return pb.ShipAck()

    def store(self) -> Store:
        store = Store(":memory:")
        for data in [*self.arrived, *self.late]:
            batch = pb.SignalBatch.FromString(data)
            store.add(decode(batch), batch.count, emitter=batch.emitter, incarnation=batch.incarnation,
                      recorded=batch.recorded)
        return store


@contextmanager
def sink(collector: FaultyCollector, **options: Any) -> Iterator[CollectorSink]:
    made = CollectorSink("web", "127.0.0.1:9", interval=3600, **options)
    made._stub = collector
    try:
        yield made
    finally:
        made.close()


def record(made: CollectorSink, count: int, site: Site = READ) -> None:
    for _ in range(count):
        made.append(site, f"k{made.recorded}", "web-1", "", "", 1, "")


faults = st.lists(st.sampled_from(["", "away", "unheard", "twice", "late"]), max_size=30)


@settings(max_examples=60, deadline=None)
@given(faults, st.lists(st.integers(0, 7), min_size=1, max_size=12), st.booleans(), st.integers(1, 4))
def test_recorded_is_delivered_exactly_once_whatever_happens_on_the_way(
        tmp_path_factory: Any, faulted: list[str], blocks: list[int], spooling: bool, size: int) -> None:
    collector = FaultyCollector(faulted)
    spool = tmp_path_factory.mktemp("spool") if spooling else None
    batch_module.MAX_BATCH, before = size, batch_module.MAX_BATCH
    try:
        with sink(collector, spool=spool) as made:
            for block in blocks:
                record(made, block)
                made._ship()
            assert made.flush(10)
            account = made.account
    finally:
        batch_module.MAX_BATCH = before
    store = collector.store()
    assert account["recorded"] == account["delivered"] == sum(blocks)
    assert store.counts() == ({"web": sum(blocks)} if sum(blocks) else {})
    assert store.holes() == []
    # In order, each once, whatever order the batches came in.
    assert [signal.keys for signal in store.signals()] == [(f"k{index}",) for index in range(sum(blocks))]
    assert spool is None or not list(spool.glob("web/0*"))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=40), faults)
def test_only_the_signal_that_is_refused_is_lost(good: list[bool], faulted: list[str]) -> None:
    collector = FaultyCollector([fault for fault in faulted if fault != "late"])
    with sink(collector) as made:
        for one in good:
            record(made, 1, READ if one else BAD)
        assert made.flush(10)
        account = made.account
    store = collector.store()
    assert (account["delivered"], account["lost"]) == (sum(good), len(good) - sum(good))
    assert [signal.seq for signal in store.signals()] == [index for index, one in enumerate(good) if one]
    assert {seq for _, first, last in store.holes() for seq in range(first, last + 1)} == {
        index for index, one in enumerate(good) if not one}


def test_a_restarted_emitter_ships_what_the_one_before_it_left(tmp_path: Path) -> None:
    away = FaultyCollector(["away"] * 100)
    with sink(away, spool=tmp_path) as made:
        record(made, 5)
        assert not made.flush(0)
        assert made.account["spooled"] == 5
        record(made, 3)  # in memory; spooled on closing
    assert made.account["spooled"] == 8
    collector = FaultyCollector()
    with sink(collector, spool=tmp_path) as made:
        record(made, 2)
        assert made.flush(0)
        account = made.account
    assert (account["recorded"], account["delivered"], account["recovered"]) == (2, 2, 8)
    store = collector.store()
    assert [(row["recorded"], row["delivered"], row["holes"]) for row in store.account()] == [(8, 8, []), (2, 2, [])]
    assert store.counts() == {"web": 10}
    assert not list(tmp_path.glob("web/0*"))


def test_a_folder_that_cannot_be_used_leaves_the_memory_and_is_counted(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    collector = FaultyCollector(["away"])
    with sink(collector, spool=tmp_path / "spool") as made:
        record(made, 5)
        assert not made.flush(0)
        assert made.flush(0)
        account = made.account
    assert (account["delivered"], account["spooled"], account["spool_errors"]) == (5, 0, 1)
    assert collector.store().holes() == []


def test_a_full_disk_leaves_the_rest_in_memory_and_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    collector = FaultyCollector(["away"] * 3)
    with sink(collector, spool=tmp_path) as made:
        record(made, 5)
        assert not made.flush(0)
        append = Segments.append
        monkeypatch.setattr(Segments, "append", full)
        record(made, 4)
        assert not made.flush(0)
        monkeypatch.setattr(Segments, "append", append)
        record(made, 3)
        assert not made.flush(0)
        assert made.flush(0)
        account = made.account
    assert (account["delivered"], account["spooled"], account["spool_errors"]) == (12, 12, 1)
    assert [signal.keys for signal in collector.store().signals()] == [(f"k{index}",) for index in range(12)]


def test_a_spool_has_an_end_and_what_is_beyond_it_waits_in_memory(tmp_path: Path) -> None:
    collector = FaultyCollector(["away"] * 5)
    with sink(collector, spool=tmp_path, spool_bytes=200) as made:
        for _ in range(5):
            record(made, 1)
            assert not made.flush(0)
        account = made.account
        assert 0 < account["spooled"] < 5
        assert account["spool_errors"] > 0
        assert made.flush(0)
    assert made.account["delivered"] == 5
    assert collector.store().holes() == []


def test_what_is_still_in_memory_at_the_end_is_lost_and_said() -> None:
    with sink(FaultyCollector(["away"] * 9)) as made:
        record(made, 5)
    assert (made.account["recorded"], made.account["delivered"], made.account["lost"]) == (5, 0, 5)


def test_what_dead_emitters_left_is_shipped_for_those_that_do_not_come_back(tmp_path: Path,
                                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    with sink(FaultyCollector(["away"] * 9), spool=tmp_path) as made:
        record(made, 5)
    collector = FaultyCollector()
    monkeypatch.setattr("lineage.privacylib.shipper.collector_pb2_grpc.CollectorStub", lambda channel: collector)
    assert recover(tmp_path, "127.0.0.1:9") == {"web": 5}
    assert recover(tmp_path, "127.0.0.1:9") == {"web": 0}
    assert collector.store().counts() == {"web": 5}


@pytest.mark.parametrize(("entry", "changed"), [
    ([READ, ("k\ud800", "s", WHO)], ["key"]), ([(READ, -1, ""), ("k", "s", WHO)], ["rows"]),
    ([(READ, 2**40, '{"x": 1}'), ("k", "s", WHO)], ["rows"]), ([READ, (None, -7, WHO)], ["key"]),
    ([(READ, [], ""), ("k", "s", WHO)], ["rows"]),
    ([READ, ("k", "s\ud800", WHO)], ["scope"]), ([READ, ("k", 1, Who("w", "", "p\ud800"))], ["purpose"]),
    ([(READ, 1, '{"x": "\udcff"}'), ("k", "s", WHO)], ["detail"]),
    ([(READ, 1, '{"x": "' + "y" * (5 << 20) + '"}'), ("k", "s", WHO)], ["detail"]),
    ([Site("read", "web:ask\udc80"), ("k", "s", WHO)], ["asset"])])
def test_what_cannot_be_sent_is_neutralised_and_says_so(entry: Any, changed: list[str]) -> None:
    (made,) = batch_module.batches("web", entry)
    assert made.ByteSize() < 1 << 20
    again = pb.SignalBatch.FromString(made.SerializeToString())
    assert f'"neutralised": {changed}'.replace("'", '"') in again.detail[0]


def test_batches_are_small_enough_to_be_sent() -> None:
    entries: Any = [
        part for index in range(10) for part in ((READ, 1, '"' + "y" * 900_000 + '"'), (f"k{index}", "s", WHO))]
    made = list(batch_module.batches("web", entries))
    assert all(one.ByteSize() <= batch_module.MAX_BYTES for one in made)
    assert [(one.first, len(one.site)) for one in made] == [
        (sum(len(before.site) for before in made[:index]), len(one.site)) for index, one in enumerate(made)]
    assert [key for one in made for key in one.key] == [f"k{index}" for index in range(10)]
