"""[B] The logger: events of configured categories in, durable when acknowledged, on to the warehouse."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lineage.errors import InputError
from lineage.model import Decision, Finding, Label
from lineage.privacylib import PrivacyLib
from protos.logger_pb2 import (
    DeadCount,
    DeadLettersRequest,
    DeadLettersResponse,
    FlushRequest,
    FlushResponse,
    LogRequest,
    LogResponse,
    ReplayRequest,
    ReplayResponse,
)
from protos.logger_pb2_grpc import LoggerServicer, add_LoggerServicer_to_server
from protos.rows_pb2 import Rows
from services.debug import DebugLog
from services.errors import reported
from services.logger.dead import REQUEST, DeadQueue, everything, requested
from services.logger.events import Judge, Judged
from services.logger.ingester import POSITION, Ingester
from services.logger.queue import CAPACITY, Queue, Record
from services.logger.registry import Schema, load
from services.seams import Clock, Store

CATEGORIES = Path(__file__).with_name("categories")
# Events in one record: a batch is made of whole records.
RECORD = 500
RECORD_BYTES = 4 << 20


class _Line:
    """One category: its schema, its queue, its dead letters, what takes events to the warehouse."""

    def __init__(self, lib: PrivacyLib, store: Store, schema: Schema, unknown: Label, warehouse: Any, *, seed: int,
                 enforcing: bool, capacity: int, batch: int, delay: float) -> None:
        self.schema = schema
        self.category = schema.latest
        self.judge = Judge(schema, seed, enforcing=enforcing)
        self.queue = Queue(store, self.category.name, capacity=capacity)
        self.dead = DeadQueue(lib, store, self.category, unknown)
        self.ingester = Ingester(lib, self.category, self.judge, self.queue, self.dead, warehouse,
                                 DebugLog(lib, store), batch=batch, delay=delay)


class LoggerService(LoggerServicer):
    """``warehouse``: a WarehouseStub.  ``batch``: events; ``delay``: seconds that an event waits at most;
    ``capacity``: events that may wait in one category.

    ``enforced``: the requirements in enforcement mode ("glasses-interaction-purpose@3"); under any of them a field
    that nobody labelled is dropped.  ``seed``: of the sampling.
    """

    name = "logger"

    def __init__(self, lib: PrivacyLib, store: Store, clock: Clock, warehouse: Any, *, categories: Path = CATEGORIES,
                 batch: int = 64, delay: float = 60.0, capacity: int = CAPACITY, seed: int = 0,
                 enforced: Sequence[str] = ()) -> None:
        """Raises InputError (PAI022, PAI026) for a config that cannot be used."""
        self._lib = lib
        self._debug = DebugLog(lib, store)
        self._enforced = tuple(enforced)
        self.schemas = load(categories)
        unknown = everything(schema.latest for schema in self.schemas.values())
        self._lines = {name: _Line(lib, store, schema, unknown, warehouse, seed=seed, enforcing=bool(enforced),
                                   capacity=capacity, batch=batch, delay=delay)
                       for name, schema in self.schemas.items()}
        self._nobodys = DeadQueue(lib, store, None, unknown)

    def register(self, server: Any) -> None:
        add_LoggerServicer_to_server(self, server)

    async def start(self) -> None:
        """Registers the categories' labels, and takes up what an earlier process left queued."""
        for line in self._lines.values():
            category = line.category
            self._register(line)
            self._recover(category.asset, tuple(line.judge.fields), line.queue, _key)
            line.ingester.start()
            line.ingester.notice()
        for dead in self._dead():
            if dead.queue.exists():
                dead.register()
                dead.recovered(self._recover(dead.asset, dead.fields, dead.queue, dead.key))

    def enforce(self, enforced: Sequence[str]) -> None:
        """The requirements in enforcement mode are these from now on."""
        self._enforced = tuple(enforced)
        for line in self._lines.values():
            line.judge.enforce(bool(enforced))
            self._register(line)

    def _register(self, line: _Line) -> None:
        """A field that was there stays: its values may be queued."""
        asset = line.category.asset
        labels = {name: field.label for name, field in line.judge.fields.items()}
        self._lib.register(asset, {**labels, POSITION: Label(operational="position"),
                                   **self._lib.labels.get(asset, {})}, line.category.owner)

    async def stop(self) -> None:
        for line in self._lines.values():
            await line.ingester.stop()

    async def Append(self, request: LogRequest, context: Any) -> LogResponse:
        async with reported(context, self.name, self._debug):
            response = await self._append(request)
            self._lib.respond({"accepted": [], "dead": [], "sampled_out": []})
            return response

    async def Flush(self, request: FlushRequest, context: Any) -> FlushResponse:
        async with reported(context, self.name, self._debug):
            delivered = sum([await line.ingester.flush() for line in self._lines.values()])
            self._lib.respond({"delivered": []})
            return FlushResponse(delivered=delivered)

    async def DeadLetters(self, request: DeadLettersRequest, context: Any) -> DeadLettersResponse:
        async with reported(context, self.name, self._debug):
            counts = [DeadCount(category=dead.name, reason=reason, count=count) for dead in self._dead()
                      for reason, count in sorted(dead.counts.items())]
            self._lib.respond({"counts": []})
            return DeadLettersResponse(counts=counts)

    async def Replay(self, request: ReplayRequest, context: Any) -> ReplayResponse:
        async with reported(context, self.name, self._debug):
            if request.category and request.category not in self._lines:
                raise InputError("PAI004", f"no log category {request.category!r}; there are {', '.join(self._lines)}",
                                 where="logger", next="ls services/logger/categories")
            replayed = dead = 0
            for letters in self._dead():
                if request.category in ("", letters.name):
                    # In a context of its own: what one category's letters held is no source of the next one's.
                    good, bad = await asyncio.create_task(self._replay(letters), context=contextvars.Context())
                    replayed, dead = replayed + good, dead + bad
            self._lib.respond({"replayed": [], "still_dead": []})
            return ReplayResponse(replayed=replayed, still_dead=dead)

    # -- one request

    async def _append(self, request: LogRequest, origins: Mapping[str, str] | None = None) -> LogResponse:
        """``origins``: of dead letters that are replayed, column → where it was kept."""
        rows, version = request.events, request.version
        for row in rows.rows:
            row.key = row.key or self._lib.context.key
        line = self._lines.get(rows.schema)
        if line is None:
            judged = Judged(None, {"unknown_category": list(rows.rows)} if rows.rows else {}, 0, {})
        else:
            judged = line.judge.judge(rows, version)
            if origins is not None and judged.good is None:  # perhaps the mend was a new version
                again = line.judge.judge(rows, line.category.version)
                judged, version = (again, line.category.version) if again.good is not None else (judged, version)
            version = version or line.schema.oldest.version
        dead = line.dead if line else self._nobodys
        self._room(line, dead, judged, rows)
        if judged.bad:
            await dead.append(rows, request.version, judged.bad, origins)
        if line is not None and judged.gaps:
            self._gaps(line, version, judged.gaps)
        accepted = 0
        if line is not None and judged.good is not None:
            accepted = len(judged.good.rows)
            await self._queued(line, judged.good, version, origins or requested(rows))
        return LogResponse(accepted=accepted, dead=sum(map(len, judged.bad.values())),
                           sampled_out=judged.sampled_out)

    @staticmethod
    def _room(line: _Line | None, dead: DeadQueue, judged: Judged, rows: Rows) -> None:
        """All of a request is taken, or nothing: a producer that sends it again sends all of it."""
        size = rows.ByteSize() + 1000
        if judged.bad:
            dead.queue.room(sum(map(len, judged.bad.values())), size)
        if line is not None and judged.good is not None:
            line.queue.room(len(judged.good.rows), size)

    async def _queued(self, line: _Line, rows: Rows, version: int, origins: Mapping[str, str]) -> None:
        category, fields = line.category, tuple(rows.columns)
        with self._lib.write(category.asset, fields=fields, sources={field: [origins[field]] for field in fields},
                             rows=len(rows.rows), keys=[row.key for row in rows.rows]):
            await line.queue.append(_records(rows, version))
        line.ingester.notice()

    async def _replay(self, dead: DeadQueue) -> tuple[int, int]:
        """(queued, still dead) of what waits now; what is still dead is kept anew, behind the others."""
        until, good, bad = dead.queue.acknowledged, 0, 0
        while dead.queue.pending and dead.queue.delivered < until:
            with self._lib.scope(family="B"):
                letters, keys = dead.take(RECORD)
                for letter in letters:
                    answer = await self._append(letter.request, dead.origins(letter))
                    good, bad = good + answer.accepted, bad + answer.dead
                await dead.done(len(letters), keys)
        return good, bad

    # -- what is told

    def _gaps(self, line: _Line, version: int, gaps: dict[str, int]) -> None:
        """PAI210, and a decision where values were dropped."""
        category = line.category
        for name, count in gaps.items():
            place, _, number = category.gaps[name].place.rpartition(":")
            does = "its values are dropped, the rest of the event flows" if self._enforced else "logged, not enforced"
            self._lib.finding(Finding(
                "PAI210", f"{category.asset}#{name}", f"{name} of {category.name} version {version} (owner "
                f"{category.owner}) has no annotation: {does}", f"label {name} in {Path(place).name}:{number}", count))
            if self._enforced:
                self._lib.decision(_dropped(category.asset, name, f"{REQUEST}#{category.name}.{name}", self._enforced))

    def _dead(self) -> list[DeadQueue]:
        return [*(line.dead for line in self._lines.values()), self._nobodys]

    def _recover(self, asset: str, fields: tuple[str, ...], queue: Queue,
                 key_of: Callable[[bytes], str]) -> list[Record]:
        if not queue.exists():
            return []
        with self._lib.scope(family="B"):
            found = queue.recover(key_of, lambda: self._lib.read(asset, fields=fields))
            if found.torn:
                self._lib.finding(Finding("PAI042", asset, f"the last {found.torn} bytes of the queue were cut off "
                                          "before they were acknowledged, and are passed over"))
            for first, last in found.lost:
                self._lib.finding(Finding("PAI211", asset, f"events {first} to {last} of the queue cannot be read",
                                          count=last - first + 1))
        return found.records


def _records(rows: Rows, version: int) -> list[Record]:
    """Of RECORD events at most, and RECORD_BYTES or so."""
    most = min(RECORD, max(1, len(rows.rows) * RECORD_BYTES // max(rows.ByteSize(), 1)))
    parts = [rows] if len(rows.rows) <= most else [
        Rows(schema=rows.schema, columns=rows.columns, rows=rows.rows[at:at + most])
        for at in range(0, len(rows.rows), most)]
    return [Record(len(part.rows), LogRequest(events=part, version=version).SerializeToString(), part.rows[0].key)
            for part in parts]


def _key(payload: bytes) -> str:
    return LogRequest.FromString(payload).events.rows[0].key


def _dropped(asset: str, field: str, source: str, enforced: tuple[str, ...]) -> Decision:
    """Its id follows from what was decided, so that a repeat is the same decision."""
    sink = f"{asset}#{field}"
    identity = hashlib.sha256("\n".join((sink, source, *enforced)).encode()).hexdigest()[:12]
    return Decision(identity, sink, "", "logger", "blocked", "PAI304",
                    f"{sink} has no label, so it cannot be judged: its values were dropped", "guard", (source,),
                    enforced)
