"""The bounded buffer between a service and the thread that ships: where a signal gets its number.

Recording is one call of a list, without a lock.  Numbers are the order in which signals were
recorded; they are given when the buffer is emptied, so that the hot path need not.

Back-pressure: when the buffer is full, signals that are alike in all but ``rows`` (site, key, scope,
activity, purpose and detail) are merged.  Of each kind the first and the last stay, and the last says
how many it stands for.  No edge is lost by that: a read counts from its first occurrence, a write
derives from everything read before its last.  Signals with different keys are never merged.  What
cannot be merged is dropped and counted, and its numbers stay missing: the collector reports the hole.

>>> buffer, site = Buffer(limit=1), Site("read", "web:ask")
>>> for _ in range(5):
...     buffer.append(site, "key", "web-1", "", "", 1, "")
>>> taken = buffer.take()
>>> len(taken), taken.counts, taken.dropped, buffer.recorded
(3, [1, 1, 3], 0, 5)
"""

from __future__ import annotations

import itertools
import threading
from typing import NamedTuple

from lineage.privacylib.batch import WIDTH, Entries
from lineage.privacylib.context import Trace, scope_of
from lineage.privacylib.extension import Pen
from lineage.privacylib.posture import Who
from lineage.privacylib.site import Site

MAX_BUFFER = 100_000


class Taken(NamedTuple):
    """``entries`` have the numbers from ``first`` on, ``counts`` each (empty: one each); ``dropped`` follow."""

    first: int
    entries: Entries
    counts: list[int]
    dropped: int

    def __len__(self) -> int:
        return len(self.entries) // WIDTH


class Buffer(Pen):
    """At most ``limit`` signals, and ``merging`` merged ones (a quarter as many, unless given).

    ``mark[0]`` holds how many signals have been recorded: where it is a page of a file, a successor
    reads there how far a process had come that was killed.
    """

    def __init__(self, limit: int = MAX_BUFFER, mark: memoryview | None = None, *, merging: int = 0) -> None:
        self._limit = limit
        self._room = merging or max(2, limit // 4)
        self.mark: memoryview[int] = mark if mark is not None else memoryview(bytearray(8)).cast("Q")
        self._waiting: Entries = []
        self.put = self._waiting.extend
        self.count = itertools.count(1).__next__
        # The number up to which signals go to the buffer; it moves when the buffer is emptied, and only then,
        # so that nothing overtakes what was merged.
        self.ceiling = limit
        self._lock = threading.Lock()
        self._merged: dict[tuple[object, ...], tuple[tuple[Site, Trace, int, str], int]] = {}
        self._missing = self._numbered = 0
        self._shut = False
        self.aggregated = self.dropped = 0

    def append(self, site: Site, key: str, scope: str, activity: str, purpose: str, rows: int, detail: str) -> None:
        self.add(site, (key, scope, Who(activity=activity, purpose=purpose)), rows, detail)

    def add(self, site: Site, trace: Trace, rows: int, detail: str) -> None:
        """``append`` for a signal of a scope: what its trace says is looked up when it is shipped."""
        self.mark[0] = number = self.count()
        if number > self.ceiling:
            self.crowded(number, site, trace, rows, detail)
        else:
            self.put(((site, rows, detail), trace))

    def take(self) -> Taken:
        """Empties the buffer and gives the numbers."""
        with self._lock:
            # The length is taken once: signals that come while this runs are for the next time.
            length = len(self._waiting)
            entries = self._waiting[:length]
            del self._waiting[:length]
            count = length // WIDTH
            counts = [1] * count if self._merged else []
            for (site, trace, rows, detail), many in self._merged.values():
                entries += ((site, rows, detail), trace)
                counts.append(many)
            taken = Taken(self._numbered, entries, counts, self._missing)
            self._merged = {}
            self._missing = 0
            self._numbered += (sum(counts) if counts else count) + taken.dropped
            if not self._shut:
                self.ceiling = self._numbered + self._limit
            # Two threads may have written their numbers the wrong way round.
            if self.mark[0] < self._numbered:
                self.mark[0] = self._numbered
            return taken

    def shut(self) -> None:
        """From here on signals are dropped, and counted as that."""
        with self._lock:
            self._shut = True
            self.ceiling = 0

    @property
    def recorded(self) -> int:
        with self._lock:
            waiting = len(self._waiting) // WIDTH + sum(count for _, count in self._merged.values())
            return self._numbered + waiting + self._missing

    def crowded(self, number: int, site: Site, trace: Trace, rows: int, detail: str) -> None:
        with self._lock:
            if number <= self.ceiling:
                self.put(((site, rows, detail), trace))
                return
            if not self._shut and self._merge(site, trace, rows, detail):
                return
            self._missing += 1
            self.dropped += 1

    def _merge(self, site: Site, trace: Trace, rows: int, detail: str) -> bool:
        """True when the signal is kept, by itself or in another that is moved to the end."""
        alike = (site, trace[0], scope_of(trace), trace[2].activity, trace[2].purpose, detail)
        room = len(self._merged) < self._room
        last = self._merged.pop((alike, "last"), None)
        if last is not None:
            (_, _, before, _), count = last
            self._merged[alike, "last"] = ((site, trace, before + rows, detail), count + 1)
            self.aggregated += 1
            return True
        if room:
            self._merged[alike, "last" if (alike, "first") in self._merged else "first"] = (
                (site, trace, rows, detail), 1)
        return room
