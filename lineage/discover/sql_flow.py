"""[B] The values that SQL analysis passes round: where a column comes from, and what a statement does.

Names are ``core.sessions#utterance``, without a kind; a bare ``core.sessions`` stands for the table's
rows themselves, which is all that ``count(*)`` uses.  Nothing here reads SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

# "core.sessions" → column → type, as the warehouse's DDL declares them; views that may be read included.
Schema = Mapping[str, Mapping[str, str]]
Names = frozenset[str]
NONE: Names = frozenset()


class Flow(NamedTuple):
    """What a value is made of (``direct``), and what else decided it (``indirect``)."""

    direct: Names = NONE
    indirect: Names = NONE

    @property
    def all(self) -> Names:
        return self.direct | self.indirect

    def joined(self, other: Flow) -> Flow:
        return Flow(self.direct | other.direct, self.indirect | other.indirect)

    def decided_by(self, names: Iterable[str]) -> Flow:
        return Flow(self.direct, self.indirect.union(names))


class Column(NamedTuple):
    name: str
    flow: Flow


class Relation(NamedTuple):
    """The result of a query.  ``rows``: what decides which rows it has; ``tables``: the base tables below."""

    columns: tuple[Column, ...]
    rows: Names = NONE
    tables: Names = NONE

    def decided_by(self, names: Iterable[str]) -> Relation:
        """The same relation, with ``names`` deciding its rows, and so every value in them."""
        rows = self.rows.union(names)
        return Relation(tuple(Column(c.name, c.flow.decided_by(rows)) for c in self.columns), rows, self.tables)

    def renamed(self, names: Iterable[str]) -> Relation:
        return self._replace(columns=tuple(Column(n, c.flow) for n, c in zip(names, self.columns, strict=True)))


@dataclass(frozen=True, slots=True)
class ColumnFlow:
    """One column of a result or of the written table.

    ``direct``: its values are computed from these.  ``indirect``: WHERE, JOIN, GROUP BY, HAVING, ORDER BY,
    DISTINCT, window partition and order, CASE conditions.  A name can stand in both.
    """

    target: str
    direct: Names
    indirect: Names


@dataclass(frozen=True, slots=True)
class Statement:
    """What one statement reads, writes, and lets flow.

    ``kind``: select, insert, ctas, view, update, delete or merge.  ``reads``: table → the columns that the engine
    needs (an empty set where only the rows count).  ``writes``: the table and the columns that the statement sets;
    None for a query.  ``columns`` stand in the order of the result, or of the written columns.
    """

    kind: str
    reads: dict[str, Names]
    writes: tuple[str, tuple[str, ...]] | None
    columns: tuple[ColumnFlow, ...]


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Names as SQLite gives them to a derived table: a second ``a`` is ``a:1``."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        lower, candidate = name.lower(), name
        while candidate.lower() in seen:
            seen[lower] = seen.get(lower, 0) + 1
            candidate = f"{name}:{seen[lower]}"
        seen.setdefault(candidate.lower(), 0)
        result.append(candidate)
    return tuple(result)
