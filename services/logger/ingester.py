"""[B] The background work of the logger: batches of queued events go to the warehouse.

A batch goes when it is full, at a flush, or when events have waited for ``delay`` seconds.  The
first two depend on the order of events alone; ``delay`` only bounds how long a quiet queue keeps
an event.  Which edges there are, and their counts, never depends on where a batch ends: every
row takes its own correlation key along.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from lineage.errors import SightlineError
from lineage.privacylib import PrivacyLib
from protos.warehouse_pb2 import AppendRequest
from services import rows as typed
from services.errors import calling
from services.logger.category import Category
from services.logger.queue import Event, Queue

_log = logging.getLogger("sightline.logger")

# Seconds for one batch.
DEADLINE = 10.0
# The queue's own mark, beside the fields of the category.
POSITION = "_position"


class Ingester:
    """One per category; ``warehouse`` is a WarehouseStub."""

    def __init__(self, lib: PrivacyLib, category: Category, queue: Queue, warehouse: Any, *, batch: int,
                 delay: float) -> None:
        self._lib = lib
        self._category = category
        self._queue = queue
        self._warehouse = warehouse
        self._batch = batch
        self._delay = delay
        self._lock = asyncio.Lock()
        self._woken = asyncio.Event()
        self._flushed = 0
        self._task: asyncio.Task[None] | None = None
        columns = {field.column: field.name for field in category.fields.values()}
        self._columns = tuple(columns)
        self._sources = {f"{category.table}.{column}": [f"{category.asset}#{field}"]
                         for column, field in columns.items()}

    def start(self) -> None:
        self._flushed = self._queue.delivered  # what an earlier process delivered is not this one's
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
        while self._queue.delivered < until:
            await self._deliver()
        before, self._flushed = self._flushed, self._queue.delivered
        return self._flushed - before

    async def _run(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._woken.wait(), self._delay)
                least = self._batch
            except TimeoutError:
                least = 1
            self._woken.clear()
            try:
                while self._queue.pending >= least:
                    await self._deliver()
            except SightlineError as error:  # kept in the queue; tried again at the next full batch or after the delay
                _log.warning("%s: %s", self._category.name, error)
            except Exception:
                _log.exception("%s: a batch was not delivered", self._category.name)

    async def _deliver(self) -> None:
        async with self._lock:
            if not self._queue.pending:
                return
            with self._lib.scope(key=self._queue.head, family="B"):
                await self._deliver_batch()

    async def _deliver_batch(self) -> None:
        lib, category = self._lib, self._category
        with lib.read(category.asset, fields=tuple(category.fields)) as op:
            events = self._queue.next(self._batch)
            keys = [event.key for event in events]
            op.rows, op.keys = len(events), tuple(keys)
        request = AppendRequest(rows=typed.make(category.table, self._columns, map(self._row, events)))
        with calling("warehouse"):
            await self._warehouse.Append(request, sources=self._sources, timeout=DEADLINE)
        with lib.write(category.asset, fields=(POSITION,), sources={}, keys=keys):
            self._queue.deliver(len(events))

    def _row(self, event: Event) -> tuple[str, list[typed.Cell]]:
        return event.key, [event.values.get(field.name) for field in self._category.fields.values()]
