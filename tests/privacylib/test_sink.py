"""The sinks beside the collector's, and the collector's against a real collector that goes and comes back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from lineage.discover.collector import Collector
from lineage.discover.store import Store
from lineage.privacylib import Capture, CollectorSink, MemorySink, PrivacyLib
from lineage.privacylib.sink import JsonLinesSink, NullSink, Sink
from protos import collector_pb2_grpc

KEY = "0af7651916cd43dd8448eb211c80319c"


async def start(store: Store, port: int = 0) -> tuple[Any, int]:
    server = grpc.aio.server()
    collector_pb2_grpc.add_CollectorServicer_to_server(Collector(store), server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return server, bound


def left_in(spool: Path) -> list[Path]:
    return list(spool.glob("web/*/*"))


def record(lib: PrivacyLib, count: int) -> None:
    for index in range(count):
        with lib.scope(key=KEY), lib.read("web:ask", fields=(f"f{index % 3}",)):
            pass


@pytest.mark.parametrize("spooling", [True, False])
async def test_everything_recorded_arrives_once_though_the_collector_was_away(tmp_path: Path, spooling: bool) -> None:
    store = Store(tmp_path / "lineage.db")
    server, port = await start(store)
    shipper = CollectorSink("web", f"127.0.0.1:{port}", spool=tmp_path / "spool" if spooling else None)
    lib = PrivacyLib("web", [Capture(shipper)])
    record(lib, 100)
    assert await asyncio.to_thread(shipper.flush, 5)
    await server.stop(0)
    record(lib, 100)
    assert not await asyncio.to_thread(shipper.flush, 0.2)
    server, _ = await start(store, port)
    assert await asyncio.to_thread(shipper.flush, 10)
    await asyncio.to_thread(shipper.close)
    await server.stop(0)
    assert store.counts() == {"web": 200}
    assert store.holes() == []
    assert shipper.account == {
        "recorded": 200, "delivered": 200, "spooled": 100 if spooling else 0, "aggregated": 0, "dropped": 0, "lost": 0,
        "recovered": 0, "spool_errors": 0}
    assert left_in(tmp_path / "spool") == []


async def test_what_the_buffer_cannot_hold_is_a_counted_hole(tmp_path: Path) -> None:
    store = Store(tmp_path / "lineage.db")
    server, port = await start(store)
    shipper = CollectorSink("web", f"127.0.0.1:{port}", limit=10, interval=60)
    lib = PrivacyLib("web", [Capture(shipper)])
    record(lib, 25)
    assert await asyncio.to_thread(shipper.flush, 5)
    # Ten, and two of those that could have been merged; each has a scope of its own.
    assert store.holes() == [("web", 12, 24)]
    record(lib, 1)
    assert await asyncio.to_thread(shipper.flush, 5)
    await asyncio.to_thread(shipper.close)
    await server.stop(0)
    account = shipper.account
    assert (account["recorded"], account["delivered"], account["dropped"]) == (26, 13, 13)
    assert store.holes() == [("web", 12, 24)]


async def test_back_pressure_merges_and_the_store_counts_what_was_merged(tmp_path: Path) -> None:
    store = Store(tmp_path / "lineage.db")
    server, port = await start(store)
    shipper = CollectorSink("web", f"127.0.0.1:{port}", limit=10, interval=60)
    lib = PrivacyLib("web", [Capture(shipper)])
    with lib.scope(key=KEY):
        for _ in range(100):
            with lib.read("web:ask", fields=("utterance",)):
                pass
    assert await asyncio.to_thread(shipper.flush, 5)
    await asyncio.to_thread(shipper.close)
    await server.stop(0)
    account = shipper.account
    assert (account["recorded"], account["delivered"], account["aggregated"], account["dropped"]) == (100, 100, 88, 0)
    assert store.counts() == {"web": 100}
    assert store.holes() == []
    assert len(list(store.db.query("SELECT * FROM signals"))) == 12
    assert [(row["recorded"], row["delivered"], row["aggregated"]) for row in store.account()] == [(100, 100, 88)]


def test_json_lines_hold_one_signal_each(tmp_path: Path) -> None:
    sink = JsonLinesSink(tmp_path / "signals.jsonl")
    lib = PrivacyLib("web", [Capture(sink)], family="A")
    record(lib, 2)
    with lib.scope(key=KEY), lib.write("logger:glasses_session", sources={"utterance": ["web:ask#utterance"]},
                                       detail={"statement": "x"}):
        pass
    assert sink.flush(0)
    assert sink.account["delivered"] == sink.account["recorded"] == 3
    sink.close()
    sink.close()
    lines = [json.loads(line) for line in (tmp_path / "signals.jsonl").read_text().splitlines()]
    assert [(line["seq"], line["op"], line["asset"], line["key"]) for line in lines] == [
        (0, "read", "web:ask", KEY), (1, "read", "web:ask", KEY), (2, "write", "logger:glasses_session", KEY)]
    assert lines[2]["links"] == [["utterance", ["web:ask#utterance"]]]
    assert lines[2]["detail"] == {"statement": "x"}
    record(lib, 1)
    assert sink.account["dropped"] == 1


def test_a_full_disk_does_not_stop_the_service() -> None:
    sink = JsonLinesSink("/dev/full")
    record(PrivacyLib("web", [Capture(sink)]), 3)
    sink.close()
    assert (sink.account["recorded"], sink.account["delivered"], sink.account["dropped"]) == (3, 0, 3)


def test_every_sink_gives_the_same_account(tmp_path: Path) -> None:
    sinks: list[Sink] = [MemorySink(), JsonLinesSink(tmp_path / "x"), NullSink(),
                         CollectorSink("web", "127.0.0.1:9", interval=60)]
    for sink in sinks:
        assert {"recorded", "delivered", "spooled", "aggregated", "dropped", "lost"} <= set(sink.account)
        assert sink.flush(0)
        sink.close()
