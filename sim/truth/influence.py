"""Does the source of a refused flow influence its sink at all?  Counterfactual twins of one job, or of messages.

Truth.  A job's statements run on copies of the tables that the run left, as they are and then with the source column
changed: every value, one value, none (deletion), all alike (boundary).  A sink column that is never different was not
influenced on these rows; that it never could be is not said.  Where the job gives two answers with nothing changed,
nothing is concluded, and that is reported.  Messages of two whole runs are compared by the digest of each field.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sim.truth.record import Record
from sim.truth.reference.sql import defines, statements

# Of one column: how its values are changed, as SQL over the column ``{c}`` and the row's number.
_CHANGES = (
    "CASE WHEN typeof({c}) IN ('integer', 'real') THEN {c} + 1 + rowid ELSE coalesce({c}, '') || '~' || rowid END",
    "CASE WHEN rowid > (SELECT min(rowid) FROM {t}) THEN {c} WHEN typeof({c}) IN ('integer', 'real') THEN {c} + 1 "
    "ELSE coalesce({c}, '') || '~' END",
    "CASE WHEN typeof({c}) IN ('integer', 'real') THEN 0 ELSE '' END",
    "(SELECT max({c}) FROM {t})",
)


class Influence(NamedTuple):
    """``influenced`` is None where it cannot be told, and ``why`` says so."""

    source: str
    sink: str
    influenced: bool | None
    why: str = ""


def of_job(folder: Path, schema: Sequence[str], text: str, pairs: Iterable[tuple[str, str]],
           given: Mapping[str, str]) -> list[Influence]:
    """``folder``: with ``core.db`` … of a run; ``schema``: definitions of the tables; ``given``: the job's parameters;
    ``pairs``: (source, sink), field-level names, or a whole table as source."""
    found = []
    for source, sink in pairs:
        try:
            found.append(_pair(folder, schema, text, source, sink, given))
        except sqlite3.Error as error:
            found.append(Influence(source, sink, None, f"the job cannot be repeated: {error}"))
    return found


def _pair(folder: Path, schema: Sequence[str], text: str, source: str, sink: str,
          given: Mapping[str, str]) -> Influence:
    table, _, column = source.removeprefix("warehouse:").partition("#")
    base = _outcome(folder, schema, text, sink, given)
    if base != _outcome(folder, schema, text, sink, given):
        return Influence(source, sink, None, "the job gives another answer with nothing changed")
    changes = [f"UPDATE {table} SET {column} = {change.format(c=column, t=table)}" for change in _CHANGES]
    if not column:
        changes = [f"DELETE FROM {table} WHERE rowid = (SELECT min(rowid) FROM {table})", f"DELETE FROM {table}"]
    tried = 0
    for change in changes:
        try:
            tried += 1
            if _outcome(folder, schema, text, sink, given, change) != base:
                return Influence(source, sink, True)
        except sqlite3.IntegrityError:  # such a value cannot be there
            tried -= 1
    if not tried or not _rows(folder, table):
        return Influence(source, sink, None, "there is no row to change")
    return Influence(source, sink, False, f"{tried} changes of {source} leave it as it is")


def _outcome(folder: Path, schema: Sequence[str], text: str, sink: str, given: Mapping[str, str],
             change: str = "") -> list[str]:
    """The values of the sink column after the job, in whatever order."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        copied(connection, folder, schema)
        table, _, column = sink.removeprefix("warehouse:").partition("#")
        if change:
            connection.execute(change)
        for sql in statements(text):
            if not defines(sql):
                connection.execute(sql, given)
        return sorted(map(repr, connection.execute(f"SELECT {column or '*'} FROM {table}").fetchall()))
    finally:
        connection.close()


def copied(connection: sqlite3.Connection, folder: Path, schema: Sequence[str]) -> None:
    """The tables of ``schema`` in memory, with the rows that the databases in ``folder`` have of them."""
    for path in sorted(folder.glob("*.db")):
        connection.execute(f"ATTACH ':memory:' AS {path.stem}")
    for sql in schema:
        connection.execute(sql)
    for path in sorted(folder.glob("*.db")):
        for table, columns, rows in _left(path):
            if _is_made(connection, f"{path.stem}.{table}"):
                marks = ", ".join("?" * len(columns))
                connection.executemany(f"INSERT OR IGNORE INTO {path.stem}.{table} ({', '.join(columns)}) "
                                       f"VALUES ({marks})", rows)


def _left(path: Path) -> Iterator[tuple[str, list[str], list[tuple[object, ...]]]]:
    """(table, columns, rows) of each table that a run left in a database."""
    own = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        names = [name for (name,) in own.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for name in names:
            found = own.execute(f'SELECT * FROM "{name}"')
            yield name, [column[0] for column in found.description], found.fetchall()
    finally:
        own.close()


def _is_made(connection: sqlite3.Connection, table: str) -> bool:
    database, _, name = table.rpartition(".")
    try:
        return bool(connection.execute(f"PRAGMA {database}.table_info({name})").fetchall())
    except sqlite3.Error:
        return False


def _rows(folder: Path, table: str) -> int:
    database, _, name = table.partition(".")
    return sum(len(rows) for path in folder.glob(f"{database}.db") for one, _, rows in _left(path) if one == name)


def differing(records: Sequence[Record], twin: Sequence[Record]) -> set[str]:
    """The fields (``rpc:inference.Converse.request#prompt``) of messages that are not the same in two runs, aligned by
    their order; of a message that one run alone has, all."""
    ours, theirs = _digests(records), _digests(twin)
    return {field for field in ours.keys() | theirs.keys() if ours.get(field) != theirs.get(field)}


def _digests(records: Sequence[Record]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for record in records:
        if record.op == "sent" and record.locator.startswith("grpc:"):
            path, _, part = record.locator.partition(":")[2].rpartition(":")
            service, _, method = path.rpartition(".")[2].partition("/")
            for field, digest in record.detail.get("digests", {}).items():
                found.setdefault(f"rpc:{service.lower()}.{method}.{part}#{field}", []).append(digest)
    return found
