"""Rows that an attempt may not have, while it may have others: for want of consent, or for where they are from.

Truth.  What the warehouse held right before the request is kept by examined runs.  The attempt is repeated on a copy,
once with every row and once without those that some requirement forbids.  The journal says whose rows a training run
was sent; of all else it has a count, which says which of the two it was.  Where both give as many rows (a count, a
group), it cannot say, and neither does this; nor can it, by a count, tell other rows from as many that were permitted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sim.truth.influence import copied
from sim.truth.message import person
from sim.truth.reference.attempt import Attempt
from sim.truth.reference.rules import Rule
from sim.truth.reference.sql import defines, statements


class Counted(NamedTuple):
    """``permitted`` and ``forbidden`` rows of the tables that are used; ``rows`` that it would give with every row, and
    ``left``: without the forbidden ones.  ``whose`` and ``others``: (table, digest of a wearer) of whom each row of it
    is forbidden, and of whom none is; of somebody with rows of both kinds, neither."""

    permitted: int
    forbidden: int
    rows: int
    left: int
    requirements: tuple[str, ...]
    whose: frozenset[tuple[str, str]] = frozenset()
    others: frozenset[tuple[str, str]] = frozenset()


def withdrawn_before(sent: Sequence[Mapping[str, Any]], before: int) -> dict[str, set[str]]:
    """Purpose → the wearers who have taken their consent back before a request."""
    found: dict[str, set[str]] = {}
    for one in sent[:before]:
        if one["method"] == "Consent":
            asked = one["request"]
            who = found.setdefault(asked.get("purpose", ""), set())
            (who.discard if asked.get("granted") else who.add)(asked.get("wearer", ""))
    return found


def counted(snapshot: Path, attempt: Attempt, rules: Sequence[Rule], missing: Mapping[str, Collection[str]],
            subjects: Mapping[str, str], origins: Mapping[str, str]) -> Counted | None:
    """``missing``: of :func:`withdrawn_before`, by name or by digest; ``subjects``, ``origins``: table → column.  None
    where it cannot be repeated."""
    if attempt.kind not in ("job", "training", "export") or not snapshot.is_dir():
        return None
    judge = _Judge(attempt, rules, missing, subjects, origins)
    try:
        every, kept, gone = _repeated(snapshot, attempt, None)
        left, _, forbidden = _repeated(snapshot, attempt, judge)
    except sqlite3.Error:
        return None
    return Counted(kept + gone - forbidden, forbidden, every, left, tuple(sorted(judge.asked)),
                   *(frozenset(judge.whose[one] - judge.whose[not one]) for one in (True, False)))


class _Judge:
    """Says of a row of a table which requirements forbid it."""

    def __init__(self, attempt: Attempt, rules: Sequence[Rule], missing: Mapping[str, Collection[str]],
                 subjects: Mapping[str, str], origins: Mapping[str, str]) -> None:
        self._attempt = attempt
        self._rules = [rule for rule in rules if rule.enforced]
        self._missing = missing
        self.subjects, self.origins = subjects, origins
        self.asked: set[str] = set()
        self._known: dict[tuple[str, str, str], bool] = {}
        # Forbidden or not → (table, digest) of the wearers of such rows.
        self.whose: dict[bool, set[tuple[str, str]]] = {True: set(), False: set()}

    def forbids(self, table: str, subject: str, origin: str) -> bool:
        key = table, subject, origin
        if key not in self._known:
            labels = {name for use in self._attempt.uses if use.asset == f"warehouse:{table}"
                      for name in use.annotations or ()}
            asked = {rule.id for rule in self._rules for purpose in self._attempt.purposes_of(f"warehouse:{table}")
                     if rule.forbids_use(labels, purpose, self._attempt.region, [origin] if origin else ())
                     or (self._has_withdrawn(subject, purpose) and rule.needs_consent(labels, purpose, origin))}
            self.asked |= asked
            self._known[key] = bool(asked)
            self.whose[bool(asked)].add((table, person(subject)))
        return self._known[key]

    def _has_withdrawn(self, subject: str, purpose: str) -> bool:
        return any(name in self._missing.get(purpose, ()) for name in (subject, person(subject)) if name)


def narrowed(connection: sqlite3.Connection, attempt: Attempt, rules: Sequence[Rule],
             missing: Mapping[str, Collection[str]], subjects: Mapping[str, str], origins: Mapping[str, str]) -> None:
    """Takes away the rows that the attempt may not have."""
    judge = _Judge(attempt, rules, missing, subjects, origins)
    for table in _tables(attempt):
        _taken(connection, table, table, judge)


def _tables(attempt: Attempt) -> list[str]:
    return sorted({use.asset.removeprefix("warehouse:") for use in attempt.uses if use.asset.startswith("warehouse:")})


def _repeated(snapshot: Path, attempt: Attempt, judge: _Judge | None) -> tuple[int, int, int]:
    """(rows that it gives, rows of its tables that are left, rows that were taken away)."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        copied(connection, snapshot, attempt.schema)
        tables = _tables(attempt)
        chosen = {table: f"{table} WHERE {attempt.where.get(table, 'true')}" for table in tables}
        taken = sum(_taken(connection, table, chosen[table], judge) for table in tables) if judge else 0
        left = sum(int(connection.execute(f"SELECT count(*) FROM {of}").fetchone()[0]) for of in chosen.values())
        return left if attempt.kind != "job" else _run(connection, attempt), left, taken
    finally:
        connection.close()


def _taken(connection: sqlite3.Connection, table: str, chosen: str, judge: _Judge) -> int:
    """Rows that are ``chosen`` of a table and forbidden, and now are gone."""
    subject, origin = (columns.get(table, "''") for columns in (judge.subjects, judge.origins))
    rows = connection.execute(f"SELECT rowid, {subject}, {origin} FROM {chosen}").fetchall()
    gone = [(row,) for row, whose, place in rows if judge.forbids(table, str(whose or ""), str(place or ""))]
    connection.executemany(f"DELETE FROM {table} WHERE rowid = ?", gone)
    return len(gone)


def _run(connection: sqlite3.Connection, attempt: Attempt) -> int:
    """As the journal counts: rows of the largest writing statement, else those that a reading one gives."""
    reads, writes = [0], list[int]()
    for sql in statements(attempt.text):
        if not defines(sql):
            found = connection.execute(sql, dict(attempt.given))
            if found.description is None:
                writes.append(found.rowcount)
            else:
                reads.append(len(found.fetchall()))
    return max(writes or reads)
