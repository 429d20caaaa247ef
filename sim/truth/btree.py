"""What lies behind a root page: the tables and indexes of every database of one connection.

Truth: read from ``sqlite_schema`` and the table and index PRAGMAs, which no part of the PAI uses.
Virtual tables have no root page and are not seen here.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Btree:
    """One root page.  ``table``: ``core.sessions``.

    ``columns[i]``: the table's columns that storage column ``i`` holds or is computed from; exactly
    one but for an index over an expression.  ``rowid``: the column that is the row id, else "rowid".
    ``keyed``: a WITHOUT ROWID table, which is stored like an index, primary key first.
    ``primary``: the primary key, for such a table and its indexes.
    """

    table: str
    columns: tuple[frozenset[str], ...]
    index: bool
    keyed: bool
    rowid: str
    primary: frozenset[str] = frozenset()

    @property
    def all(self) -> frozenset[str]:
        return frozenset().union(*self.columns)


# (number of the database in the connection, root page) → what is stored there; None: SQLite's own.
Btrees = dict[tuple[int, int], Btree | None]


def databases(connection: sqlite3.Connection) -> list[tuple[int, str, str]]:
    """(number, name, file) of ``main``, ``temp`` and all attached; the file is "" when it has none."""
    return [(row[0], row[1], row[2] or "") for row in connection.execute("PRAGMA database_list").fetchall()]


def btrees(connection: sqlite3.Connection) -> Btrees:
    """Every root page of every database of the connection."""
    found: Btrees = {}
    for number, name, _ in databases(connection):
        schema = "sqlite_temp_schema" if name == "temp" else f"{quoted(name)}.sqlite_schema"
        found[(number, 1)] = None
        tables: dict[str, Btree] = {}
        rows = connection.execute(f"SELECT type, name, tbl_name, rootpage, sql FROM {schema} WHERE rootpage > 0 "
                                  "ORDER BY type DESC").fetchall()  # tables before their indexes
        for kind, own, table, root, sql in rows:
            if table.lower().startswith("sqlite_"):
                found[(number, root)] = None
            elif kind == "table":
                found[(number, root)] = tables[table] = _table(connection, name, table)
            else:
                found[(number, root)] = _index(connection, name, own, tables[table], sql or "")
    return found


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(connection: sqlite3.Connection, database: str, table: str) -> Btree:
    rows = connection.execute(f"PRAGMA {quoted(database)}.table_xinfo({quoted(table)})").fetchall()
    full = f"{database}.{table}"
    primary = frozenset(row[1] for row in rows if row[5])
    # hidden = 2: a generated column that is computed at each read, and so not stored.
    stored = [row[1] for row in rows if row[6] != 2]
    for _, index, _, origin, _ in connection.execute(
            f"PRAGMA {quoted(database)}.index_list({quoted(table)})").fetchall():
        if origin == "pk" and _keyed(connection, database, table):
            order = connection.execute(f"PRAGMA {quoted(database)}.index_xinfo({quoted(index)})").fetchall()
            return Btree(full, tuple(frozenset((row[2],)) for row in order), False, True, "", primary)
    alias = [row[1] for row in rows if row[5] and str(row[2]).upper() == "INTEGER"]
    indexed = any(row[3] == "pk" for row in connection.execute(
        f"PRAGMA {quoted(database)}.index_list({quoted(table)})").fetchall())
    rowid = alias[0] if len(primary) == 1 and alias and not indexed else "rowid"
    return Btree(full, tuple(frozenset((name,)) for name in stored), False, False, rowid)


def _keyed(connection: sqlite3.Connection, database: str, table: str) -> bool:
    row = connection.execute("SELECT wr FROM pragma_table_list WHERE schema = ? AND name = ?",
                             (database, table)).fetchone()
    return bool(row and row[0])


def _index(connection: sqlite3.Connection, database: str, index: str, table: Btree, sql: str) -> Btree:
    columns = []
    for _, number, name, *_ in connection.execute(
            f"PRAGMA {quoted(database)}.index_xinfo({quoted(index)})").fetchall():
        if number == -2:  # an expression: whatever columns the index's text mentions
            words = {word.lower() for word in re.findall(r"\w+", sql.partition("(")[2])}
            columns.append(frozenset(column for column in table.all if column.lower() in words))
        else:
            columns.append(frozenset((table.rowid if number == -1 else name,)))
    return Btree(table.table, tuple(columns), True, False, table.rowid, table.primary)
