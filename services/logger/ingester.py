"""[B] The background work of the logger: batches of queued events go to the warehouse.

A batch goes when it is full, at a flush, or when events have waited for ``delay`` seconds.  The
first two depend on the order of events alone; ``delay`` only bounds how long a quiet queue keeps
an event.  Which edges there are, and their counts, never depends on where a batch ends: every
row takes its own correlation key along.

While the warehouse is away a batch is tried again, after longer and longer waits.  What it refuses
as wrong is narrowed down to the single event, which becomes a dead letter; the others go on.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Sequence
from typing import Any

from lineage.errors import InputError, SightlineError
from lineage.privacylib import PrivacyLib
from protos.logger_pb2 import LogRequest
from protos.rows_pb2 import Row, Rows
from protos.warehouse_pb2 import AppendRequest
from services.debug import DebugLog
from services.errors import calling
from services.logger.category import Category
from services.logger.dead import DeadQueue
from services.logger.events import Judge
from services.logger.queue import Queue

_log = logging.getLogger("sightline.logger")

# Seconds for one batch: a warehouse whose engine is a cluster takes its time, and a lost answer costs a repetition.
DEADLINE = 60.0
# Seconds before the first and between the last tries while the warehouse is away.
FIRST_WAIT, LONGEST_WAIT = 0.1, 10.0
# The queue's own mark, beside the fields of the category.
POSITION = "_position"


class Ingester:
    """One per category; ``warehouse`` is a WarehouseStub."""

    def __init__(self, lib: PrivacyLib, category: Category, judge: Judge, queue: Queue, dead: DeadQueue,
                 warehouse: Any, debug: DebugLog, *, batch: int, delay: float) -> None:
        self._lib = lib
        self._debug = debug
        self._category = category
        self._judge = judge
        self._queue = queue
        self._dead = dead
        self._warehouse = warehouse
        self._batch = batch
        self._delay = delay
        self._lock = asyncio.Lock()
        self._woken = asyncio.Event()
        self._delivered = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def _sources(self) -> dict[str, list[str]]:
        return {f"{self._category.table}.{field.column}": [f"{self._category.asset}#{name}"]
                for name, field in self._judge.fields.items()}

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"ingest {self._category.name}")

    async def stop(self) -> None:
        """What is queued stays queued."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def notice(self) -> None:
        """Events were queued."""
        if self._queue.pending >= self._batch:
            self._woken.set()

    async def flush(self) -> int:
        """Delivers everything acknowledged so far; how many events since the last flush.  Raises SightlineError.

        Whether a full batch had already gone by itself makes no difference to the number.
        """
        until = self._queue.acknowledged
        while self._queue.pending and self._queue.delivered < until:
            await self._deliver()
        delivered, self._delivered = self._delivered, 0
        return delivered

    async def _run(self) -> None:
        wait, least = 0.0, self._batch
        while True:
            if wait:
                await asyncio.sleep(wait)
            else:
                least = self._batch if await self._wakes() else 1
            self._woken.clear()
            try:
                while self._queue.pending >= least:
                    await self._deliver()
                wait = 0.0
            except SightlineError as error:  # kept in the queue
                wait = min(2 * wait or FIRST_WAIT, LONGEST_WAIT)
                _log.warning("%s: %s; next try after %g s", self._category.name, error, wait)
            except Exception as error:
                wait = LONGEST_WAIT
                self._debug.unforeseen(error)

    async def _wakes(self) -> bool:
        """True for a full batch, False after ``delay`` seconds."""
        try:
            return await asyncio.wait_for(self._woken.wait(), self._delay)
        except TimeoutError:
            return False

    async def _deliver(self) -> None:
        async with self._lock:
            if not self._queue.pending:
                return
            # In no scope of whoever asked for it: what one category's batch held is no source of the next one's.
            await asyncio.create_task(self._apart(), context=contextvars.Context())

    async def _apart(self) -> None:
        with self._lib.scope(key=self._queue.head, family="B"):
            await self._deliver_batch()

    async def _deliver_batch(self) -> None:
        lib, category = self._lib, self._category
        with lib.read(category.asset, fields=tuple(self._judge.fields)) as op:
            records = self._queue.next(self._batch)
            requests = [LogRequest.FromString(record.payload) for record in records]
            keys = [row.key for request in requests for row in request.events.rows]
            op.rows, op.keys = len(keys), tuple(keys)
        await self._send(requests)
        with lib.write(category.asset, fields=(POSITION,), sources={}, keys=keys):
            await self._queue.deliver(len(records))
        self._delivered += len(keys)

    async def _send(self, requests: Sequence[LogRequest]) -> None:
        """Raises SightlineError for what another try may mend."""
        batch = AppendRequest(rows=Rows(schema=self._category.table, columns=self._judge.columns))
        for request in requests:
            self._judge.extend(batch.rows, request.events)
        try:
            with calling("warehouse"):
                await self._warehouse.Append(batch, sources=self._sources, timeout=DEADLINE)
        except InputError as error:
            single = [_alone(request, row) for request in requests for row in request.events.rows]
            if len(single) > 1:
                await self._send(single[:len(single) // 2])
                await self._send(single[len(single) // 2:])
            else:
                (request,) = single
                await self._dead.append(request.events, request.version, {f"refused: {_kind(error)}": list(
                    request.events.rows)}, {column: f"{self._category.asset}#{column}"
                                            for column in request.events.columns})


def _alone(request: LogRequest, row: Row) -> LogRequest:
    events = request.events
    return LogRequest(version=request.version, events=Rows(schema=events.schema, columns=events.columns, rows=[row]))


def _kind(error: InputError) -> str:
    """What the warehouse said, short; a value of the event is never in it."""
    return f"the warehouse said {error.code}: {error.what}"[:200]
