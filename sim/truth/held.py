"""Which rows of which wearer physically went into which checkpoint.

Truth, from the journal alone: rows arrive at the warehouse with their wearer and their key; a training run is sent
rows with their keys, or with their wearer's name; and within the same call it writes a checkpoint's weights.  A
checkpoint whose weights a run read is in what the run makes.  A row that comes with neither key nor wearer is nobody's
that one could name: it is counted as that.  What a model's answers taught another model is no row.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from sim.truth.message import person
from sim.truth.record import Record

_APPEND = "grpc:/sightline.Warehouse/Append:request"
_READ = "grpc:/sightline.Warehouse/Read:response"
_WEIGHTS = re.compile(r"file:checkpoints/([^/@]+@[^/@]+)/weights\.[a-z]+")


class Rows(NamedTuple):
    """``rows``: of the wearer, those of the checkpoints that it was made from included; ``unclear``: rows of which
    nobody can say whose they are.  ``armed``: the checkpoint was made in this run, and rows were seen to go into some
    checkpoint; without both, 0 says nothing."""

    rows: int
    unclear: int
    armed: bool


class Owners:
    """Whose the rows are that a message carries, by the rows as they arrived at the warehouse."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._whose: defaultdict[str, set[str]] = defaultdict(set)
        for record in records:
            if record.op == "received" and record.locator == _APPEND:
                for key, who in record.detail.get("of", ()):
                    self._whose[key].add(who)
        self._known = frozenset[str]().union(*self._whose.values())

    def of(self, record: Record) -> list[str]:
        """A digest of the wearer for each row; "" for nobody that one could name."""
        return [self._owner(key, who) for key, who in record.detail.get("of", ())]

    def _owner(self, key: str, who: str) -> str:
        """By the row's key; else by what it says, where that is a name under which some row has arrived (and not what
        stands for a name)."""
        people = self._whose.get(key) or ({who} if who in self._known else set())
        return next(iter(people)) if len(people) == 1 else ""


class Held:
    """``checkpoints``: id → digest of a wearer ("" for unclear) → rows."""

    def __init__(self, records: Sequence[Record]) -> None:
        owners = Owners(records)
        taken: defaultdict[int, Counter[str]] = defaultdict(Counter)
        bases: defaultdict[int, set[str]] = defaultdict(set)
        self.checkpoints: dict[str, Counter[str]] = {}
        for record in records:
            run = record.detail.get("within", 0)
            weights = _WEIGHTS.fullmatch(record.locator)
            if record.process != "training" or not run:
                continue
            if record.op == "received" and record.locator == _READ:
                taken[run].update(owners.of(record))
            elif weights and record.op == "read":
                bases[run].add(weights[1])
            elif weights:
                below = (self.checkpoints.get(base, Counter()) for base in sorted(bases[run] - {weights[1]}))
                self.checkpoints[weights[1]] = sum(below, Counter(taken[run]))

    def of(self, wearer: str, checkpoint: str) -> Rows:
        """``checkpoint``: "assistant@3"."""
        held = self.checkpoints.get(checkpoint)
        armed = held is not None and any(self.checkpoints.values())
        return Rows(held[person(wearer)], held[""], armed) if held is not None else Rows(0, 0, armed)
