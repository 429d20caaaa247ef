"""The operations score: did each real read, write and call yield a signal, and was none invented.

Truth.  Compares multisets of (process, operation, asset), so a signal cannot stand in for another
service's, and two reads need two signals.  Says nothing of hops or of influence.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lineage.errors import RunError
from lineage.names import asset_of
from sim.truth.journal import Journal
from sim.truth.naming import FAMILIES, family, name
from sim.truth.record import Record

Operation = tuple[str, str, str]
_OPS = ("read", "write", "call")
_RESAMPLES = 2_000


@dataclass(frozen=True)
class OperationsScore:
    """``truth``, ``captured``, ``matched``: (process, op, asset) → how often it happened, was signalled, both."""

    truth: Mapping[Operation, int]
    captured: Mapping[Operation, int]

    @property
    def matched(self) -> Counter[Operation]:
        return Counter(self.truth) & Counter(self.captured)

    @property
    def missed(self) -> Counter[Operation]:
        return Counter(self.truth) - Counter(self.captured)

    @property
    def invented(self) -> Counter[Operation]:
        return Counter(self.captured) - Counter(self.truth)

    @property
    def recall(self) -> float | None:
        return _recall(self.matched, self.truth)

    def to_dict(self) -> dict[str, Any]:
        """Recall is None where there was nothing to recall: unknown, never 1.0."""
        return {
            "operations": {"recall": self.recall, "invented": self.invented.total(), "truth": sum(self.truth.values()),
                           "captured": sum(self.captured.values()), "matched": self.matched.total()},
            "families": {letter: self._family(letter) for letter in FAMILIES},
            "missed": _listed(self.missed), "invented": _listed(self.invented)}

    def _family(self, letter: str) -> dict[str, Any]:
        truth, matched, invented = (
            Counter({one: count for one, count in side.items() if family(one[0], one[2]) == letter})
            for side in (self.truth, self.matched, self.invented))
        return {"operations": _recall(matched, truth), "truth": truth.total(), "invented": invented.total()}


def operations(records: Iterable[Record], signals: Iterable[Operation]) -> OperationsScore:
    """``signals``: (emitter, op, asset); fields of assets and other kinds of signals are left out."""
    named = (name(record) for record in records)
    return OperationsScore(Counter((one.process, one.op, one.asset) for one in named if one is not None),
                           Counter((emitter, op, asset_of(asset)) for emitter, op, asset in signals if op in _OPS))


def of_run(folder: Path) -> OperationsScore:
    """The score of a run folder.  Raises RunError (PAI032)."""
    return operations(records_of(folder / "journal.db"), signals_of(folder / "lineage.db"))


def records_of(path: Path) -> list[Record]:
    """The journal of a run.  Raises RunError (PAI032)."""
    return Journal.read(path)


def signals_of(path: Path) -> list[Operation]:
    """(emitter, op, asset) of each signal in a run's ``lineage.db``.  Raises RunError (PAI032)."""
    if not path.is_file():
        raise RunError("PAI032", "there is no lineage store", where=str(path))
    with closing(sqlite3.connect(path)) as file:
        try:
            merged = any(column[1] == "count" for column in file.execute("PRAGMA table_info(signals)"))
            rows = file.execute(f"SELECT emitter, op, asset, {'count' if merged else 1} FROM signals "
                                "ORDER BY emitter, op, asset").fetchall()
        except sqlite3.Error as error:
            raise RunError("PAI032", f"this is not a lineage store: {error}", where=str(path)) from error
    # A signal that back-pressure merged stands for several operations.
    return [(emitter, op, asset) for emitter, op, asset, count in rows for _ in range(count)]


def combine(scores: Sequence[OperationsScore]) -> dict[str, Any]:
    """The macro-average over scenarios, with a bootstrap 95 % interval over them (None for fewer than two).

    A scenario without truth is unknown: it is counted in ``unknown``, not averaged.
    """
    recalls = [score.recall for score in scores if score.recall is not None]
    singles = [score.to_dict() for score in scores]
    sums = {key: sum(single["operations"][key] for single in singles)
            for key in ("invented", "truth", "captured", "matched")}
    return {
        "operations": {"recall": mean(recalls), "interval": interval(recalls), **sums,
                       "unknown": len(scores) - len(recalls)},
        "families": {letter: _combined([single["families"][letter] for single in singles]) for letter in FAMILIES},
        "missed": _listed(sum((score.missed for score in scores), Counter())),
        "invented": _listed(sum((score.invented for score in scores), Counter())),
        "scenarios": len(scores)}


def _combined(families: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    recalls = [one["operations"] for one in families if one["operations"] is not None]
    return {"operations": mean(recalls), "truth": sum(one["truth"] for one in families),
            "invented": sum(one["invented"] for one in families)}


def _recall(matched: Counter[Operation], truth: Mapping[Operation, int]) -> float | None:
    total = sum(truth.values())
    return matched.total() / total if total else None


def mean(values: Sequence[float]) -> float | None:
    """None of nothing."""
    return sum(values) / len(values) if values else None


def interval(values: Sequence[float]) -> list[float] | None:
    """Percentile bootstrap (Efron 1979); the same values give the same interval."""
    if len(values) < 2:
        return None
    draw = random.Random(0)
    means = sorted(sum(draw.choices(values, k=len(values))) / len(values) for _ in range(_RESAMPLES))
    return [means[round(0.025 * (_RESAMPLES - 1))], means[round(0.975 * (_RESAMPLES - 1))]]


def _listed(counts: Counter[Operation]) -> list[dict[str, Any]]:
    return [{"emitter": emitter, "op": op, "asset": asset, "count": counts[(emitter, op, asset)]}
            for emitter, op, asset in sorted(counts)]
