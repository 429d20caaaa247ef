"""The corpus of statements with column edges that were found by reading, in ``tests/discover/corpus/*.sql``.

    --@ shop.json                           the schema beside the file, for the cases after it
    --# a filter (snowflake)                a case: its name, and its dialect unless it is common SQL
    SELECT name, age FROM customers WHERE …;
    --> output: db.table                    where the statement writes
    --> name = customers.name ~ orders.id   a column, its DIRECT sources ~ its INDIRECT ones
    --> * ~ customers.country               INDIRECT sources of every column of the case
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sqlglot.dialects.dialect import Dialects

from lineage.discover.sql_schema import schema_of
from lineage.errors import InputError

HOME = Path(__file__).parents[2] / "tests" / "discover" / "corpus"
_DIALECTS = frozenset(one.value for one in Dialects if one.value)
_TITLE = re.compile(r"(?P<name>.*?)(?: \((?P<dialect>\w+)\))?")


class Edge(NamedTuple):
    """``source`` is "table.column"; ``kind`` DIRECT or INDIRECT."""

    source: str
    target: str
    kind: str


@dataclass(slots=True)
class Case:
    """One statement and what is expected of it; ``where`` is file:line of its title."""

    name: str
    dialect: str
    schema: dict[str, dict[str, str]]
    where: str
    sql: str = ""
    output: str = ""
    columns: list[str] = field(default_factory=list)
    edges: set[Edge] = field(default_factory=set)

    @property
    def direct(self) -> set[tuple[str, str]]:
        return {(edge.source, edge.target) for edge in self.edges if edge.kind == "DIRECT"}


def load(folder: Path = HOME) -> list[Case]:
    """All cases, by file and line.  Raises InputError (PAI022) for a folder without a corpus, or a malformed line."""
    files = sorted(folder.glob("*.sql"))
    if not files:
        raise InputError("PAI022", "there is no corpus here", where=str(folder),
                         next="run it in a clone of the repository, or give --corpus")
    return [case for path in files for case in _cases(path)]


def _cases(path: Path) -> list[Case]:
    cases: list[Case] = []
    schema: dict[str, dict[str, str]] | None = None
    everywhere: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        where, mark, rest = f"{path.name}:{number}", line[:3], line[3:].strip()
        if mark == "--@":
            schema = schema_of((path.parent / rest).read_text(encoding="utf-8"), rest)
        elif mark == "--#":
            _spread(cases, everywhere)
            title = _TITLE.fullmatch(rest)
            if schema is None or title is None:
                raise _malformed("a case needs a schema before it", where)
            dialect = title["dialect"] or ""
            known = dialect in _DIALECTS
            cases.append(Case(title["name"] if known else rest, dialect if known else "", schema, where))
        elif mark == "-->":
            if not cases:
                raise _malformed("what is expected stands after a case", where)
            _expect(cases[-1], everywhere, rest, where)
        elif cases and not cases[-1].columns:
            cases[-1].sql += f"{line}\n"
    _spread(cases, everywhere)
    for case in cases:
        case.sql = case.sql.strip()
        if not case.sql or not case.columns:
            raise _malformed("the case lacks its statement, or what is expected", case.where)
    return cases


def _expect(case: Case, everywhere: list[str], text: str, where: str) -> None:
    if text.startswith("output:"):
        case.output = text.removeprefix("output:").strip()
        return
    head, tilde, indirect = text.partition("~")
    column, equals, direct = (part.strip() for part in head.partition("="))
    if column == "*" and not equals and tilde:
        everywhere.extend(indirect.split())
        return
    if not equals or not column or column in case.columns:
        raise _malformed(f"this is not `column = sources ~ sources`, or the column is there twice: {text!r}", where)
    case.columns.append(column)
    case.edges |= {Edge(source, column, "DIRECT") for source in direct.split()}
    case.edges |= {Edge(source, column, "INDIRECT") for source in indirect.split()}


def _spread(cases: list[Case], everywhere: list[str]) -> None:
    """Gives every column of the last case what was said of all."""
    if cases:
        cases[-1].edges |= {Edge(source, column, "INDIRECT") for source in everywhere for column in cases[-1].columns}
    everywhere.clear()


def _malformed(what: str, where: str) -> InputError:
    return InputError("PAI022", what, where=where, next="see sim/bench/corpus.py for the form")
