"""Categories are strict; the queue is durable; every event reaches the warehouse once, under its own key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from lineage.enforce.guard import Guard
from lineage.enforce.requirement import load
from lineage.enforce.rules import Rules
from lineage.errors import InputError
from lineage.model import Label
from lineage.privacylib import PrivacyLib
from protos import logger_pb2, logger_pb2_grpc, warehouse_pb2, warehouse_pb2_grpc
from protos.rows_pb2 import Rows
from services import rows as typed
from services.errors import abort, from_rpc
from services.logger import ingester
from services.logger.service import CATEGORIES, LoggerService
from tests.services.fakes import META, FakeClock, FakeStore, Recorder, serving, stub

TEXT = (CATEGORIES / "glasses_session.yaml").read_text()
REQUIREMENT = CATEGORIES.parents[2] / "scenarios/requirements/glasses-interaction-purpose.yaml"
MOOD = "  mood: {type: text, category: user.gaze, annotations: [GLASSES_INTERACTION], optional: true}\n"
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
        self.refused = ""
        self.tries = 0

    async def Append(self, request: warehouse_pb2.AppendRequest, context: Any) -> warehouse_pb2.AppendResponse:
        self.tries += 1
        if self.refused in [str(cells[0]) for cells in typed.cells(request.rows)]:
            await abort(context, InputError("PAI004", "the table refuses a row"))
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
                delay: float = 60.0, categories: Path = CATEGORIES, **options: Any) -> AsyncIterator[Bench]:
    warehouse, seen = warehouse or FakeWarehouse(), Recorder()
    lib = PrivacyLib("logger", [seen, Guard(Rules([load(REQUIREMENT)]))])
    async with serving(lambda s: warehouse_pb2_grpc.add_WarehouseServicer_to_server(warehouse, s)) as address:
        async with stub(warehouse_pb2_grpc.WarehouseStub, address, lib) as to_warehouse:
            service = LoggerService(lib, FakeStore(folder), FakeClock(), to_warehouse, batch=batch, delay=delay,
                                    categories=categories, **options)
            async with serving(lambda s: service.register(lib.server(s))) as own:
                async with stub(logger_pb2_grpc.LoggerStub, own) as logger:
                    await service.start()
                    yield Bench(service, logger, warehouse, seen)
                    await service.stop()


async def test_acknowledged_is_durable_and_flushed_is_delivered(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        assert [await b.append(event(n)) for n in (1, 2)] == [1, 1]
        assert (tmp_path / "queue/glasses_session/00000001.log").read_bytes().count(b"What is that?") == 2
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


def batch_of(*rows: Rows) -> Rows:
    """Events with equal columns, in one message."""
    made = Rows(schema=rows[0].schema, columns=rows[0].columns)
    for one in rows:
        made.rows.extend(one.rows)
    return made


@pytest.mark.parametrize(("rows", "kind", "kept"), [
    (typed.make("no_such", ("a",), [(f"{9:032x}", ("secret",))]), "unknown_category", "dead_letter"),
    (event(1, extra="x"), "unknown_field", "dead_letter.glasses_session"),
    (event(1, utterance=7), "wrong_type", "dead_letter.glasses_session"),
    (event(1, wearer=None), "missing", "dead_letter.glasses_session"),
    (event(1, utterance=b"\xff"), "not_utf8", "dead_letter.glasses_session"),
    (event(1, utterance="x" * 100_001), "too_long", "dead_letter.glasses_session"),
])
async def test_what_the_config_does_not_describe_is_kept_with_its_reason(tmp_path: Path, rows: Rows, kind: str,
                                                                         kept: str) -> None:
    async with bench(tmp_path) as b:
        answer = await b.logger.Append(logger_pb2.LogRequest(events=rows), metadata=META, timeout=5)
        assert (answer.accepted, answer.dead) == (0, 1)
        await b.append(event(2))
        await b.flush()
        assert b.warehouse.sessions == ["s2"]
        counts = (await b.logger.DeadLetters(logger_pb2.DeadLettersRequest(), metadata=META, timeout=5)).counts
        assert [(one.category, one.reason, one.count) for one in counts] == [
            ("glasses_session" if "." in kept else "", kind, 1)]
        (written,) = b.seen.of("write", f"logger:{kept}")
        assert written.keys == (rows.rows[0].key,) and written.linked
        (finding,) = b.seen.of("finding", "logger:dead_letter")
        assert finding.detail["code"] == "PAI041" and kind in finding.detail["what"]
        labels = b.service._lib.labels[f"logger:{kept}"]
        assert all(label.annotated for label in labels.values())
        assert labels["unknown"] == Label("user", ("GLASSES_INTERACTION", "WEARER_PROFILE"))
        assert {field for field, _ in written.links} <= set(labels)


async def test_the_others_of_a_batch_flow_and_the_dead_are_replayed_after_a_fix(tmp_path: Path) -> None:
    folder = tmp_path / "categories"
    folder.mkdir()
    (folder / "v1.yaml").write_text(TEXT)
    warehouse = FakeWarehouse()
    mixed = batch_of(event(1, mood=None), event(2, mood="glad"), event(3, mood=None))
    async with bench(tmp_path, warehouse=warehouse, categories=folder) as b:
        answer = await b.logger.Append(logger_pb2.LogRequest(events=mixed), metadata=META, timeout=5)
        assert (answer.accepted, answer.dead) == (2, 1)
        await b.flush()
        assert warehouse.sessions == ["s1", "s3"]
        again = await b.logger.Replay(logger_pb2.ReplayRequest(), metadata=META, timeout=5)
        assert (again.replayed, again.still_dead) == (0, 1)
    (folder / "v1.yaml").write_text(TEXT + MOOD)
    async with bench(tmp_path, warehouse=warehouse, categories=folder) as b:
        counts = (await b.logger.DeadLetters(logger_pb2.DeadLettersRequest(), metadata=META, timeout=5)).counts
        assert [(one.reason, one.count) for one in counts] == [("unknown_field", 1)]
        again = await b.logger.Replay(logger_pb2.ReplayRequest(category="glasses_session"), metadata=META, timeout=5)
        assert (again.replayed, again.still_dead) == (1, 0)
        assert not (await b.logger.DeadLetters(logger_pb2.DeadLettersRequest(), metadata=META, timeout=5)).counts
        await b.flush()
        assert warehouse.sessions == ["s1", "s3", "s2"] and typed.cells(warehouse.batches[-1])[0][-1] == "glad"
        assert warehouse.batches[-1].rows[0].key == f"{2:032x}", "the key of the request that it came with"
        (written,) = [op for op in b.seen.of("write", "logger:glasses_session") if op.links]
        assert dict(written.links)["utterance"] == ("logger:dead_letter.glasses_session#utterance",)
        assert dict(written.links)["mood"] == ("logger:dead_letter.glasses_session#unknown",)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await b.logger.Replay(logger_pb2.ReplayRequest(category="no_such"), metadata=META, timeout=5)
        assert "no log category" in from_rpc(caught.value).what


async def test_what_the_warehouse_refuses_is_narrowed_down_to_the_event(tmp_path: Path) -> None:
    warehouse = FakeWarehouse()
    warehouse.refused = "s2"
    async with bench(tmp_path, warehouse=warehouse, batch=8) as b:
        for number in range(5):
            await b.append(event(number))
        assert await b.flush() == 5
        assert sorted(warehouse.sessions) == ["s0", "s1", "s3", "s4"]
        counts = (await b.logger.DeadLetters(logger_pb2.DeadLettersRequest(), metadata=META, timeout=5)).counts
        assert [(one.reason, one.count) for one in counts] == [("refused", 1)]
        warehouse.refused = ""
        await b.logger.Replay(logger_pb2.ReplayRequest(), metadata=META, timeout=5)
        await b.flush()
        assert sorted(warehouse.sessions) == [f"s{n}" for n in range(5)]


async def test_a_full_queue_says_so_and_what_was_acknowledged_arrives(tmp_path: Path) -> None:
    warehouse = FakeWarehouse()
    warehouse.away = True
    async with bench(tmp_path, warehouse=warehouse, capacity=2) as b:
        for number in (1, 2):
            await b.append(event(number))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await b.append(event(3))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        error = from_rpc(caught.value)
        assert error.code == "PAI040" and "2 events wait" in error.what
        warehouse.away = False
        await b.flush()
        assert await b.append(event(3)) == 1
        await b.flush()
        assert warehouse.sessions == ["s1", "s2", "s3"]


async def test_it_tries_again_by_itself_when_the_warehouse_is_back(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(ingester, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(ingester, "LONGEST_WAIT", 0.05)
    warehouse = FakeWarehouse()
    warehouse.away = True
    async with bench(tmp_path, warehouse=warehouse) as b:
        for number in range(3):
            await b.append(event(number))
        for _ in range(500):
            if warehouse.tries >= 3:
                break
            await asyncio.sleep(0.01)
        assert warehouse.tries >= 3 and warehouse.batches == []
        warehouse.away = False
        for _ in range(500):
            if warehouse.batches:
                break
            await asyncio.sleep(0.01)
        assert warehouse.sessions == ["s0", "s1", "s2"]


@pytest.mark.parametrize("enforced", [("glasses-interaction-purpose@3",), ()])
async def test_a_field_without_a_label_is_a_gap(tmp_path: Path, enforced: tuple[str, ...]) -> None:
    folder = tmp_path / "categories"
    folder.mkdir()
    (folder / "v1.yaml").write_text(TEXT)
    (folder / "v2.yaml").write_text(TEXT.replace("version: 1", "version: 2") + "  mood: {type: text, optional: true}\n")
    async with bench(tmp_path, categories=folder, enforced=enforced) as b:
        new = logger_pb2.LogRequest(version=2, events=event(2, mood="glad"))
        assert (await b.logger.Append(new, metadata=META, timeout=5)).accepted == 1
        assert await b.append(event(1)) == 1
        await b.flush()
    flowed = not enforced
    (rows,) = b.warehouse.batches
    assert ("mood" in rows.columns) is flowed and (b"glad" in rows.SerializeToString()) is flowed
    assert any(b"glad" in path.read_bytes() for path in (tmp_path / "queue").rglob("*.log")) is flowed
    (gap,) = b.seen.of("finding", "logger:glasses_session#mood")
    assert gap.detail["code"] == "PAI210" and "owner glasses-logging" in gap.detail["what"]
    assert gap.detail["next"].startswith("label mood in v2.yaml:")
    decisions = [op.detail for op in b.seen.of("decision")]
    assert [one["verdict"] for one in decisions] == ([] if flowed else ["blocked"])
    assert ("mood" in b.service._lib.labels["logger:glasses_session"]) is flowed


async def test_what_is_enforced_while_it_runs_holds_for_what_is_queued_too(tmp_path: Path) -> None:
    folder = tmp_path / "categories"
    folder.mkdir()
    (folder / "v1.yaml").write_text(TEXT)
    (folder / "v2.yaml").write_text(TEXT.replace("version: 1", "version: 2") + "  mood: {type: text, optional: true}\n")
    async with bench(tmp_path, categories=folder) as b:
        async def append(number: int) -> None:
            new = logger_pb2.LogRequest(version=2, events=event(number, mood="glad"))
            assert (await b.logger.Append(new, metadata=META, timeout=5)).accepted == 1

        await append(1)
        await b.flush()
        await append(2)
        b.service.enforce(["glasses-interaction-purpose@4"])
        await append(3)
        await b.flush()
        b.service.enforce([])
        await append(4)
        await b.flush()
    assert [("mood" in rows.columns, b"glad" in rows.SerializeToString()) for rows in b.warehouse.batches] == [
        (True, True), (False, False), (True, True)]
    assert [op.detail["requirements"] for op in b.seen.of("decision")] == [["glasses-interaction-purpose@4"]]


async def test_a_torn_write_is_told_at_the_next_start(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.append(event(1))
        await b.append(event(2))
    path = tmp_path / "queue/glasses_session/00000001.log"
    path.write_bytes(path.read_bytes()[:-7])
    async with bench(tmp_path) as b:
        (finding,) = b.seen.of("finding")
        assert finding.detail["code"] == "PAI042" and finding.asset == "logger:glasses_session"
        await b.flush()
        assert b.warehouse.sessions == ["s1"]


async def test_a_large_request_becomes_records_that_a_batch_can_hold(tmp_path: Path) -> None:
    async with bench(tmp_path, batch=1000) as b:
        assert await b.append(batch_of(*(event(n) for n in range(1201)))) == 1201
        await b.flush()
        assert b.warehouse.sessions == [f"s{n}" for n in range(1201)]
        assert [len(rows.rows) for rows in b.warehouse.batches] == [1000, 201]


@pytest.mark.parametrize("annotations", [", annotations: [GLASSES_INTERACTION]", ""])
async def test_a_new_version_is_a_fix_too_if_its_label_allows_what_was_kept(tmp_path: Path, annotations: str) -> None:
    """What nobody had described may be anything, so it only goes where everything may go."""
    folder = tmp_path / "categories"
    folder.mkdir()
    (folder / "v1.yaml").write_text(TEXT)
    async with bench(tmp_path, categories=folder) as b:
        for version in (2, 1):
            early = logger_pb2.LogRequest(version=version, events=event(version, mood="glad"))
            assert (await b.logger.Append(early, metadata=META, timeout=5)).dead == 1
    (folder / "v2.yaml").write_text(TEXT.replace("version: 1", "version: 2")
                                    + MOOD.replace(", annotations: [GLASSES_INTERACTION]", annotations))
    async with bench(tmp_path, categories=folder) as b:
        replay = b.logger.Replay(logger_pb2.ReplayRequest(), metadata=META, timeout=5)
        if annotations:
            again = await replay
            assert (again.replayed, again.still_dead) == (2, 0)
        else:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await replay
            assert from_rpc(caught.value).code == "PAI302"
        await b.flush()
        assert sorted(b.warehouse.sessions) == (["s1", "s2"] if annotations else [])
        counts = (await b.logger.DeadLetters(logger_pb2.DeadLettersRequest(), metadata=META, timeout=5)).counts
        assert sum(one.count for one in counts) == (0 if annotations else 2)
