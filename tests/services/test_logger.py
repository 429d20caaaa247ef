"""Categories are strict; the queue is durable; every event reaches the warehouse once, under its own key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from lineage.errors import InputError
from lineage.model import Label
from lineage.privacylib import PrivacyLib
from protos import logger_pb2, logger_pb2_grpc, warehouse_pb2, warehouse_pb2_grpc
from protos.rows_pb2 import Rows
from services import rows as typed
from services.errors import from_rpc
from services.logger import category
from services.logger.queue import Event, Queue
from services.logger.service import CATEGORIES, LoggerService
from tests.services.fakes import META, FakeClock, FakeStore, Recorder, serving, stub

TEXT = (CATEGORIES / "glasses_session.yaml").read_text()
EVENT = {"session": "s1", "wearer": "w1", "device": "g1", "region": "NO", "utterance": "What is that?",
         "answer": "A tower.", "location": None, "scene": None, "checkpoint": "assistant@1",
         "asked_at": "2026-03-01T09:30:00+01:00"}


def event(number: int, **changes: typed.Cell) -> Rows:
    values: dict[str, typed.Cell] = {**EVENT, "session": f"s{number}", **changes}
    return typed.make("glasses_session", tuple(values), [(f"{number:032x}", tuple(values.values()))])


class FakeWarehouse(warehouse_pb2_grpc.WarehouseServicer):
    """Keeps each batch; refuses while ``away``."""

    def __init__(self) -> None:
        self.batches: list[Rows] = []
        self.away = False

    async def Append(self, request: warehouse_pb2.AppendRequest, context: Any) -> warehouse_pb2.AppendResponse:
        if self.away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        self.batches.append(request.rows)
        return warehouse_pb2.AppendResponse(appended=len(request.rows.rows))

    @property
    def sessions(self) -> list[str]:
        return [str(cells[0]) for rows in self.batches for cells in typed.cells(rows)]


class Bench:
    def __init__(self, service: LoggerService, logger: Any, warehouse: FakeWarehouse, seen: Recorder) -> None:
        self.service, self.logger, self.warehouse, self.seen = service, logger, warehouse, seen

    async def append(self, rows: Rows) -> int:
        return (await self.logger.Append(logger_pb2.LogRequest(events=rows), metadata=META, timeout=5)).accepted

    async def flush(self) -> int:
        return (await self.logger.Flush(logger_pb2.FlushRequest(), metadata=META, timeout=5)).delivered


@asynccontextmanager
async def bench(folder: Path, *, batch: int = 3, warehouse: FakeWarehouse | None = None,
                delay: float = 60.0) -> AsyncIterator[Bench]:
    warehouse, seen = warehouse or FakeWarehouse(), Recorder()
    lib = PrivacyLib("logger", [seen])
    async with serving(lambda s: warehouse_pb2_grpc.add_WarehouseServicer_to_server(warehouse, s)) as address:
        async with stub(warehouse_pb2_grpc.WarehouseStub, address, lib) as to_warehouse:
            service = LoggerService(lib, FakeStore(folder), FakeClock(), to_warehouse, batch=batch, delay=delay)
            async with serving(lambda s: service.register(lib.server(s))) as own:
                async with stub(logger_pb2_grpc.LoggerStub, own) as logger:
                    await service.start()
                    yield Bench(service, logger, warehouse, seen)
                    await service.stop()


def test_the_bundled_category_labels_every_field() -> None:
    (found,) = category.load(CATEGORIES).values()
    assert found.table == "core.sessions" and found.asset == "logger:glasses_session"
    assert all(label.annotated for label in found.labels.values())
    assert found.labels["utterance"] == Label("user.utterance", ("GLASSES_INTERACTION",))


@pytest.mark.parametrize(("old", "new", "line", "what"), [
    ("version: 1", "version: one", 4, "whole number"), ("owner:", "onwer:", 5, "did you mean 'owner'"),
    ("type: text, operational: identifier, column: session", "type: text, column: session", 8, "neither a category"),
    ("{type: text, operational: region", "{type: string, operational: region", 11, "it is one of text"),
    ("column: region", "column: wearer", 7, "two fields go to the column"),
    ("operational: region", "operational: region, categroy: x", 11, "did you mean 'category'"),
])
def test_a_malformed_category_is_refused_with_its_line(old: str, new: str, line: int, what: str) -> None:
    assert old in TEXT
    with pytest.raises(InputError) as caught:
        category.parse(TEXT.replace(old, new, 1), "c.yaml")
    assert caught.value.code == "PAI022" and caught.value.where == f"c.yaml:{line}" and what in caught.value.what


def test_a_queue_takes_up_where_it_stopped(tmp_path: Path) -> None:
    queue = Queue(FakeStore(tmp_path), "c")
    events = [Event(f"k{n}", {"text": f"ø\n{n}", "blob": bytes([n]), "none": None}) for n in range(4)]
    queue.append(events)
    assert queue.next(2) == events[:2]
    queue.deliver(2)
    again = Queue(FakeStore(tmp_path), "c")
    again.recover()
    assert (again.pending, again.head, again.next(9)) == (2, "k2", events[2:])


def test_a_line_that_a_crash_cut_off_is_passed_over(tmp_path: Path) -> None:
    queue = Queue(FakeStore(tmp_path), "c")
    queue.append([Event("k0", {"a": "whole"})])
    path = tmp_path / "queue/c.jsonl"
    path.write_bytes(path.read_bytes() + b'{"key": "k1", "event": {"a": "to')
    again = Queue(FakeStore(tmp_path), "c")
    again.recover()
    again.append([Event("k2", {"a": "next"})])
    assert [event.key for event in again.next(9)] == ["k0", "k2"]


async def test_acknowledged_is_durable_and_flushed_is_delivered(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        assert [await b.append(event(n)) for n in (1, 2)] == [1, 1]
        assert (tmp_path / "queue/glasses_session.jsonl").read_text().count('"key"') == 2
        assert b.warehouse.batches == []
        assert await b.flush() == 2 and await b.flush() == 0
        assert b.warehouse.sessions == ["s1", "s2"]
        assert [row.key for row in b.warehouse.batches[0].rows] == [f"{1:032x}", f"{2:032x}"]
        assert b.warehouse.batches[0].schema == "core.sessions"


async def test_a_full_batch_goes_by_itself(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        for number in range(7):
            await b.append(event(number))
        for _ in range(200):
            if len(b.warehouse.batches) == 2:
                break
            await asyncio.sleep(0.01)
        assert [len(rows.rows) for rows in b.warehouse.batches] == [3, 3]
        await b.flush()
        assert b.warehouse.sessions == [f"s{n}" for n in range(7)]


async def test_a_lone_event_waits_for_the_delay_at_most(tmp_path: Path) -> None:
    async with bench(tmp_path, delay=0.05) as b:
        await b.append(event(1))
        await asyncio.sleep(0.4)
        assert b.warehouse.sessions == ["s1"]


async def test_nothing_is_lost_while_the_warehouse_is_away_or_after_a_restart(tmp_path: Path) -> None:
    warehouse = FakeWarehouse()
    async with bench(tmp_path, warehouse=warehouse) as b:
        await b.append(event(1))
        await b.flush()
        warehouse.away = True
        await b.append(event(2))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await b.flush()
        assert from_rpc(caught.value).code == "PAI031"
    warehouse.away = False
    async with bench(tmp_path, warehouse=warehouse) as b:
        assert await b.flush() == 1
    assert warehouse.sessions == ["s1", "s2"]


async def test_every_row_keeps_its_key_through_the_signals(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.append(event(1))
        await b.append(event(2))
        await b.flush()
    keys = tuple(f"{n:032x}" for n in (1, 2))
    (read,) = b.seen.of("read", "logger:")
    (call,) = b.seen.of("call", "rpc:warehouse.Append")
    written = [op for op in b.seen.of("write", "logger:") if op.links]
    assert read.keys == call.keys == keys and [op.keys for op in written] == [keys[:1], keys[1:]]
    assert dict(written[0].links)["utterance"] == ("rpc:logger.Append.request#glasses_session.utterance",)
    assert dict(call.links)["core.sessions.utterance"] == ("logger:glasses_session#utterance",)
    assert read.context.scope == call.context.scope != written[0].context.scope and read.family == "B"
    assert not b.seen.of("gap")


@pytest.mark.parametrize(("rows", "what"), [
    (typed.make("no_such", ("a",), []), "no log category"), (event(1, extra="x"), "has no field 'extra'"),
    (event(1, utterance=7), "'utterance' is integer"), (event(1, wearer=None), "lacks the field 'wearer'"),
])
async def test_what_the_config_does_not_describe_is_refused(tmp_path: Path, rows: Rows, what: str) -> None:
    async with bench(tmp_path) as b:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await b.append(rows)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT and what in from_rpc(caught.value).what
        assert not (tmp_path / "queue").exists() and not b.seen.of("write", "logger:")
