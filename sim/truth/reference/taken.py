"""What each training run really took, and what it made of it: by the journal.

Truth.  A run is one call of training's; what it was sent, which weights it read, which model answered it and what it
wrote stand within that call.  The manifest says what was asked for, and is not asked here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sim.truth.held import Owners
from sim.truth.message import person
from sim.truth.record import Record

_TRAIN = "grpc:/sightline.Training/Train:request"
_READ = "grpc:/sightline.Warehouse/Read"
_DESCRIBE = "grpc:/sightline.Warehouse/Describe"
_ANSWER = "grpc:/sightline.Inference/Generate:response"
_CHECKPOINT = re.compile(r"file:checkpoints/([^/@]+@[^/@]+)/(weights\.[a-z]+|manifest\.json)")
# What runs make besides checkpoints.
_MADE = ("file:checkpoints/", "file:reports/", "file:features/")


class Read(NamedTuple):
    """A table's rows as training was sent them; ``owners``: digests of the wearers whose they are, "" among them
    where nobody can say of some."""

    table: str
    columns: tuple[str, ...]
    rows: int
    owners: frozenset[str]


class Took(NamedTuple):
    """``weights``: of which checkpoints; ``teachers``: which checkpoints answered; ``loaded``: which making of each had
    been loaded by then, from 1, where the journal tells (a version may be made again).  ``made``: checkpoints that have
    registered; ``wrote``: anything of what runs make.  ``changed``: tables that were written between the run's gate and
    its read.  ``began`` and ``ended``: when it began, and registered or gave up, among all messages and files; None
    where the journal does not number them."""

    reads: tuple[Read, ...] = ()
    weights: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    wrote: bool = False
    changed: frozenset[str] = frozenset()
    began: int | None = None
    ended: int | None = None
    loaded: tuple[tuple[str, int], ...] = ()

    @property
    def rows(self) -> int | None:
        """None where nothing of it ran at all; 0 where it learned from a corpus, from weights or from answers alone."""
        ran = self.reads or self.weights or self.teachers or self.wrote
        return sum(one.rows for one in self.reads) if ran else None


def taken(records: Sequence[Record]) -> list[Took]:
    """Of each request to train, in order."""
    owners, changed, loads = Owners(records), list(_changed(records)), _Loads(records)
    own: defaultdict[int, list[Record]] = defaultdict(list)
    for record in records:
        if record.process == "training" and "within" in record.detail:
            own[record.detail["within"]].append(record)
    found = []
    for record in records:
        if record.process == "training" and record.op == "received" and record.locator == _TRAIN:
            within = own[record.detail.get("call", -1)]
            # The warehouse answers in the order in which it was asked.
            asked = [one.detail["table"] for one in within if one.op == "sent" and one.locator == f"{_READ}:request"]
            ahead, changed = changed[:len(asked)], changed[len(asked):]
            took = _took(within, owners)
            found.append(took._replace(
                loaded=tuple((name, which) for name in took.teachers
                             if (which := loads.which(name, within)) is not None),
                began=record.detail.get("at"),
                changed=frozenset(table for (other, written), table in zip(ahead, asked, strict=False)
                                  if written and other == table)))
    return found


def _took(within: Sequence[Record], owners: Owners) -> Took:
    reads = [one for one in within if one.op == "received" and one.locator == f"{_READ}:response"]
    files = [(one, match[1], match[2] == "manifest.json") for one in within
             if (match := _CHECKPOINT.fullmatch(one.locator))]
    registered = [one.detail.get("at") for one, _, manifest in files if manifest and one.op == "write"]
    ends = [one.detail["at"] for one in within if "at" in one.detail]
    return Took(
        tuple(Read(one.detail["schema"], tuple(one.detail["columns"]), one.rows, frozenset(owners.of(one)))
              for one in reads if "schema" in one.detail),
        tuple(dict.fromkeys(name for one, name, manifest in files if one.op == "read" and not manifest)),
        tuple(dict.fromkeys(one.detail.get("checkpoint", "") for one in within
                            if one.op == "received" and one.locator == _ANSWER)),
        tuple(dict.fromkeys(name for one, name, manifest in files if one.op == "write" and manifest)),
        any(one.op == "write" and one.locator.startswith(_MADE) for one in within),
        ended=registered[0] if registered else max(ends, default=None))


class _Loads:
    """Which making of a checkpoint inference has loaded, by when: by the journal's numbers of its files."""

    def __init__(self, records: Sequence[Record]) -> None:
        answered = {one.detail.get("call") for one in records if one.process == "inference" and one.op == "sent"}
        self._reads: defaultdict[str, list[int | None]] = defaultdict(list)
        self._writes: defaultdict[str, list[int | None]] = defaultdict(list)
        for one in records:
            if (match := _CHECKPOINT.fullmatch(one.locator)) is None:
                continue
            manifest = match[2] == "manifest.json"
            if one.process == "training" and one.op == "write" and manifest:
                self._writes[match[1]].append(one.detail.get("at"))
            # What was read and then refused was not loaded.
            elif one.process == "inference" and one.op == "read" and not manifest and (
                    "within" not in one.detail or one.detail["within"] in answered):
                self._reads[match[1]].append(one.detail.get("at"))

    def which(self, name: str, within: Sequence[Record]) -> int | None:
        """Of the one that first and last answered a run; None where that cannot be told."""
        asked = [one.detail.get("at") for one in within if one.op == "received" and one.locator == _ANSWER
                 and one.detail.get("checkpoint", "") == name]
        reads, writes = ([at for at in of[name] if at is not None] for of in (self._reads, self._writes))
        if None in (*asked, *self._reads[name], *self._writes[name]):
            return None
        found = {sum(at < max((read for read in reads if read < when), default=0) for at in writes)
                 for when in asked if when is not None}
        return found.pop() or None if len(found) == 1 else None


def _changed(records: Sequence[Record]) -> Iterator[tuple[str, bool]]:
    """(table, was it written since it was last described) of each read that a training run has asked for, as it came to
    the warehouse."""
    open_: dict[int, str] = {}
    described: set[str] = set()
    written: set[str] = set()
    for one in records:
        if one.process != "warehouse":
            continue
        if one.locator == f"{_DESCRIBE}:request" and one.op == "received":
            open_[one.detail.get("call", 0)] = one.detail["table"]
        elif one.locator == f"{_DESCRIBE}:response" and one.op == "sent":
            table = open_.pop(one.detail.get("call", 0), "")
            described.add(table)
            written.discard(table)
        elif one.op == "write" and one.locator.startswith("sql:") and one.rows:
            written.add(one.locator.removeprefix("sql:"))
        elif one.locator == f"{_READ}:request" and one.op == "received" and one.detail[
                "activity"].startswith("training:"):
            yield one.detail["table"], one.detail["table"] in written & described


class Consents:
    """Who has taken consent back, by when: as it came to the policy service.

    The clock is the journal's number across all processes, where both the policy service's records and training's have
    one; a process of its own gives none.  Then it is the place among what the operator sent, as long as every consent
    came of that: one that came otherwise may have come at any time, and ``timed`` is false."""

    def __init__(self, records: Sequence[Record], sent: Sequence[Mapping[str, Any]] = ()) -> None:
        found = [one for one in records if one.process == "policy" and one.op == "received"
                 and one.locator == "grpc:/sightline.Policy/Consent:request"]
        began = [one for one in records if one.process == "training" and one.op == "received" and one.locator == _TRAIN]
        told = [(one.detail["purpose"], one.detail["whose"], one.detail["granted"]) for one in found]
        asked = {at: (str(one["request"].get("purpose", "")), person(str(one["request"].get("wearer", ""))),
                      bool(one["request"].get("granted"))) for at, one in enumerate(sent) if one["method"] == "Consent"}
        self._numbered = all("at" in one.detail for one in (*found, *began))
        self.timed = self._numbered or told == list(asked.values())
        when = [one.detail["at"] for one in found] if self._numbered else list(asked) if self.timed else [0] * len(told)
        self._said = sorted(zip(when, told, strict=True), key=lambda one: one[0])

    def moments(self, took: Took, sent: int) -> tuple[int | None, int | None]:
        """When a run began and when it registered or gave up; ``sent``: the place of its request."""
        return (took.began, took.ended) if self._numbered else (sent, sent)

    def gone(self, purposes: Sequence[str], by: int | None) -> frozenset[str]:
        """Digests of the wearers who by then do not consent to one of the purposes."""
        now: dict[tuple[str, str], bool] = {}
        for at, (purpose, whose, granted) in self._said:
            if self.timed and by is not None and at < by and purpose in purposes:
                now[purpose, whose] = granted
        return frozenset(whose for (_, whose), granted in now.items() if whose and not granted)

    def ever_gone(self, purpose: str) -> frozenset[str]:
        """Of those who have taken it back at some time."""
        return frozenset(whose for _, (named, whose, granted) in self._said if named == purpose and not granted)

    def between(self, after: int | None, by: int | None) -> dict[str, frozenset[str]]:
        """Purpose → digests of the wearers who have taken it back since; empty where nobody has said anything of it."""
        if not self.timed or after is None or by is None:
            return {}
        return {purpose: self.gone((purpose,), by) - self.gone((purpose,), after)
                for purpose in sorted({told[0] for at, told in self._said if after <= at < by})}
