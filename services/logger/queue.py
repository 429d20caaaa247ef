"""[B] A durable queue: ``queue/<name>/00000001.log`` and following, only ever appended to.

An append is acknowledged after its sync; appends that wait for one another's sync share the next one (group
commit).  A segment ends when it is full, and is removed once all its events are delivered.  The mark of what was
delivered is written after the warehouse's acknowledgement, so a crash in between repeats a batch; the warehouse
takes an event that it has only once.

What a crash cut off at a segment's end was never acknowledged: it is passed over, and told.  A damaged place in the
middle is a loss, told with the numbers of its events.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lineage.errors import RunError
from services.logger import frames
from services.seams import Store

# Bytes after which a segment ends.
SEGMENT = 4 << 20
# Bytes of records that are taken at a time.
BATCH = 8 << 20
# Events, and bytes, that may wait.
CAPACITY = 100_000
CAPACITY_BYTES = 512 << 20


class Record(NamedTuple):
    """``events`` in one payload.  ``key``: correlation key of the first; not stored."""

    events: int
    payload: bytes
    key: str = ""


class Recovered(NamedTuple):
    """``records``: not delivered.  ``torn``: bytes that a crash cut off; ``lost``: (first, last) of damaged events."""

    records: list[Record]
    torn: int
    lost: list[tuple[int, int]]


class _Kept(NamedTuple):
    segment: int
    start: int
    size: int
    first: int
    events: int
    key: str


@dataclass
class _Waiting:
    """One append on its way: of ``records``, or of a mark of ``delivered`` events."""

    records: Sequence[Record]
    delivered: int
    done: asyncio.Future[None]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    size: int = 0


class Queue:
    """Single process, single event loop; ``acknowledged`` and ``delivered`` count events from the very first."""

    def __init__(self, store: Store, name: str, *, capacity: int = CAPACITY, capacity_bytes: int = CAPACITY_BYTES,
                 segment: int = SEGMENT) -> None:
        self.name = name
        self._store = store
        self._capacity, self._capacity_bytes, self._limit = capacity, capacity_bytes, segment
        self.acknowledged = 0
        self.delivered = 0
        self._kept: deque[_Kept] = deque()
        self._events = 0
        self._bytes = 0  # of what is kept or on its way
        self._coming = 0  # events on their way
        # Segment → number of its last event.  The last one is written to.
        self._segments: dict[int, int] = {}
        self._size = 0
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    @property
    def pending(self) -> int:
        """Events; without those that a damage has lost."""
        return self._events

    @property
    def head(self) -> str:
        """The correlation key of the oldest event that is not delivered."""
        return self._kept[0].key

    def exists(self) -> bool:
        return bool(self._store.names(f"queue/{self.name}"))

    def room(self, events: int, size: int) -> None:
        """Raises RunError (PAI040) where ``events`` of ``size`` bytes do not fit in."""
        waiting = self.pending + self._coming
        if waiting + events > self._capacity or self._bytes + size > self._capacity_bytes:
            raise RunError("PAI040", f"{waiting} events wait ({self._bytes} bytes), and {events} more do not fit: "
                                     "none of them was taken", where=f"logger:{self.name}",
                           next="send them again later; what was acknowledged is safe")

    def recover(self, key_of: Callable[[bytes], str], reading: Callable[[], AbstractContextManager[Any]] = nullcontext
                ) -> Recovered:
        """Takes up where the last process stopped; each segment is read once, within a ``reading()``."""
        found: list[Record] = []
        torn, lost = 0, []
        for name in self._store.names(f"queue/{self.name}"):
            segment = int(name.partition(".")[0])
            with reading():
                data = self._store.read(self._path(segment))
            read, _ = frames.scan(data)
            torn = len(data) - (read[-1].start + read[-1].size if read else 0)  # of the last segment alone
            for one in read:
                if one.kind == frames.MARK:
                    self.delivered = max(self.delivered, one.first)
                    continue
                if one.first > self.acknowledged:
                    lost.append((self.acknowledged, one.first - 1))
                self.acknowledged = one.first + one.events
                self._kept.append(_Kept(segment, one.start, one.size, one.first, one.events, key_of(one.payload)))
                found.append(Record(one.events, one.payload))
            self._segments[segment] = self.acknowledged
        self.acknowledged = max(self.acknowledged, self.delivered)
        done = sum(one.first < self.delivered for one in self._kept)
        self._kept, found = deque(list(self._kept)[done:]), found[done:]
        lost = [(max(first, self.delivered), last) for first, last in lost if last >= self.delivered]
        self._bytes, self._events = sum(one.size for one in self._kept), sum(one.events for one in self._kept)
        if self._segments:  # a torn end is not written behind
            self._start_segment(max(self._segments) + 1)
        return Recovered(found, torn, lost)

    async def append(self, records: Sequence[Record]) -> None:
        """Durable when it returns.  Raises RunError: PAI040 when it is full, PAI033 when it cannot be written.

        Cancelled, it still waits for its sync, and is cancelled at the next await: what was written is not called
        a failure.
        """
        size = sum(len(record.payload) + frames.OVERHEAD for record in records)
        self.room(sum(record.events for record in records), size)
        await self._write(_Waiting(records, 0, asyncio.get_running_loop().create_future(), size=size))

    def next(self, limit: int) -> list[Record]:
        """The oldest records, of ``limit`` events and BATCH bytes at most (one record at least); one read of the file.

        Raises RunError (PAI211)."""
        chosen: list[_Kept] = []
        total = size = 0
        for one in self._kept:
            if chosen and (total + one.events > limit or size + one.size > BATCH or one.segment != chosen[0].segment):
                break
            chosen.append(one)
            total, size = total + one.events, size + one.size
        start, last = chosen[0].start, chosen[-1]
        read, outside = frames.scan(self._store.read(self._path(last.segment), start, last.start + last.size - start))
        events = [one for one in read if one.kind == frames.EVENTS]
        if outside or [one.first for one in events] != [one.first for one in chosen]:
            raise RunError("PAI211", f"events {chosen[0].first} to {last.first + last.events - 1} cannot be read back",
                           where=f"logger:{self.name}")
        return [Record(one.events, one.payload) for one in events]

    async def deliver(self, records: int) -> None:
        """Marks the oldest ``records`` as delivered; durably.  Raises RunError (PAI033)."""
        last = self._kept[records - 1]
        await self._write(_Waiting((), last.first + last.events, asyncio.get_running_loop().create_future()))
        while self._kept and self._kept[0].first < self.delivered:
            gone = self._kept.popleft()
            self._bytes -= gone.size
            self._events -= gone.events
        for segment in [one for one, last in self._segments.items()
                        if last <= self.delivered and one != max(self._segments)]:
            self._store.remove(self._path(segment))
            del self._segments[segment]

    # -- writing

    async def _write(self, item: _Waiting) -> None:
        self._waiting.append(item)
        self._coming += sum(record.events for record in item.records)
        self._bytes += item.size
        if self._writer is None:
            self._start_writer()
        await _settled(item.done)

    def _start_writer(self) -> None:
        # In the context of the first that waits: its operation is the one under which the file is written.
        self._writer = asyncio.get_running_loop().create_task(
            self._commit(), name=f"commit {self.name}", context=self._waiting[0].context)

    async def _commit(self) -> None:
        group, self._waiting = self._waiting, []
        try:
            await self._written(group)
        finally:
            self._writer = None
            if self._waiting:
                self._start_writer()

    async def _written(self, group: list[_Waiting]) -> None:
        if not self._segments or self._size >= self._limit:
            self._start_segment(max(self._segments, default=0) + 1)
        segment = max(self._segments)
        kept, pieces = self._framed(group, segment)
        failed: BaseException | None = None
        try:
            await asyncio.to_thread(self._store.append, self._path(segment), *pieces)
        except BaseException as error:
            failed = error
        for item in group:
            self._coming -= sum(record.events for record in item.records)
            if failed is not None:
                self._bytes -= item.size
            if not item.done.done():
                item.done.set_exception(failed) if failed else item.done.set_result(None)
        if failed is not None:
            if not isinstance(failed, Exception):
                raise failed
            self._start_segment(segment + 1)  # what the failure left behind is not written behind
            return
        self._size += sum(map(len, pieces))
        self._kept.extend(kept)
        self._events += sum(one.events for one in kept)
        self.acknowledged = self._segments[segment] = self.acknowledged + sum(one.events for one in kept)
        self.delivered = max(self.delivered, *(item.delivered for item in group))

    def _framed(self, group: list[_Waiting], segment: int) -> tuple[list[_Kept], list[bytes]]:
        """The frames of a group, a piece for each item."""
        kept, pieces, at, number = [], [], self._size, self.acknowledged
        for item in group:
            made = [] if item.records else [frames.frame(frames.MARK, item.delivered, 0)]
            for record in item.records:
                made.append(frames.frame(frames.EVENTS, number, record.events, record.payload))
                kept.append(_Kept(segment, at, len(made[-1]), number, record.events, record.key))
                number += record.events
                at += len(made[-1])
            if not item.records:
                at += len(made[0])
            pieces.append(b"".join(made))
        return kept, pieces

    def _start_segment(self, number: int) -> None:
        self._segments[number] = self.acknowledged
        self._size = 0

    def _path(self, segment: int) -> str:
        return f"queue/{self.name}/{segment:08d}.log"


async def _settled(future: asyncio.Future[None]) -> None:
    """Waits for the outcome even when cancelled; the cancellation comes at the task's next await."""
    try:
        await asyncio.shield(future)
    except asyncio.CancelledError:
        if not future.done():
            await asyncio.wait([future])
        task = asyncio.current_task()
        if future.cancelled() or task is None:
            raise
        task.cancel()
        future.result()
