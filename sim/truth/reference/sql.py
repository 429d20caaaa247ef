"""What a job's statements would read and write, column by column, by SQLite's own bytecode in an empty database.

Truth.  Which column a target is made of is found by asking for that target alone: SQLite leaves out what the rest
needs, and what is left is its values and everything that decides whether the row is there.  Where SQLite cannot leave
it out (a window, a group), more is said than is true: ``influence`` tells the difference.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from sim.truth.bytecode import Witness

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TABLE = re.compile(r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w.]+)\s*\(", re.IGNORECASE)
_INSERT = re.compile(r"\s*(?:INSERT(?:\s+OR\s+\w+)?|REPLACE)\s+INTO\s+([\w.]+)\s*(?:\(([^()]*)\))?\s*"
                     r"((?:SELECT|WITH|VALUES)\b.*)", re.IGNORECASE | re.DOTALL)
_UPSERT = re.compile(r"\bON\s+CONFLICT\b|\bRETURNING\b", re.IGNORECASE)
_GIVEN = re.compile(r"(?:\bWITH(?:\s+RECURSIVE)?|,)\s*(\w+)\s*(?:\([^()]*\)\s*)?AS\s+(?:(?:NOT\s+)?MATERIALIZED\s+)?\(",
                    re.IGNORECASE)
_SCHEMA = re.compile(r"(\w+)\.\w+")


class Reading(NamedTuple):
    """Field-level names; a table of which only the rows are counted stands without a field.

    ``flows``: (source, sink); ``writes``: sinks, also those that are made of nothing."""

    uses: frozenset[str]
    flows: frozenset[tuple[str, str]]
    writes: frozenset[str]


def statements(sql: str) -> list[str]:
    """Of a job's text, with the definitions, in order."""
    found, text = [], ""
    for part in re.split(r"(?<=;)", sql):
        text += part
        if sqlite3.complete_statement(text):
            found.append(text.strip())
            text = ""
    if _COMMENT.sub("", text).strip(" \n\t;"):
        found.append(text.strip())
    return [one for one in found if _COMMENT.sub("", one).strip(" \n\t;")]


def defines(sql: str) -> str:
    """The table that a statement defines, or ""."""
    match = _TABLE.match(_COMMENT.sub("", sql).strip())
    return match[1] if match else ""


def twofold(schema: Sequence[str], sql: str) -> list[str]:
    """Names that a job gives by WITH and that are a table's as well: which of the two is meant, engines decide for
    themselves."""
    with tempfile.TemporaryDirectory() as folder:
        connection = _made(Path(folder), schema)
        try:
            given = dict.fromkeys(_GIVEN.findall(_COMMENT.sub("", sql)))
            return [name for name in given if _resolves(connection, name)]
        finally:
            connection.close()


def _resolves(connection: sqlite3.Connection, name: str) -> bool:
    try:
        connection.execute(f"SELECT 1 FROM {name}")
    except sqlite3.OperationalError:
        return False
    return True


@lru_cache(maxsize=512)
def understood(schema: tuple[str, ...], sql: str) -> Reading:
    """``schema``: the definitions of the tables that are there, in order.  Raises sqlite3.Error for what SQLite cannot
    prepare."""
    with tempfile.TemporaryDirectory() as folder:
        connection = _made(Path(folder), schema)
        witness = Witness(connection)
        try:
            return _joined(_statement(connection, witness, one) for one in statements(sql) if not defines(one))
        finally:
            witness.close()
            connection.close()


def _made(folder: Path, schema: Sequence[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "main.db", isolation_level=None)
    for database in sorted({match[1] for text in schema if (match := _SCHEMA.search(defines(text) or text))}):
        connection.execute(f"ATTACH ? AS {database}", (str(folder / f"{database}.db"),))
        connection.execute(f"PRAGMA {database}.synchronous = OFF")
        connection.execute(f"PRAGMA {database}.journal_mode = OFF")
    for text in schema:
        connection.execute(text)
    return connection


def _statement(connection: sqlite3.Connection, witness: Witness, sql: str) -> Reading:
    found = witness.touched(sql)
    uses = _fields(found.reads)
    writes = _fields(found.writes)
    match = _INSERT.match(_COMMENT.sub("", sql).strip())
    if match is None or _UPSERT.search(match[3]):
        return Reading(uses, frozenset((source, sink) for source in uses for sink in writes if source != sink), writes)
    table, body = match[1], match[3].rstrip("; \n")
    targets = re.findall(r"\w+", match[2]) if match[2] else _columns(connection, table)
    flows = set()
    names = ", ".join(f"c{number}" for number in range(len(targets)))
    for number, target in enumerate(targets):
        alone = witness.touched(f"WITH made({names}) AS ({body}) SELECT c{number} FROM made")
        flows |= {(source, f"warehouse:{table}#{target}") for source in _fields(alone.reads)}
    return Reading(uses, frozenset(flows), writes)


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    database, _, name = table.rpartition(".")
    return [row[1] for row in connection.execute(f"PRAGMA {database or 'main'}.table_info({name})")]


def _fields(side: dict[str, frozenset[str]]) -> frozenset[str]:
    return frozenset(f"warehouse:{table}#{column}" if column else f"warehouse:{table}"
                     for table, columns in side.items() for column in columns or ("",))


def _joined(readings: Iterable[Reading]) -> Reading:
    every = list(readings)
    return Reading(*(frozenset().union(*side) for side in zip(*every, strict=True))) if every else Reading(
        frozenset(), frozenset(), frozenset())
