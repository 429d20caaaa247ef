"""[B] The embedded engine: SQLite, behind ``services.seams.Store``, below which it is tapped.

``set_authorizer`` is asked by SQLite for every table and column while it compiles a statement,
views and triggers included; ``EXPLAIN`` compiles without moving a row.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from secrets import token_hex

from lineage.errors import InputError, PolicyDenied
from services.rows import Cell
from services.seams import Store
from services.warehouse.catalog import Column, Table
from services.warehouse.consent import Visible
from services.warehouse.engine import CHANGED, STATEMENTS, Account, keyword, note, same, underlined
from services.warehouse.failure import said

_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE,
                      sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT})
_DENIED_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit"})
# Texts, quoted names and comments: what may not be taken for SQL's own words.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/", re.DOTALL)
_RETURNING = re.compile(r"\bRETURNING\b", re.IGNORECASE)
_INTO = re.compile(r"\bINTO\b", re.IGNORECASE)
_USING = re.compile(r"\bUSING\s*\(([^()]*)\)", re.IGNORECASE)
_NATURAL = re.compile(r"\bNATURAL\b", re.IGNORECASE)
_COLUMNS = re.compile(r"\bINTO\s+[\w.]+(?:\s+AS\s+\w+)?\s*\((?P<columns>[\w\s,]+)\)", re.IGNORECASE)


class SqliteEngine:
    """Implements ``Engine``.  ``catalog`` may grow: a job may make a table."""

    whole_jobs = True

    def __init__(self, store: Store, catalog: Mapping[str, Table]) -> None:
        self._store = store
        self._catalog = catalog
        # Table → how often it was written, since this engine began.
        self._writes: Counter[str] = Counter()
        # A snapshot of an earlier life is none of this one: its counts begin anew.
        self._life = token_hex(8)

    def transaction(self) -> AbstractContextManager[None]:
        return self._store.transaction()

    async def attach(self, database: str) -> None:
        self._store.attach(database)

    async def create(self, table: Table) -> None:
        try:
            self._store.execute(table.ddl)
        except sqlite3.Error as error:
            raise InputError("PAI022", f"SQLite refuses the table {table.name}: {error}", where=table.asset) from None

    async def widen(self, table: Table, columns: Sequence[Column]) -> None:
        for at, column in enumerate(columns):
            try:
                self._store.execute(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {column.type}")
            except sqlite3.Error as error:
                await self.narrow(table, [other.name for other in columns[:at]])
                raise InputError("PAI022", f"SQLite refuses the column {column.name}: {error}",
                                 where=table.asset) from None
        self._writes[table.name] += 1

    async def narrow(self, table: Table, columns: Sequence[str]) -> None:
        for name in reversed(columns):
            self._store.execute(f"ALTER TABLE {table.name} DROP COLUMN {name}")
        self._writes[table.name] += 1

    async def drop(self, table: Table) -> None:
        self._store.execute(f"DROP TABLE {table.name}")

    async def schema(self, table: Table) -> dict[str, str]:
        database, _, name = table.name.partition(".")
        return {str(row[1]): str(row[2]) for row in self._store.execute(f"PRAGMA {database}.table_info({name})")}

    async def append(self, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
        self._writes[table.name] += 1
        try:
            return self._store.executemany(sql, rows)
        except sqlite3.IntegrityError as error:
            raise InputError("PAI004", f"the table refuses a row: {said(error)}", where=table.asset) from None

    async def read(self, table: Table, columns: Sequence[str], rows: Visible,
                   subject: str = "") -> list[tuple[Cell, ...]]:
        rows.ask(self._store.connection)
        # Whose row it is comes first: consent is then asked of her rows only.
        decide = [f"{table.subject} = ?"] if subject else []
        decide += [rows.condition(table.name)] if table.name in rows.tables else []
        return self._store.execute(f"SELECT {', '.join(columns)} FROM {table.name}"
                                   + (f" WHERE {' AND '.join(decide)}" if decide else ""), [subject] if subject else [])

    async def snapshot(self, table: Table) -> str:
        return f"{self._life}.{self._writes[table.name]}"

    async def account(self, sql: str, where: str) -> Account:
        return self._account(sql, where)

    async def run(self, sql: str, account: Account, where: str, rows: Visible) -> int:
        rows.ask(self._store.connection)
        if not same(self._account(sql, where), account):
            raise InputError("PAI021", CHANGED, where=where, next="run the job again")
        self._writes.update(account.writes.keys())
        try:
            found = self._store.execute(sql)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise InputError("PAI021", f"the statement failed, and changed nothing: {said(error)}",
                             where=where) from None
        return int(found[0][0]) if account.writes else len(found)

    def rows(self, sql: str, rows: Visible) -> list[tuple[Cell, ...]]:
        rows.ask(self._store.connection)
        try:
            return self._store.execute(sql)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise PolicyDenied("PAI316", f"whom its rows stand for cannot be told: {said(error)}") from None

    async def close(self) -> None:
        """The store is closed by whoever made it."""

    def _account(self, sql: str, where: str) -> Account:
        if keyword(sql) not in STATEMENTS:
            raise InputError("PAI021", f"a statement of a job begins with {', '.join(STATEMENTS)}, not with "
                                       f"{sql[:20]!r}", where=where)
        if _RETURNING.search(_QUOTED.sub(" ? ", sql)):
            raise InputError("PAI021", "a statement of a job gives nothing back: leave RETURNING out", where=where)
        account = Account()
        connection = self._store.connection
        connection.set_authorizer(lambda *asked: self._note(account, sql, *asked))
        try:
            # Not through ``execute``: nothing is read or written, and the authorizer must ask of nothing else.
            connection.execute(f"EXPLAIN {sql}").close()
            if account.writes and not account.reads and keyword(sql) not in ("DELETE", "UPDATE"):
                # A whole table that is copied by INSERT … SELECT * SQLite takes page by page, asking nobody; not
                # with a LIMIT.  Where that is no SQL (other clauses, VALUES), the statement was no such copy.
                with suppress(sqlite3.OperationalError):
                    connection.execute(f"EXPLAIN {sql}\nLIMIT -1").close()
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            raise InputError("PAI021", f"{error}\n{_underlined(sql, str(error))}", where=where) from None
        finally:
            connection.set_authorizer(None)
        self._add_joined(account, sql)
        return account

    def _note(self, account: Account, sql: str, *asked: object) -> int:
        action, first, second, database = asked[:4]
        if action in _ALLOWED:
            return sqlite3.SQLITE_DENY if second in _DENIED_FUNCTIONS else sqlite3.SQLITE_OK
        name = f"{database}.{first}"
        if name not in self._catalog:
            return sqlite3.SQLITE_DENY  # sqlite_master, temporary tables, what nobody labelled
        if action == sqlite3.SQLITE_READ:
            note(account.reads, name, [second] if second else [])
        elif action == sqlite3.SQLITE_INSERT:
            note(account.writes, name, self._inserted(sql, name))
        elif action == sqlite3.SQLITE_UPDATE:
            note(account.writes, name, [second] if second else [])
        elif action == sqlite3.SQLITE_DELETE:
            note(account.writes, name, [])
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
            note(account.reads, name, [column for column in self._catalog[name].columns if column.lower() in named])


def _underlined(sql: str, message: str) -> str:
    """The line that SQLite's message is about, with the word underlined; the first line where it names none."""
    match = re.search(r'near "(.+?)"|no such (?:column|table|function): ([\w.]+)|has no column named (\w+)', message)
    return underlined(sql, next((group for group in match.groups() if group), "") if match else "")
