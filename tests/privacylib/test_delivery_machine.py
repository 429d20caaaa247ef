"""Recorded = delivered, exactly once, whatever happens in whatever order: a state machine without processes.

The collector is killed and started again on its file, acknowledgements are lost, batches arrive twice, late
and out of order, and emitters are killed and started again.  What only a killed emitter's memory held is
lost, and reported as exactly that.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import grpc
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lineage.discover.collector import decode
from lineage.discover.store import Store
from lineage.privacylib import CollectorSink, Site
from lineage.privacylib import batch as batch_module
from protos import collector_pb2 as pb
from tests.privacylib.test_shipper import Failure

READ = Site("read", "web:ask", ("u",), (), False, "A", "")


class Collector:
    """The stub of an emitter and the collector behind it, over a store in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store(path)
        self.up = True
        self.fault = ""
        self.late: list[bytes] = []

    def Ship(self, batch: pb.SignalBatch, timeout: float | None = None) -> pb.ShipAck:
        fault, self.fault = self.fault, ""
        if not self.up:
            raise Failure(grpc.StatusCode.UNAVAILABLE)
        data = batch.SerializeToString()
        if fault == "late":
            self.late.append(data)
            raise Failure(grpc.StatusCode.DEADLINE_EXCEEDED)
        for _ in range(2 if fault == "twice" else 1):
            self.take(data)
        if fault in ("unheard", "dies"):
            self.up = fault != "dies"
            raise Failure(grpc.StatusCode.UNAVAILABLE)
        return pb.ShipAck()

    def take(self, data: bytes) -> None:
        batch = pb.SignalBatch.FromString(data)
        self.store.add(decode(batch), batch.count, emitter=batch.emitter, incarnation=batch.incarnation,
                       recorded=batch.recorded)

    def restart(self) -> None:
        """What was committed is what it finds."""
        self.store.db.close()
        self.store = Store(self.path)
        self.up = True


class Delivery(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="sightline-test-"))
        self.collector = Collector(self.folder / "lineage.db")
        self.size, batch_module.MAX_BATCH = batch_module.MAX_BATCH, 3
        self.recorded: dict[str, int] = {}
        # Of each killed incarnation: from which number on it was in memory alone.
        self.lost: dict[str, int] = {}
        self.start()

    def start(self) -> None:
        self.sink = CollectorSink("web", "127.0.0.1:9", spool=self.folder / "spool", interval=3600)
        self.sink._stub = self.collector
        self.recorded[self.sink.incarnation] = 0

    @rule(count=st.integers(1, 8))
    def record(self, count: int) -> None:
        for _ in range(count):
            number = self.recorded[self.sink.incarnation]
            self.sink.append(READ, f"{self.sink.incarnation}/{number}", "web-1", "", "", 1, "")
            self.recorded[self.sink.incarnation] += 1

    @rule()
    def ship(self) -> None:
        self.sink._ship()

    @rule(fault=st.sampled_from(["twice", "late", "unheard", "dies"]))
    def fail_next(self, fault: str) -> None:
        self.collector.fault = fault

    @rule()
    def kill_collector(self) -> None:
        self.collector.up = False

    @rule()
    def restart_collector(self) -> None:
        self.collector.restart()

    @precondition(lambda self: self.collector.late)
    @rule(data=st.data())
    def late_arrives(self, data: st.DataObject) -> None:
        late = self.collector.late
        self.collector.take(late.pop(data.draw(st.integers(0, len(late) - 1))))

    @rule()
    def kill_emitter(self) -> None:
        sink: Any = self.sink
        # As SIGKILL does: what is in memory is gone, what is on disk stays, the lock is free.
        in_memory = sum(map(batch_module.numbers, sink._pending)) + sink.recorded - sink._numbered
        self.lost[sink.incarnation] = sink.recorded - in_memory
        spools = [sink._spool, *sink._dead]
        sink._spool, sink._dead = None, []
        sink._pending.clear()
        sink._ship = lambda: False
        sink._collect = lambda full=False: True
        sink.close()
        for spool in spools:
            spool.release()
        self.start()

    @rule()
    def restart_emitter(self) -> None:
        """As SIGTERM does: it delivers, or spools, all that it has."""
        self.sink.close()
        self.start()

    @invariant()
    def nothing_is_there_twice_or_was_never_recorded(self) -> None:
        for signal in self.collector.store.signals():
            (key,) = signal.keys
            incarnation, _, number = key.partition("/")
            assert signal.seq == int(number) < self.recorded[incarnation]
        rows = self.collector.store.db.execute("SELECT count(*), count(DISTINCT keys) FROM signals").fetchone()
        assert rows[0] == rows[1]

    def teardown(self) -> None:
        try:
            self.collector.restart()
            self.collector.fault = ""
            assert self.sink.flush(10)
            for data in self.collector.late:
                self.collector.take(data)
            store = self.collector.store
            found: dict[str, set[int]] = {}
            for row in store.db.query("SELECT incarnation, seq FROM signals"):
                found.setdefault(row["incarnation"], set()).add(row["seq"])
            for incarnation, recorded in self.recorded.items():
                here = found.get(incarnation, set())
                # A batch that came late may have saved what its sender no longer had.
                assert here >= set(range(min(self.lost.get(incarnation, recorded), recorded)))
                holes = [hole for row in store.account() if row["incarnation"] == incarnation for hole in row["holes"]]
                missing = {seq for first, last in holes for seq in range(first, last + 1)}
                assert missing == set(range(recorded)) - here
                if incarnation not in self.lost:
                    assert not missing
        finally:
            self.sink.close()
            self.collector.store.db.close()
            batch_module.MAX_BATCH = self.size
            shutil.rmtree(self.folder, ignore_errors=True)


Delivery.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None,
                                      suppress_health_check=[HealthCheck.too_slow])
TestDelivery = Delivery.TestCase
