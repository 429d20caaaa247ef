"""[B] The warehouse's tables: real DDL, with each column's label in the comment beside it.

    utterance TEXT NOT NULL,  -- user.utterance GLASSES_INTERACTION
    asked_at  TEXT NOT NULL,  -- operational:timestamp

One column a line, so that a label cannot slip to its neighbour.  SQLite checks the SQL itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from lineage.errors import InputError
from lineage.model import Label
from services.rows import SQL_TYPES

# The column that keeps each row's correlation key, where a table has it.
KEY = "_key"

_CREATE = re.compile(r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)\.(\w+)\s*\(\s*$", re.IGNORECASE)
_OTHER = re.compile(r"CREATE\s+(?:OR\s+REPLACE\s+)?(?:(?:TEMP|TEMPORARY)\s+\w+|(?:UNIQUE\s+)?(?:VIEW|TRIGGER|INDEX)\b"
                    r"|VIRTUAL\s+TABLE|TABLE\b.*?\bAS\b)", re.IGNORECASE)
_COLUMN = re.compile(r"(?P<name>[A-Za-z_]\w*)\s+(?P<type>[A-Za-z]+)\b[^,]*(?P<comma>,?)\s*")
_CONSTRAINT = re.compile(r"(?:PRIMARY|UNIQUE|CHECK|FOREIGN|CONSTRAINT)\b", re.IGNORECASE)
# A column whose values the table makes itself, of other columns: no label beside it tells of what.
_MADE = re.compile(r"\b(?:AS|GENERATED)\b|\bDEFAULT\s*\(", re.IGNORECASE)
_SAID = re.compile(r"\b(?P<key>owner|partition|subject|origin):\s*(?P<value>[\w-]+)")
_LABEL = re.compile(r"(?:operational:(?P<operational>\w+)|(?P<category>[a-z_]+(?:\.[a-z_]+)*))"
                    r"(?P<annotations>(?:\s+[A-Z][A-Z0-9_]*)*)\s*")


@dataclass(frozen=True)
class Column:
    """``type`` is SQL's: TEXT, INTEGER, REAL or BLOB."""

    name: str
    type: str
    label: Label
    required: bool = False


@dataclass(frozen=True)
class Table:
    """``name`` is qualified: "core.sessions".  ``ddl`` is one statement, ready for SQLite.

    ``partition``: the column (``ds``) by which a job replaces the table's rows, or empty.  ``subject``: the column
    that says whose a row is, or empty; then no row can be withheld for want of consent.  ``origin``: the column that
    says which country a row comes from, or empty; then no row can be withheld for where it is to be used.
    """

    name: str
    owner: str
    columns: dict[str, Column]
    ddl: str
    partition: str = ""
    subject: str = ""
    origin: str = ""

    @property
    def asset(self) -> str:
        return f"warehouse:{self.name}"

    @property
    def database(self) -> str:
        return self.name.partition(".")[0]

    @property
    def labels(self) -> dict[str, Label]:
        return {column.name: column.label for column in self.columns.values()}


def load(folder: Path) -> dict[str, Table]:
    """The table of every ``*.sql`` of ``folder``.  Raises InputError (PAI022) with file:line."""
    found: dict[str, Table] = {}
    for path in sorted(folder.glob("*.sql")):
        table = parse(path.read_text(encoding="utf-8"), str(path))
        if table.name in found:
            raise InputError("PAI022", f"the table {table.name} is defined twice", where=str(path))
        found[table.name] = table
    return found


def parse(text: str, where: str, first_line: int = 1, otherwise: Label | None = None) -> Table:
    """One ``CREATE TABLE``; ``otherwise``: the label of a column that has none beside it.

    Raises InputError (PAI022) with file:line, or for no table at all.
    """
    lines = list(enumerate(text.splitlines(), first_line))
    name, said = "", {"owner": "warehouse", "partition": "", "subject": "", "origin": ""}
    columns: dict[str, Column] = {}
    for number, line in lines:
        place = f"{where}:{number}"
        code, _, comment = line.partition("--")
        code = code.strip()
        if not name:
            said |= {match["key"]: match["value"] for match in _SAID.finditer(line.partition("--")[2])}
            name = _header(code, place)
        elif code.startswith(")"):
            if code not in (")", ");"):
                raise InputError("PAI022", f"nothing may follow the table's end, not {code[1:]!r}", where=place)
            ddl = "\n".join(line for at, line in lines if at <= number).rstrip().removesuffix(";")
            for key in ("partition", "subject", "origin"):
                if said[key] and said[key] not in columns:
                    raise InputError("PAI022", f"{name} names {said[key]!r} as its {key}, and has no such column",
                                     where=place, next=f"columns are {', '.join(columns)}")
            return Table(name, said["owner"], columns, _if_missing(ddl), said["partition"], said["subject"],
                         said["origin"])
        elif code and not _CONSTRAINT.match(code):
            column = _column(code, comment.strip(), place, otherwise)
            if column.name in columns:
                raise InputError("PAI022", f"the column {column.name!r} is given twice", where=place)
            columns[column.name] = column
    raise InputError("PAI022", "no CREATE TABLE database.table ( … ) is in it, or it has no end", where=where,
                     next="see services/warehouse/tables/sessions.sql")


def _header(code: str, place: str) -> str:
    if not code:
        return ""
    match = _CREATE.match(code)
    if match is None and (other := _OTHER.match(code)):
        raise InputError("PAI022", f"{other[0]}: a job makes tables whose columns each have a label, and "
                         "nothing that goes by another name or is made without one", where=place,
                         next="CREATE TABLE database.table ( …, a label beside each column, and INSERT into it")
    if match is None:
        raise InputError("PAI022", f"a table begins with CREATE TABLE database.table ( on one line, not {code!r}",
                         where=place, next="see services/warehouse/tables/sessions.sql")
    return f"{match[1]}.{match[2]}"


def _column(code: str, comment: str, place: str, otherwise: Label | None) -> Column:
    match = _COLUMN.fullmatch(code)
    if match is None or match["type"].upper() not in SQL_TYPES:
        raise InputError("PAI022", f"one column a line, with a type of {', '.join(SQL_TYPES)}: {code!r}", where=place)
    if _MADE.search(re.sub(r"'[^']*'", "''", code[match.end("type"):])):
        raise InputError("PAI022", f"the table itself makes the values of {match['name']!r}, no label tells of what: "
                                   f"{code!r}", where=place, next="let the job that fills it make them")
    required = bool(re.search(r"NOT\s+NULL", code, re.IGNORECASE))
    said = _LABEL.fullmatch(comment)
    if said is None and not comment and otherwise is not None:
        return Column(match["name"], match["type"].upper(), otherwise, required)
    if said is None:
        raise InputError("PAI022", f"the column {match['name']!r} has no label: write -- category ANNOTATION, or "
                                   f"-- operational:what, beside it; it has {comment!r}", where=place)
    label = Label(said["category"] or "", tuple(said["annotations"].split()), said["operational"] or "")
    return Column(match["name"], match["type"].upper(), label, required)


def _if_missing(ddl: str) -> str:
    return re.sub(r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?", "CREATE TABLE IF NOT EXISTS ", ddl, count=1,
                  flags=re.IGNORECASE)


def widened(known: Table, given: Table, where: str) -> Table | None:
    """``known`` with the columns at its end that ``given`` has besides; None where it has them all.

    Raises InputError (PAI022) where the two contradict each other: what a column is, is said once.
    """
    for name, column in given.columns.items():
        old = known.columns.get(name)
        if old is not None and (old.type, old.label) != (column.type, column.label):
            raise InputError("PAI022", f"{known.name} has the column {name} already, with another type or label",
                             where=where, next="write the column as it is, or give the new one another name")
    more = {name: column for name, column in given.columns.items() if name not in known.columns}
    taken = {name.lower() for name in known.columns}
    for name, column in more.items():
        if name.lower() in taken:
            raise InputError("PAI022", f"{known.name} has the column {name} already, written otherwise", where=where)
        if column.required:
            raise InputError("PAI022", f"{known.name} has rows without {name}: leave NOT NULL out", where=where)
    return replace(known, columns={**known.columns, **more}) if more else None


def called(catalog: Iterable[str], name: str, where: str) -> None:
    """Raises InputError (PAI022) for a name that differs from a table's only by case: to the engine they are one."""
    other = next((known for known in catalog if known.lower() == name.lower() and known != name), "")
    if other:
        raise InputError("PAI022", f"there is a table {other}, which {name} is to the engine", where=where,
                         next=f"write {other}, or take another name")


def table_of(catalog: dict[str, Table], name: str, code: str = "PAI004") -> Table:
    """Raises InputError (``code``) for a table that is not there."""
    if name not in catalog:
        raise InputError(code, f"the warehouse has no table {name!r}; it has {', '.join(sorted(catalog))}",
                         where="warehouse", next="ls services/warehouse/tables")
    return catalog[name]


def columns_of(table: Table, names: Iterable[str], code: str = "PAI004") -> list[Column]:
    """Raises InputError (``code``) for a column that is not there."""
    for name in names:
        if name not in table.columns:
            raise InputError(code, f"{table.name} has no column {name!r}; it has {', '.join(table.columns)}",
                             where=table.asset, next="ls services/warehouse/tables")
    return [table.columns[name] for name in names]
