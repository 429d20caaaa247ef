"""[B] Column lineage of one SQL statement, against a schema, in one pass.

``analyse`` says which columns a statement reads, which it writes, and for each result column where its values come
from.  What cannot be read or resolved is an InputError: there is no guess.

**DIRECT**: the value is computed from it.  A column; every argument of an operator, function or aggregate (COALESCE,
NULLIF, a comparison in a projection); the results of a CASE; the argument of a window function; either side of
UNION and INTERSECT; the columns of a scalar or IN sub-query that stands as a value; an array or JSON document for its
parts (UNNEST, FLATTEN, explode); the columns laid under one another by UNPIVOT.  ``count(*)`` has no direct
column (but the tables whose rows it counts), nor has a literal, ``row_number()``, an offset.

**INDIRECT**: it decides the value without being in it.  The *condition* of CASE, IIF, DECODE, NVL2, COUNT_IF, FILTER;
PARTITION BY, ORDER BY and bounds of a *window*, ORDER BY inside an aggregate, the second argument of MAX_BY: of that
one column.  And of all columns of its SELECT, whatever decides its rows: *filter* (WHERE, HAVING, QUALIFY, LIMIT,
EXISTS, IN, the right side of a semi or anti join and of EXCEPT), *join* (ON, USING, NATURAL: both sides), *group*
(GROUP BY with its sets, DISTINCT ON, the columns that PIVOT groups by; PIVOT's FOR is a condition), *order* (ORDER BY).
A table's deciders go wherever the table goes: the WHERE of a sub-query decides each column of the query around it.
But an aggregate without GROUP BY gives one row whatever it reads, so that inner WHERE decides the aggregate alone.
In a write: WHERE, join, ON and the condition of its WHEN decide each column that is set; a DELETE's, every column.

**repeats**: it only decides how often a row is there.  Columns compared by DISTINCT, UNION, INTERSECT, EXCEPT, and by
the unique key of ON CONFLICT; arrays that are unnested beside other columns; tables that are joined and not named
further.  Enforcement counts them as indirect, for they do influence; ``sightline sql`` leaves them out, as people do.

A column of USING is direct from the side that cannot be missing (both for FULL).  Names lead through WITH, sub-queries
and aliases to the table's column; a view is a table.  A column without an alias has the text of its expression for a
name.

Not seen, because neither text nor schema tells: triggers, defaults, generated columns; what a view is made of; unique
keys, by which INSERT OR IGNORE or REPLACE drops rows; which row SQLite takes for a bare column beside ``max()``, or
for a LIMIT among equals.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from threading import Lock
from types import MappingProxyType

from lineage.discover.sql_catalog import Catalog
from lineage.discover.sql_dialect import dialect_of
from lineage.discover.sql_flow import ColumnFlow, Schema, Statement
from lineage.discover.sql_stack import deeply
from lineage.discover.sql_text import SqlFault, check_text, parse, report, spans
from lineage.discover.sql_write import definition_of, statement_of

__all__ = ["ColumnFlow", "Schema", "Statement", "analyse", "defined", "forget", "split"]

CACHED = 512
_Key = tuple[bytes, str, tuple[tuple[str, tuple[str, ...]], ...]]
_cache: OrderedDict[_Key, Statement] = OrderedDict()
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
    key = _key(sql, schema, dialect)
    with _lock:
        known = _cache.get(key)
        if known is not None:
            _cache.move_to_end(key)
            return replace(known, reads=dict(known.reads))
    try:
        made = deeply(lambda: statement_of(parse(sql, dialect), Catalog(schema), dialect_of(dialect)))
    except SqlFault as fault:
        raise report(fault, sql, name, line) from None
    with _lock:
        _cache[key] = made
        while len(_cache) > CACHED:
            _cache.popitem(last=False)
    return replace(made, reads=dict(made.reads))


def forget() -> None:
    """Empties the caches, for those who measure."""
    with _lock:
        _cache.clear()
    defined.cache_clear()
    spans.cache_clear()


def split(sql: str, dialect: str = "sqlite", *, name: str = "sql", line: int = 1) -> list[tuple[int, str]]:
    """The statements of a text, each with the number of its first line, at its own column.

    Raises InputError (PAI021) when there is none, or a quote or comment stays open.
    """
    try:
        check_text(sql)
        found = spans(sql, dialect)
        if not found:
            raise SqlFault("there is no statement in the text")
    except SqlFault as fault:
        raise report(fault, sql, name, line) from None
    return [(line + sql.count("\n", 0, start), " " * (start - sql.rfind("\n", 0, start) - 1) + sql[start:end + 1])
            for start, end in found]


@lru_cache(maxsize=CACHED)
def defined(sql: str, dialect: str = "sqlite") -> tuple[str, Mapping[str, str]] | None:
    """The table and columns of a ``CREATE TABLE`` without a query; None for any other text."""
    try:
        made = deeply(lambda: definition_of(parse(sql, dialect)))
    except SqlFault:
        return None
    return made and (made[0], MappingProxyType(made[1]))


def _key(sql: str, schema: Schema, dialect: str) -> _Key:
    # Column order is part of the schema: it is what * means.
    digest = hashlib.sha256(sql.encode("utf-8", "surrogatepass")).digest()
    return digest, dialect, tuple((table, tuple(columns)) for table, columns in sorted(schema.items()))
