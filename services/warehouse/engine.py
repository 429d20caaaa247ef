"""[B] The engine's own account of a statement: the tables and columns that SQLite really touches.

``set_authorizer`` is asked by SQLite for every table and column while it compiles a statement,
views and triggers included; ``EXPLAIN`` compiles without moving a row.  A statement is asked about
twice: before it is judged, and again right before it runs, when the answer has to be the same.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lineage.errors import InputError
from services.seams import Store
from services.warehouse.catalog import Table

_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE,
                      sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT})
_WRITES = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})
_DENIED_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit"})
_KEYWORD = re.compile(r"[A-Za-z]+")
# Texts, quoted names and comments: what may not be taken for SQL's own words.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/", re.DOTALL)
_INTO = re.compile(r"\bINTO\b", re.IGNORECASE)
_USING = re.compile(r"\bUSING\s*\(([^()]*)\)", re.IGNORECASE)
_NATURAL = re.compile(r"\bNATURAL\b", re.IGNORECASE)
_COLUMNS = re.compile(r"\bINTO\s+[\w.]+(?:\s+AS\s+\w+)?\s*\((?P<columns>[\w\s,]+)\)", re.IGNORECASE)
STATEMENTS = ("INSERT", "REPLACE", "UPDATE", "DELETE", "SELECT", "WITH")


@dataclass
class Account:
    """Qualified table → columns in the order of their first mention.  A DELETE writes no column."""

    reads: dict[str, tuple[str, ...]] = field(default_factory=dict)
    writes: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Engine:
    """``catalog`` may grow: a job may make a table."""

    def __init__(self, store: Store, catalog: Mapping[str, Table]) -> None:
        self._store = store
        self._catalog = catalog

    def account(self, sql: str, where: str) -> Account:
        """What the statement would touch; no row moves.  Raises InputError (PAI021), with the place underlined."""
        keyword = match[0].upper() if (match := _KEYWORD.match(sql)) else ""
        if keyword not in STATEMENTS:
            raise InputError("PAI021", f"a statement of a job begins with {', '.join(STATEMENTS)}, not with "
                                       f"{sql[:20]!r}", where=where)
        account = Account()
        connection = self._store.connection
        connection.set_authorizer(lambda *asked: self._note(account, sql, *asked))
        try:
            # Not through ``execute``: nothing is read or written, and the authorizer must ask of nothing else.
            connection.execute(f"EXPLAIN {sql}").close()
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            raise InputError("PAI021", f"{error}\n{_underlined(sql, str(error))}", where=where) from None
        finally:
            connection.set_authorizer(None)
        self._add_joined(account, sql)
        return account

    def run(self, sql: str, account: Account, where: str) -> int:
        """Runs what ``account`` says; rows written, or returned by a query.

        Raises InputError (PAI021) when the statement fails, or would touch more by now than it was judged for.
        """
        now = self.account(sql, where)
        if now != account:
            raise InputError("PAI021", "the tables have changed since the statement was judged; it changed nothing",
                             where=where, next="run the job again")
        try:
            rows = self._store.execute(sql)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise InputError("PAI021", f"the statement failed, and changed nothing: {error}", where=where) from None
        return int(rows[0][0]) if account.writes else len(rows)

    def _note(self, account: Account, sql: str, *asked: object) -> int:
        action, first, second, database = asked[:4]
        if action in _ALLOWED:
            return sqlite3.SQLITE_DENY if second in _DENIED_FUNCTIONS else sqlite3.SQLITE_OK
        name = f"{database}.{first}"
        if name not in self._catalog:
            return sqlite3.SQLITE_DENY  # sqlite_master, temporary tables, what nobody labelled
        if action == sqlite3.SQLITE_READ:
            _add(account.reads, name, [second] if second else [])
        elif action == sqlite3.SQLITE_INSERT:
            _add(account.writes, name, self._inserted(sql, name))
        elif action == sqlite3.SQLITE_UPDATE:
            _add(account.writes, name, [second] if second else [])
        elif action == sqlite3.SQLITE_DELETE:
            _add(account.writes, name, [])
        else:
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    def _inserted(self, sql: str, table: str) -> list[str]:
        """The columns of an INSERT's list; all of the table's where it has none that is beyond doubt."""
        known = self._catalog[table].columns
        bare = _QUOTED.sub(" ? ", sql)
        match = _COLUMNS.search(bare) if len(_INTO.findall(bare)) == 1 else None
        if match is None:
            return list(known)
        folded = {column.lower(): column for column in known}
        columns = [folded.get(name.strip().lower(), "") for name in match["columns"].split(",")]
        return columns if all(columns) else list(known)

    def _add_joined(self, account: Account, sql: str) -> None:
        """The columns of USING and NATURAL joins, which SQLite reads without asking the authorizer.

        Every table that the statement mentions is taken to be joined by them: rather too much than too little.
        """
        bare = _QUOTED.sub(" ? ", sql)
        lists = [match[1] for match in _USING.finditer(bare)]
        natural = _NATURAL.search(bare) is not None
        if not lists and not natural:
            return
        words = {word.lower() for word in re.findall(r"\w+", sql)}
        tables = [name for name in self._catalog if name.rpartition(".")[2].lower() in words]
        held = [column for name in tables for column in self._catalog[name].columns]
        named = {name.strip().lower() for columns in lists for name in columns.split(",")}
        if natural or any("?" in columns for columns in lists):
            named |= {column.lower() for column in held if held.count(column) > 1}
        for name in tables:
            _add(account.reads, name, [column for column in self._catalog[name].columns if column.lower() in named])


def _add(tables: dict[str, tuple[str, ...]], name: str, columns: Sequence[object]) -> None:
    tables[name] = tuple(dict.fromkeys((*tables.get(name, ()), *map(str, columns))))


def _underlined(sql: str, message: str) -> str:
    """The line that SQLite's message is about, with the word underlined; the first line where it names none."""
    match = re.search(r'near "(.+?)"|no such (?:column|table|function): ([\w.]+)|has no column named (\w+)', message)
    word = next((group for group in match.groups() if group), "") if match else ""
    at = sql.find(word) if word else 0
    begin = sql.rfind("\n", 0, max(at, 0)) + 1
    line = sql[begin:].split("\n", 1)[0]
    return f"    {line}\n    {' ' * max(at - begin, 0)}{'^' * max(len(word), 1)}"
