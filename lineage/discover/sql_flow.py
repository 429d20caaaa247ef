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
    """What a value is made of (``direct``), what else decided it (``indirect``), and what only decided how often
    its row is there (``repeats``); ``lineage.discover.sql`` says what belongs where."""

    direct: Names = NONE
    indirect: Names = NONE
    repeats: Names = NONE

    def joined(self, other: Flow) -> Flow:
        if other == _EMPTY or other is self:
            return self
        return Flow(self.direct | other.direct, self.indirect | other.indirect, self.repeats | other.repeats)

    def deciding(self) -> Flow:
        """The same names, for what this value decides."""
        return Flow(NONE, self.direct | self.indirect, self.repeats)

    def repeating(self) -> Flow:
        """The same names, for rows that are told apart by this value, or made from it."""
        return Flow(NONE, NONE, self.direct | self.indirect | self.repeats)


_EMPTY = Flow()


class Column(NamedTuple):
    name: str
    flow: Flow


class Relation(NamedTuple):
    """The result of a query.  ``rows``: what decides which rows it has (nothing direct); ``tables``: the base tables
    below."""

    columns: tuple[Column, ...]
    rows: Flow = Flow()
    tables: Names = NONE

    def decided_by(self, deciders: Flow) -> Relation:
        """The same relation, with ``deciders`` deciding its rows, and so every value in them."""
        rows = self.rows.joined(deciders.deciding())
        if rows == _EMPTY:
            return self
        return Relation(tuple(Column(c.name, c.flow.joined(rows)) for c in self.columns), rows, self.tables)

    def renamed(self, names: Iterable[str]) -> Relation:
        return self._replace(columns=tuple(Column(n, c.flow) for n, c in zip(names, self.columns, strict=True)))


@dataclass(frozen=True, slots=True)
class ColumnFlow:
    """One column of a result or of the written table; a name can stand in more than one of the sets."""

    target: str
    direct: Names
    indirect: Names
    repeats: Names = NONE

    @property
    def deciding(self) -> Names:
        """All that had a say and is not the value: ``indirect`` and ``repeats``."""
        return self.indirect | self.repeats


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


def merged(flows: Iterable[Flow]) -> Flow:
    """All flows as one."""
    parts = [flow for flow in flows if flow != _EMPTY]
    if len(parts) < 2:
        return parts[0] if parts else _EMPTY
    return Flow(*(NONE.union(*sets) for sets in zip(*parts, strict=True)))


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Names as SQLite gives them to a derived table: a second ``a`` is ``a:1``."""
    names = tuple(names)
    if len({name.lower() for name in names}) == len(names):
        return names
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
