"""[B] Column lineage of one SQL statement, against a schema, in one pass.

``analyse`` says which columns a statement reads, which it writes, and for each result column which columns
its values are made of (*direct*) and which decided them (*indirect*).  What cannot be read or resolved is an
InputError: there is no guess.

Not seen, because neither text nor schema tells: triggers, defaults, generated columns; what a view is made of (it is
read as a table); unique keys, by which INSERT OR IGNORE or REPLACE drops rows; which row SQLite takes for a bare column
beside ``max()``, or for a LIMIT among equals.  A column without an alias has the text of its expression for a name.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import replace
from threading import Lock

from lineage.discover.sql_flow import ColumnFlow, Schema, Statement
from lineage.discover.sql_text import SqlFault, parse, report, spans
from lineage.discover.sql_write import definition_of, statement_of

__all__ = ["ColumnFlow", "Schema", "Statement", "analyse", "defined", "split"]

CACHED = 512
_cache: OrderedDict[bytes, Statement] = OrderedDict()
_lock = Lock()


def analyse(sql: str, schema: Schema, dialect: str = "sqlite", *, name: str = "sql", line: int = 1) -> Statement:
    """The lineage of the one statement in ``sql``; ``dialect`` is one of sqlglot's.

    ``schema``: "core.sessions" → column → type.  ``name`` and ``line`` (the first line's number) say where the
    text stands, for errors.  Raises InputError (PAI021), ``where`` name:line:column, when the text is empty, does
    not parse, holds several statements, or names a table or column that the schema lacks.

    >>> schema = {"core.sessions": {"day": "TEXT", "utterance": "TEXT"}}
    >>> text = "CREATE TABLE core.long AS SELECT upper(utterance) AS u FROM core.sessions WHERE day > 7"
    >>> made = analyse(text, schema)
    >>> made.kind, made.writes, sorted(made.reads["core.sessions"])
    ('ctas', ('core.long', ('u',)), ['day', 'utterance'])
    >>> flow = made.columns[0]
    >>> flow.target, sorted(flow.direct), sorted(flow.indirect)
    ('u', ['core.sessions#utterance'], ['core.sessions#day'])
    """
    digest = _digest(sql, schema, dialect)
    with _lock:
        known = _cache.get(digest)
        if known is not None:
            _cache.move_to_end(digest)
            return replace(known, reads=dict(known.reads))
    try:
        made = statement_of(parse(sql, dialect), schema)
    except SqlFault as fault:
        raise report(fault, sql, name, line) from None
    except RecursionError:
        raise report(SqlFault("the statement is nested too deeply"), sql, name, line) from None
    with _lock:
        _cache[digest] = made
        while len(_cache) > CACHED:
            _cache.popitem(last=False)
    return replace(made, reads=dict(made.reads))


def split(sql: str, dialect: str = "sqlite", *, name: str = "sql", line: int = 1) -> list[tuple[int, str]]:
    """The statements of a text, each with the number of its first line, at its own column.

    Raises InputError (PAI021) when there is none, or a quote or comment stays open.
    """
    try:
        found = spans(sql, dialect)
        if not found:
            raise SqlFault("there is no statement in the text")
    except SqlFault as fault:
        raise report(fault, sql, name, line) from None
    return [(line + sql.count("\n", 0, start), " " * (start - sql.rfind("\n", 0, start) - 1) + sql[start:end + 1])
            for start, end in found]


def defined(sql: str, dialect: str = "sqlite") -> tuple[str, dict[str, str]] | None:
    """The table and columns of a ``CREATE TABLE`` without a query; None for any other text."""
    try:
        return definition_of(parse(sql, dialect))
    except SqlFault:
        return None


def _digest(sql: str, schema: Schema, dialect: str) -> bytes:
    # Column order is part of the schema: it is what * means.
    tables = [[table, list(columns)] for table, columns in sorted(schema.items())]
    text = json.dumps([dialect, sql, tables])
    return hashlib.sha256(text.encode()).digest()
