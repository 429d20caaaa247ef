"""[B] The engine seam: what the warehouse needs of whatever keeps its tables and runs its SQL.

SQLite (``sqlite.py``) is embedded.  Every engine takes the same statements, in SQLite's dialect, and
gives its *own* account of what a statement touches, from what it compiled and not from the
statement's text.  A statement is asked about twice: before it is judged, and again right before it
runs, when the answer has to be the same.

Coroutines, because a statement may take an engine minutes, and the service answers others meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from services.rows import Cell
from services.warehouse.catalog import Column, Table
from services.warehouse.consent import Visible

STATEMENTS = ("INSERT", "REPLACE", "UPDATE", "DELETE", "SELECT", "WITH")
CHANGED = "the tables have changed since the statement was judged; it changed nothing"
_KEYWORD = re.compile(r"[A-Za-z]+")


@dataclass
class Account:
    """Qualified table → columns in the order of their first mention.  A DELETE writes no column."""

    reads: dict[str, tuple[str, ...]] = field(default_factory=dict)
    writes: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Engine(Protocol):
    """One statement at a time, each whole or not at all.  ``whole_jobs``: so are several, within ``transaction``."""

    whole_jobs: bool

    def transaction(self) -> AbstractContextManager[None]:
        """Around the ``run`` of several statements; where ``whole_jobs``, nothing else is awaited within."""

    async def attach(self, database: str) -> None:
        """Opens (or makes) a database, once before its tables."""

    async def create(self, table: Table) -> None:
        """Makes the table where it is missing.  Raises InputError (PAI022) where the engine refuses it."""

    async def widen(self, table: Table, columns: Sequence[Column]) -> None:
        """Puts empty columns at the table's end; its snapshot is another then.  Raises InputError (PAI022)."""

    async def narrow(self, table: Table, columns: Sequence[str]) -> None:
        """Takes columns away that were put there in vain; ``table`` is as it was before."""

    async def drop(self, table: Table) -> None:
        """The table and its rows are gone."""

    async def schema(self, table: Table) -> dict[str, str]:
        """The table's columns as the engine keeps them, in order, with their SQL types (TEXT …)."""

    async def append(self, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
        """All rows or none; how many were new.  A row whose primary key is there already is left as it is.

        Raises InputError (PAI004) for what the table does not take.
        """

    async def read(self, table: Table, columns: Sequence[str], rows: Visible,
                   subject: str = "") -> list[tuple[Cell, ...]]:
        """Every row that may be seen, in an order that the same writes always give; only those of ``subject``, by the
        table's subject column, where one is given.  It is bound as a value, and never part of the statement."""

    async def account(self, sql: str, where: str) -> Account:
        """What the statement would touch; no row moves.  Raises InputError (PAI021), with the place underlined."""

    async def run(self, sql: str, account: Account, where: str, rows: Visible) -> int:
        """Runs what ``account`` says; rows written, or returned by a query.

        The statement may call ``sightline_consents(subject)``, which is ``rows.consents``.  Raises InputError (PAI021)
        when it fails, or would touch more by now than it was judged for.
        """

    def rows(self, sql: str, rows: Visible) -> list[tuple[Cell, ...]]:
        """What a query gives that the PAI made, within the transaction of a job; only where ``whole_jobs``."""

    async def snapshot(self, table: Table) -> str:
        """Another text whenever the table's rows may have changed."""

    async def close(self) -> None:
        """What was committed stays."""


class MakeEngine(Protocol):
    """Makes the engine for a catalog, which may grow: a job may make a table."""

    def __call__(self, catalog: Mapping[str, Table]) -> Engine: ...


def keyword(sql: str) -> str:
    """The statement's first word, in upper case; it has no comment before it."""
    match = _KEYWORD.match(sql)
    return match[0].upper() if match else ""


def note(tables: dict[str, tuple[str, ...]], name: str, columns: Iterable[object]) -> None:
    """Adds columns of a table to one side of an account."""
    tables[name] = tuple(dict.fromkeys((*tables.get(name, ()), *map(str, columns))))


def same(one: Account, other: Account) -> bool:
    """The same columns of the same tables, in whatever order."""
    return all({table: set(columns) for table, columns in mine.items()}
               == {table: set(columns) for table, columns in theirs.items()}
               for mine, theirs in ((one.reads, other.reads), (one.writes, other.writes)))


def underlined(sql: str, word: str) -> str:
    """The line in which ``word`` first stands, with it underlined; the first line where it is empty or not there."""
    at = sql.find(word) if word else 0
    begin = sql.rfind("\n", 0, max(at, 0)) + 1
    line = sql[begin:].split("\n", 1)[0]
    return f"    {line}\n    {' ' * max(at - begin, 0)}{'^' * max(len(word), 1)}"
