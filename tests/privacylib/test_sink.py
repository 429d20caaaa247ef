"""The collector's sink: numbered, shipped in the background, sent again after a failure."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from lineage.discover.collector import Collector
from lineage.discover.store import Store
from lineage.privacylib import Capture, CollectorSink, PrivacyLib, sink
from protos import collector_pb2_grpc

KEY = "0af7651916cd43dd8448eb211c80319c"


async def start(store: Store, port: int = 0) -> tuple[Any, int]:
    server = grpc.aio.server()
    collector_pb2_grpc.add_CollectorServicer_to_server(Collector(store), server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return server, bound


def record(lib: PrivacyLib, count: int) -> None:
    for index in range(count):
        with lib.scope(key=KEY), lib.read("web:ask", fields=(f"f{index % 3}",)):
            pass


async def test_everything_recorded_arrives_once_though_the_collector_was_away(tmp_path: Path) -> None:
    store = Store(tmp_path / "lineage.db")
    server, port = await start(store)
    shipper = CollectorSink("web", f"127.0.0.1:{port}")
    lib = PrivacyLib("web", [Capture(shipper)])
    record(lib, 100)
    assert await asyncio.to_thread(shipper.flush, 5)
    await server.stop(0)
    record(lib, 100)
    assert not await asyncio.to_thread(shipper.flush, 0.2)
    server, _ = await start(store, port)
    assert await asyncio.to_thread(shipper.flush, 10)
    shipper.close()
    await server.stop(0)
    assert store.counts() == {"web": 200}
    assert store.holes() == []
    assert shipper.account == {"recorded": 200, "delivered": 200, "dropped": 0}


async def test_what_the_buffer_cannot_hold_is_a_counted_hole(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(sink, "MAX_BUFFER", 10)
    monkeypatch.setattr(sink, "_INTERVAL", 60)
    store = Store(tmp_path / "lineage.db")
    server, port = await start(store)
    shipper = CollectorSink("web", f"127.0.0.1:{port}")
    lib = PrivacyLib("web", [Capture(shipper)])
    record(lib, 25)
    assert await asyncio.to_thread(shipper.flush, 5)
    record(lib, 1)
    assert await asyncio.to_thread(shipper.flush, 5)
    shipper.close()
    await server.stop(0)
    assert shipper.account == {"recorded": 26, "delivered": 11, "dropped": 15}
    assert store.holes() == [("web", 10, 24)]
