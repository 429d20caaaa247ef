"""The bounded buffer between a service and the thread that ships: where a signal gets its number.

Recording is one append of a tuple, without a lock.  Numbers are the order in which signals were
recorded; they are given when the buffer is emptied, so that the hot path need not.

Back-pressure: when the buffer is full, signals that are alike in all but ``rows`` (site, key, scope,
activity, purpose and detail) are merged.  Of each kind the first and the last stay, and the last says
how many it stands for.  No edge is lost by that: a read counts from its first occurrence, a write
derives from everything read before its last.  Signals with different keys are never merged.  What
cannot be merged is dropped and counted, and its numbers stay missing: the collector reports the hole.

>>> buffer = Buffer(limit=1)
>>> for _ in range(5):
...     buffer.append("site", "key", "web-1", "", "", 1, "")
>>> taken = buffer.take()
>>> len(taken.entries), taken.counts, taken.dropped, buffer.recorded
(3, [1, 1, 3], 0, 5)
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from lineage.privacylib.batch import Entry

if TYPE_CHECKING:
    from lineage.privacylib.capture import Site

MAX_BUFFER = 100_000


class Taken(NamedTuple):
    """``entries`` have the numbers from ``first`` on, ``counts`` each (empty: one each); ``dropped`` follow."""

    first: int
    entries: list[Entry]
    counts: list[int]
    dropped: int


class Buffer:
    """At most ``limit`` signals, and ``merging`` merged ones (a quarter as many, unless given).

    ``mark[0]`` holds how many signals have been recorded: where it is a page of a file, a successor
    reads there how far a process had come that was killed.
    """

    def __init__(self, limit: int = MAX_BUFFER, mark: memoryview | None = None, *, merging: int = 0) -> None:
        self._limit = limit
        self._room = merging or max(2, limit // 4)
        self._mark = mark if mark is not None else memoryview(bytearray(8)).cast("Q")
        self._waiting: deque[Entry] = deque()
        self._put = self._waiting.append
        self._next = itertools.count(1).__next__
        # The number up to which signals go to the buffer; it moves when the buffer is emptied, and only then,
        # so that nothing overtakes what was merged.
        self._ceiling = limit
        self._lock = threading.Lock()
        self._merged: dict[tuple[object, ...], tuple[Entry, int]] = {}
        self._missing = self._numbered = 0
        self._shut = False
        self.aggregated = self.dropped = 0

    def append(self, site: Site, key: str, scope: str, activity: str, purpose: str, rows: int, detail: str) -> None:
        number = self._next()
        self._mark[0] = number
        if number > self._ceiling:
            self._crowded(number, (site, key, scope, activity, purpose, rows, detail))
        else:
            self._put((site, key, scope, activity, purpose, rows, detail))

    def take(self) -> Taken:
        """Empties the buffer and gives the numbers."""
        with self._lock:
            # The length is taken once: signals that come while this runs are for the next time.
            pop = self._waiting.popleft
            entries = [pop() for _ in range(len(self._waiting))]
            counts = [1] * len(entries) if self._merged else []
            for entry, count in self._merged.values():
                entries.append(entry)
                counts.append(count)
            taken = Taken(self._numbered, entries, counts, self._missing)
            self._merged = {}
            self._missing = 0
            self._numbered += sum(counts) + taken.dropped if counts else len(entries) + taken.dropped
            if not self._shut:
                self._ceiling = self._numbered + self._limit
            # Two threads may have written their numbers the wrong way round.
            if self._mark[0] < self._numbered:
                self._mark[0] = self._numbered
            return taken

    def shut(self) -> None:
        """From here on signals are dropped, and counted as that."""
        with self._lock:
            self._shut = True
            self._ceiling = 0

    @property
    def recorded(self) -> int:
        with self._lock:
            waiting = len(self._waiting) + sum(count for _, count in self._merged.values())
            return self._numbered + waiting + self._missing

    def _crowded(self, number: int, entry: Entry) -> None:
        with self._lock:
            if number <= self._ceiling:
                self._put(entry)
                return
            alike = (*entry[:5], entry[6])
            if not self._shut and self._merge(alike, entry):
                return
            self._missing += 1
            self.dropped += 1

    def _merge(self, alike: tuple[object, ...], entry: Entry) -> bool:
        """True when the entry is kept, by itself or in another that is moved to the end."""
        room = len(self._merged) < self._room
        last = self._merged.pop((alike, "last"), None)
        if last is not None:
            kept, count = last
            self._merged[alike, "last"] = ((*entry[:5], kept[5] + entry[5], entry[6]), count + 1)
            self.aggregated += 1
            return True
        if room:
            self._merged[alike, "last" if (alike, "first") in self._merged else "first"] = (entry, 1)
        return room
