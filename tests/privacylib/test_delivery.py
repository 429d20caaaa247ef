"""Nothing lost between real processes: collectors and emitters that are killed, and started again."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lineage.discover.store import Store
from lineage.privacylib import CollectorSink
from lineage.privacylib.segments import _frames
from tests.privacylib.emitting import READ

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30.0


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


class Process:
    """A node of the simulator, in a process of its own, or any other program of ours."""

    def __init__(self, *command: str, **environment: str) -> None:
        self.process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE,
                                        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)})

    def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(SECONDS)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(SECONDS)

    def close(self) -> None:
        self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def running(*command: str, **environment: str) -> Iterator[Process]:
    process = Process(*command, **environment)
    try:
        yield process
    finally:
        process.close()


@pytest.fixture
def target() -> str:
    """An address that is free, for a collector that must come back to the same one."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


@contextmanager
def collector(data: Path, target: str) -> Iterator[Process]:
    with running("-m", "sim.cli.main", "node", "collector", "--listen", target, SIGHTLINE_DATA=str(data)) as process:
        assert process.line()["grpc"] == target
        yield process


@contextmanager
def policy(data: Path, target: str) -> Iterator[str]:
    """The address of the policy service, which every service asks who it is."""
    with running("-m", "sim.cli.main", "node", "policy", SIGHTLINE_DATA=str(data / "policy"),
                 SIGHTLINE_COLLECTOR=target) as process:
        yield str(process.line()["grpc"])


def arrived(data: Path) -> int:
    """How many of the emitters' lives have a signal in the store of a collector that runs."""
    with closing(sqlite3.connect(f"file:{data / 'lineage.db'}?mode=ro", uri=True)) as store:
        return int(store.execute("SELECT count(DISTINCT incarnation) FROM signals").fetchone()[0])


@contextmanager
def stored(data: Path) -> Iterator[Store]:
    store = Store(data / "lineage.db")
    try:
        yield store
    finally:
        store.close()


@pytest.mark.parametrize("spooling", [True, False])
def test_a_collector_killed_in_the_middle_costs_nothing(tmp_path: Path, target: str, spooling: bool) -> None:
    sink = CollectorSink("web", target, spool=tmp_path / "spool" if spooling else None)
    stop = threading.Event()

    def record() -> None:
        number = 0
        while not stop.is_set():
            for _ in range(20):
                sink.append(READ, f"k{number}", "web-1", "", "", 1, "")
                number += 1
            time.sleep(0.001)

    thread = threading.Thread(target=record)
    thread.start()
    try:
        with collector(tmp_path, target) as first:
            until(lambda: sink.account["delivered"] > 1_000)
            first.kill()
            before = sink.account["recorded"]
            until(lambda: sink.account["recorded"] > before + 1_000)
        with collector(tmp_path, target) as second:
            before = sink.account["delivered"]
            until(lambda: sink.account["delivered"] > before + 1_000)
            stop.set()
            thread.join()
            assert sink.flush(SECONDS)
            sink.close()
            assert second.stop() == 0
    finally:
        stop.set()
        thread.join()
        sink.close()
    account = sink.account
    assert account["recorded"] == account["delivered"] > 3_000
    assert (account["spooled"] > 0) is spooling
    assert (account["dropped"], account["lost"], account["aggregated"]) == (0, 0, 0)
    with stored(tmp_path) as store:
        assert store.counts() == {"web": account["recorded"]}
        assert store.holes() == []
        assert [signal.keys for signal in store.signals()] == [(f"k{index}",) for index in range(account["recorded"])]


def test_a_killed_emitter_loses_what_was_in_its_memory_and_its_successor_says_the_range(
        tmp_path: Path, target: str) -> None:
    witness, spool = tmp_path / "witness", tmp_path / "spool"
    emitting = (str(ROOT / "tests/privacylib/emitting.py"), target, str(spool), str(witness))
    with running(*emitting, "0", "0.05") as alone:  # the collector is away: what it loses is not in the spool yet
        # A whole frame: a file that was only just made holds none yet.
        until(lambda: any(_frames(path) for path in spool.glob("web/*/*.seg")))
        alone.kill()
    first = witness.stat().st_size
    with collector(tmp_path, target) as process:
        with running(*emitting, "0", "0.05") as other:
            # The first acknowledgement, not a count of signals: it may record thousands before anything is shipped,
            # and one that is killed so early has rightly delivered nothing.
            until(lambda: witness.stat().st_size > first + 5_000 and arrived(tmp_path) == 2)
            other.kill()
        second = witness.stat().st_size - first
        with running(*emitting, "0", "3600") as silent:  # it had everything in memory
            until(lambda: witness.stat().st_size > first + second + 500)
            silent.kill()
        third = witness.stat().st_size - first - second
        with running(*emitting, "10", "0.05") as last:
            account = last.line()
        assert process.stop() == 0
    assert (account["recorded"], account["delivered"]) == (10, 10)
    assert not list(spool.glob("web/0*"))
    with stored(tmp_path) as store:
        one, two, three, four = store.account()
        # The witness writes after the signal: it may have seen one less.
        assert one["recorded"] - first in (0, 1)
        assert two["recorded"] - second in (0, 1)
        assert three["recorded"] - third in (0, 1)
        assert (three["delivered"], three["holes"]) == (0, [[0, three["recorded"] - 1]])
        assert (four["recorded"], four["delivered"], four["holes"]) == (10, 10, [])
        for life in (one, two):
            lost = life["recorded"] - life["delivered"]
            assert life["delivered"] > 0
            assert life["holes"] == ([[life["delivered"], life["recorded"] - 1]] if lost else [])
        assert store.holes() == [("web", low, high) for life in (one, two, three) for low, high in life["holes"]]
        assert store.counts() == {"web": one["delivered"] + two["delivered"] + 10}
        keys = [signal.keys for signal in store.signals()]
        assert len(set(keys)) == len(keys)


def test_a_service_that_is_told_to_stop_delivers_its_last_signals(tmp_path: Path, target: str) -> None:
    with collector(tmp_path, target) as process:
        with policy(tmp_path, target) as address, running(
                "-m", "sim.cli.main", "node", "inference", SIGHTLINE_DATA=str(tmp_path / "inference"),
                SIGHTLINE_COLLECTOR=target, SIGHTLINE_POLICY=address) as inference:
            assert inference.line()["service"] == "inference"
            assert inference.stop() == 0
        assert process.stop() == 0
    with stored(tmp_path) as store:
        (account,) = (one for one in store.account() if one["emitter"] == "inference")
        assert account["recorded"] == account["delivered"] > 0
        assert account["holes"] == []
