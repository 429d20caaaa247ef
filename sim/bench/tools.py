"""The tools that answer the same question as ``lineage.discover.sql``: what are the direct sources of each column?

Each is called as its documentation says, in the way that serves it best: sqlglot for all columns at once, sqllineage
with a table to write to, both with the schema.  A tool that raises has not answered.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

from sim.bench.corpus import Case, Edge

INSTALL = "pip install 'sightline[bench]'"
# What sqllineage calls a dialect; those that it lacks are read as ANSI.
_FLUFF = {"": "ansi", "spark": "sparksql"}
_PLAIN = ("bigquery", "clickhouse", "databricks", "duckdb", "hive", "mysql", "oracle", "postgres", "redshift",
          "snowflake", "sqlite", "trino", "tsql")
_ANSWER = "sightline_answer"
# (source "table.column", target column), in lower case.
Direct = frozenset[tuple[str, str]]


class Tool(NamedTuple):
    """``prepare`` makes what is not to be timed; ``ask`` answers with it, or raises; ``read`` makes edges of that."""

    name: str
    prepare: Callable[[Case], Any]
    ask: Callable[[Any], Any]
    read: Callable[[Any], Direct]


def edges(case: Case) -> set[Edge]:
    """All edges that ours gives, in lower case; none when it cannot analyse the statement."""
    from lineage.discover.sql_file import SqlFiles

    return {Edge(e.source.lower(), e.target.lower(), e.kind)
            for one in SqlFiles(case.schema, case.dialect).statements(case.sql) if not one.faults for e in one.edges}


def installed() -> list[Tool]:
    """Ours, and those peers that are installed."""
    tools = [Tool("sightline", lambda case: case, _ours, _our_edges),
             Tool("sqlglot", _glot_given, _glot, _glot_edges)]
    if find_spec("sqllineage") is not None:
        tools.append(Tool("sqllineage", _fluff_given, _fluff, _fluff_edges))
    return tools


# --- ours

def _ours(case: Case) -> Any:
    from lineage.discover import sql

    sql.forget()  # else every answer but the first would come from the cache
    return sql.analyse(case.sql, case.schema, case.dialect)


def _our_edges(made: Any) -> Direct:
    return frozenset((source.replace("#", ".").lower(), column.target.lower())
                     for column in made.columns for source in column.direct if "#" in source)


# --- sqlglot

def _glot_given(case: Case) -> Any:
    from sqlglot.schema import MappingSchema

    # One depth for all tables: where databases are named, the others get one too.
    deep = any("." in table and table in case.sql for table in case.schema)
    nested: dict[str, Any] = {}
    for table, columns in case.schema.items():
        database, _, name = table.rpartition(".")
        if deep == bool(database):
            (nested.setdefault(database, {}) if deep else nested)[name] = dict(columns)
    return case, MappingSchema(nested, dialect=case.dialect or None)


def _glot(given: Any) -> Any:
    from sqlglot.lineage import lineage

    case, schema = given
    return lineage(None, case.sql.rstrip(";"), schema=schema, dialect=case.dialect or None)


def _glot_edges(nodes: Any) -> Direct:
    from sqlglot import exp

    found = set()
    for target, top in nodes.items():
        for node in top.walk():
            if not node.downstream and isinstance(node.source, exp.Table):
                table = ".".join(part.name for part in node.source.parts)
                found.add((f"{table}.{node.name.rpartition('.')[2]}".replace('"', "").lower(), target.lower()))
    return frozenset(found)


# --- sqllineage

def _fluff_given(case: Case) -> Any:
    from sqllineage.core.metadata.dummy import DummyMetaDataProvider

    warnings.filterwarnings("ignore", module="sqllineage")
    for name in ("sqllineage", "sqlfluff"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    dialect = _FLUFF.get(case.dialect, case.dialect if case.dialect in _PLAIN else "ansi")
    tables = {table if "." in table else f"<default>.{table}": list(columns) for table, columns in case.schema.items()}
    # It tells the columns of a query only where the query is written somewhere.
    into = f"INSERT INTO {_ANSWER} " if case.dialect == "tsql" else f"CREATE TABLE {_ANSWER} AS "
    return case.sql if case.output else into + case.sql, dialect, DummyMetaDataProvider(tables)


def _fluff(given: Any) -> Any:
    from sqllineage.runner import LineageRunner

    sql, dialect, schema = given
    runner = LineageRunner(sql, dialect=dialect, metadata_provider=schema)
    return runner.get_column_lineage()


def _fluff_edges(paths: Any) -> Direct:
    return frozenset((str(path[0]).replace("<default>.", "").lower(), str(path[-1]).rpartition(".")[2].lower())
                     for path in paths if len(path) > 1)
