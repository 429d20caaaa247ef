"""Does each row that a reviewed job writes stand for as many subjects as its review claims?  By leaving rows out.

Truth.  What the warehouse held right before the job is kept by examined runs.  The job is repeated on a copy once for
each row that it may read, without that row: what it then writes otherwise stood for it, and for its subject.  The same
tells whom the difference to an earlier release stands for.  The PAI counts rows; here they are missed.

A value that one row alone decides (a maximum) stands here for that row's subject, though more were looked at; a value
that no single row changes stands for nobody.  Sums of more than two releases are not compared.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.truth.influence import copied
from sim.truth.reference.attempt import Attempt
from sim.truth.reference.rows import narrowed
from sim.truth.reference.rules import Rule, is_edge
from sim.truth.reference.sql import defines, statements

# The rows that one released row stands for → whose they are.
Group = Mapping[tuple[Any, ...], str]


class Claims:
    """``subjects``, ``origins``: table → the column that says whose a row is, and where it is from.  Remembers what was
    released, in the order told."""

    def __init__(self, subjects: Mapping[str, str], origins: Mapping[str, str]) -> None:
        self._subjects, self._origins = subjects, origins
        self._earlier: defaultdict[tuple[str, str], list[Group]] = defaultdict(list)

    def holding(self, one: Attempt, rules: Sequence[Rule], snapshot: Path,
                missing: Mapping[str, Collection[str]], ran: bool) -> list[Rule] | None:
        """The rules with those reviews alone whose claim holds for what the attempt releases; None where that cannot
        be told.  ``missing``: as of :func:`rows.counted`, whose rows it does not see; ``ran``: it was released."""
        edges = [(source.name, sink.name) for source, sink in one.flows]
        claimed = [(rule, entry) for rule in rules if rule.enforced for entry in rule.lowered
                   if entry.get("claims") and any(is_edge(entry, edge) for edge in edges)]
        if not claimed:
            return list(rules)
        if one.kind != "job" or not snapshot.is_dir():
            return None
        void: list[Mapping[str, Any]] = []
        for rule, entry in claimed:
            kept = self._earlier[rule.id.partition("@")[0], entry["claims"]["of"]]
            try:
                groups = self._groups(one, rules, snapshot, missing, entry["to"])
            except sqlite3.Error:
                return None
            void += [entry] if _few(groups, kept, int(entry["claims"]["k_anonymity"])) else []
            kept += _and_all(groups) if ran else []
        return [rule._replace(lowered=tuple(entry for entry in rule.lowered if entry not in void)) for rule in rules]

    def _groups(self, one: Attempt, rules: Sequence[Rule], snapshot: Path, missing: Mapping[str, Collection[str]],
                to: str) -> list[Group]:
        """Of each row that the attempt writes to an asset."""
        sink = to.partition("#")[0].removeprefix("warehouse:")
        connection = sqlite3.connect(":memory:", isolation_level=None)
        try:
            copied(connection, snapshot, one.schema)
            narrowed(connection, one, rules, missing, self._subjects, self._origins)
            released = _after(connection, one, sink)
            groups: defaultdict[tuple[Any, ...], dict[tuple[Any, ...], str]] = defaultdict(dict)
            tables = {use.asset.removeprefix("warehouse:") for use in one.uses} & self._subjects.keys() - {sink}
            for table in sorted(tables):
                seen = Counter[tuple[Any, ...]]()
                for row, whose, *cells in connection.execute(
                        f"SELECT rowid, {self._subjects[table]}, * FROM {table}").fetchall():
                    seen[tuple(cells)] += 1
                    without = _after(connection, one, sink, f"DELETE FROM {table} WHERE rowid = {row}")
                    for told in released - without:
                        groups[told][table, *cells, seen[tuple(cells)]] = str(whose or "")
            return list(groups.values())
        finally:
            connection.close()


def _few(groups: Sequence[Group], earlier: Iterable[Group], k: int) -> bool:
    """A row, or its difference to an earlier release, stands for fewer than ``k``; the very same tells nothing."""
    apart = (_whose(one, other) for other in earlier for one in _and_all(groups))
    return any(len(set(one.values())) < k for one in groups) or any(0 < len(one) < k for one in apart)


def _and_all(groups: Sequence[Group]) -> list[Group]:
    return [*groups, {row: whose for one in groups for row, whose in one.items()}] if groups else []


def _whose(one: Group, other: Group) -> set[str]:
    return {one.get(row) or other[row] for row in one.keys() ^ other.keys()}


def _after(connection: sqlite3.Connection, one: Attempt, sink: str, before: str = "") -> Counter[tuple[Any, ...]]:
    """The rows of ``sink`` once the attempt has run, of which nothing stays."""
    connection.execute("BEGIN")
    try:
        for sql in filter(None, (before, *(sql for sql in statements(one.text) if not defines(sql)))):
            connection.execute(sql, {} if sql == before else dict(one.given))
        return Counter(connection.execute(f"SELECT * FROM {sink}").fetchall())
    finally:
        connection.execute("ROLLBACK")
