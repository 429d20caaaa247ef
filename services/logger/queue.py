"""[B] The durable queue of one category: ``queue/<category>.jsonl``, only ever appended to.

A line is an event, ``{"key", "event"}``, or a mark, ``{"delivered": n}``: the first n events are in
the warehouse.  The mark is written after the warehouse's acknowledgement, so a crash in between
repeats a batch; the warehouse takes a row that it has only once.  A line that a crash cut off was
never acknowledged, and is passed over.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from services.rows import Cell
from services.seams import Store


class Event(NamedTuple):
    key: str
    values: dict[str, Cell]


class Queue:
    """Single process; ``acknowledged`` and ``delivered`` count events from the file's beginning."""

    def __init__(self, store: Store, category: str) -> None:
        self.path = f"queue/{category}.jsonl"
        self._store = store
        self.acknowledged = 0
        self.delivered = 0
        # Keys of the events that are not delivered, oldest first.
        self._keys: deque[str] = deque()
        self._torn = False

    @property
    def pending(self) -> int:
        return self.acknowledged - self.delivered

    @property
    def head(self) -> str:
        """The correlation key of the oldest event that is not delivered."""
        return self._keys[0]

    def exists(self) -> bool:
        return self._store.exists(self.path)

    def recover(self) -> None:
        """Takes up where the last process stopped; one read of the file."""
        data = self._store.read(self.path)
        events, self.delivered = _parse(data)
        self.acknowledged = len(events)
        self._keys = deque(event.key for event in events[self.delivered:])
        self._torn = bool(data) and not data.endswith(b"\n")

    def append(self, events: Sequence[Event]) -> None:
        """Durable when it returns."""
        self._append([{"key": event.key, "event": {name: _plain(cell) for name, cell in event.values.items()}}
                      for event in events])
        self.acknowledged += len(events)
        self._keys.extend(event.key for event in events)

    def next(self, limit: int) -> list[Event]:
        """The oldest ``limit`` events that are not delivered; one read of the file."""
        events, _ = _parse(self._store.read(self.path))
        return events[self.delivered:self.delivered + limit]

    def deliver(self, count: int) -> None:
        """Marks the next ``count`` events as delivered, durably."""
        self._append([{"delivered": self.delivered + count}])
        self.delivered += count
        for _ in range(count):
            self._keys.popleft()

    def _append(self, lines: Sequence[dict[str, Any]]) -> None:
        text = "".join(f"{json.dumps(line, sort_keys=True, ensure_ascii=False)}\n" for line in lines)
        self._store.append(self.path, ("\n" * self._torn + text).encode("utf-8", "surrogatepass"))
        self._torn = False


def _parse(data: bytes) -> tuple[list[Event], int]:
    events: list[Event] = []
    delivered = 0
    for line in data.split(b"\n"):
        try:
            entry = json.loads(line.decode("utf-8", "surrogatepass"))
        except ValueError:
            continue
        if "delivered" in entry:
            delivered = entry["delivered"]
        else:
            events.append(Event(entry["key"], {name: _cell(value) for name, value in entry["event"].items()}))
    return events, delivered


def _plain(cell: Cell) -> Any:
    return {"blob": base64.b64encode(cell).decode()} if isinstance(cell, bytes) else cell


def _cell(value: Any) -> Cell:
    return base64.b64decode(value["blob"]) if isinstance(value, dict) else value
