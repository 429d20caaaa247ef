"""[A] The review: what the privacy probes compared, as a table, and as a queue for people.

``review`` in lineage.db has a row for each source, sink, result, confidence, reason and value, with its
count.  The *match set* is its HIGH rows (those became edges); the *full set* is all of it.  The queue is
what a person should look at: the pairs of the full set that no HIGH edges explain.

A value is present as a keyed hash, and no payload is here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from lineage.discover.store import Store
from lineage.model import Signal
from lineage.privacylib.look import EXPLAINED

_COLUMNS = {"source": str, "sink": str, "result": str, "confidence": str, "why": str, "hash": str, "count": int}
_TABLE = "review"
# What was not looked at in full, and how many signals the table was made from.
_ACCOUNT = "review_account"
_READ = "signals read"
_RESULTS = frozenset({"EXACT_MATCH", "CONTAINS", "NO_MATCH"})
# Values told apart for one source, sink and verdict; the others share a row without a hash.
MAX_VALUES = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    source: str
    sink: str
    result: str
    confidence: str
    why: str
    hash: str
    count: int


@dataclass(frozen=True, slots=True)
class Pair:
    """One entry of the queue.  ``matches`` of ``compared``; ``values``: how many different ones matched, at
    least; ``why``: what made the matches LOW."""

    source: str
    sink: str
    matches: int
    compared: int
    values: int
    results: tuple[str, ...]
    why: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def save(store: Store) -> None:
    """Rewrites the table from the probe signals in ``store``, in one transaction."""
    rows: Counter[tuple[str, str, str, str, str, str]] = Counter()
    limits: Counter[tuple[str, str]] = Counter()
    read = 0
    for signal in store.signals():
        read += 1
        if signal.op == "probe":
            rows.update(_verdicts(signal))
            for reason, count in signal.detail.get("limits", {}).items():
                limits[signal.asset, reason] += count
    _create(store)
    with store.db.conn:
        store.db.conn.execute(f"DELETE FROM {_TABLE}")  # both names are constants
        store.db.conn.execute(f"DELETE FROM {_ACCOUNT}")
        store.db.conn.executemany(f"INSERT INTO {_TABLE} VALUES (?, ?, ?, ?, ?, ?, ?)", _bounded(rows))
        store.db.conn.executemany(f"INSERT INTO {_ACCOUNT} VALUES (?, ?, ?)",
                                  [(*place, limits[place]) for place in sorted(limits)] + [("", _READ, read)])


def match_set(store: Store) -> list[Row]:
    """The rows that are believed, most frequent first."""
    return [row for row in full_set(store) if row.confidence == "HIGH"]


def full_set(store: Store) -> list[Row]:
    """Every row, most frequent first."""
    _ensure(store)
    return [Row(**row) for row in store.db.query(
        f"SELECT source, sink, result, confidence, why, hash, count FROM {_TABLE} "
        "ORDER BY count DESC, source, sink, result, confidence, why, hash")]


def limits(store: Store) -> dict[str, int]:
    """What the probes did not look at in full: reason → how often."""
    _ensure(store)
    return {row["reason"]: row["n"] for row in store.db.query(
        f"SELECT reason, sum(count) AS n FROM {_ACCOUNT} WHERE asset != '' GROUP BY reason ORDER BY reason")}


def queue(store: Store, limit: int | None = None) -> list[Pair]:
    """Pairs without a way of HIGH edges from source to sink: those that matched most often first, and those
    that never matched last.  A match that another source of the same value explains counts as explained."""
    grouped: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in full_set(store):
        grouped[row.source, row.sink].append(row)
    explained = _Explained(store)
    pairs = [_pair(source, sink, rows) for (source, sink), rows in grouped.items()
             if sink not in explained.by(source) and {row.why for row in _matched(rows)} != {EXPLAINED}]
    return sorted(pairs, key=lambda pair: (-pair.matches, -pair.compared, pair.source, pair.sink))[:limit]


class _Explained:
    """What HIGH edges lead to from a source: the store's, and those that the match set makes."""

    def __init__(self, store: Store) -> None:
        self._out: defaultdict[str, set[str]] = defaultdict(set)
        self._reached: dict[str, set[str]] = {}
        for edge in store.db.query("SELECT source, target FROM edges WHERE state = 'observed' AND confidence = 'HIGH'"):
            self._out[edge["source"]].add(edge["target"])
        for row in match_set(store):
            self._out[row.source].add(row.sink)

    def by(self, source: str) -> set[str]:
        if source not in self._reached:
            seen = {source}
            queue = [source]
            for node in queue:
                fresh = self._out[node] - seen if node in self._out else set()
                seen |= fresh
                queue += fresh
            self._reached[source] = seen
        return self._reached[source]


def _pair(source: str, sink: str, rows: list[Row]) -> Pair:
    matched = _matched(rows)
    return Pair(source, sink, sum(row.count for row in matched), sum(row.count for row in rows),
                len({row.hash for row in matched}), tuple(sorted({row.result for row in matched})),
                tuple(sorted({row.why for row in matched} - {""})))


def _matched(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.result != "NO_MATCH"]


def _verdicts(signal: Signal) -> Iterator[tuple[str, str, str, str, str, str]]:
    """The rows of one signal; what the code says of a hand-over is no verdict."""
    matched = {index: (why, hash_) for index, why, hash_ in signal.detail.get("matched", ())}
    for index, (source, sink, result, confidence) in enumerate(signal.detail.get("pairs", ())):
        if result in _RESULTS:
            yield (source, sink, result, confidence, *matched.get(index, ("", "")))


def _bounded(rows: Counter[tuple[str, str, str, str, str, str]]) -> list[tuple[Any, ...]]:
    """The most frequent values of each verdict on rows of their own, the others together."""
    kept: Counter[tuple[str, ...]] = Counter()
    made: Counter[tuple[str, ...]] = Counter()
    for row, count in sorted(rows.items(), key=lambda item: (-item[1], item[0])):
        verdict = row[:5]
        kept[verdict] += 1
        made[row if kept[verdict] <= MAX_VALUES else (*verdict, "")] += count
    return [(*row, made[row]) for row in sorted(made)]


def _ensure(store: Store) -> None:
    """A table that is missing, or was made from fewer signals than there are, is made."""
    if store.db[_ACCOUNT].exists():
        read = store.db.execute(f"SELECT count FROM {_ACCOUNT} WHERE reason = ?", [_READ]).fetchone()
        if read is not None and read[0] == sum(store.counts().values()):
            return
    save(store)


def _create(store: Store) -> None:
    store.db.table(_TABLE).create(_COLUMNS, if_not_exists=True)
    store.db.table(_ACCOUNT).create({"asset": str, "reason": str, "count": int}, if_not_exists=True)
