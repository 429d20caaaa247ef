"""[B] What a statement changes, worked out by Spark: staged first, checked, and only then parts of the table.

Parquet has no keys and no NOT NULL; both are kept here.  A new row gets the next number, in the order of
all its values: a table's order must not depend on how Spark cut up the work.  So where rows of one
statement share a key, the last in that order wins (INSERT OR REPLACE), or the first (ON CONFLICT DO
NOTHING).  Nothing counts before the engine commits the change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from services.rows import Cell
from services.warehouse.catalog import Table
from services.warehouse.spark_names import ROW, TYPES
from services.warehouse.spark_sql import Statement
from services.warehouse.spark_tables import SparkTables

# More parts than this are put together by the next append.
PARTS = 64


class Refusal(Exception):
    """The table does not take the rows."""


@dataclass(frozen=True)
class Change:
    """``parts`` are those that will count, ``following`` the number of the next row, ``rows`` what was written."""

    table: Table
    parts: list[str]
    following: int
    rows: int


@dataclass(frozen=True)
class _Staged:
    part: str
    frame: Any
    rows: int
    twice: int
    following: int


def insert(tables: SparkTables, table: Table, statement: Statement, query: Any) -> Change:
    """``query``: the statement's result.  Raises Refusal."""
    base = tables.next(table)
    typed = _typed(query, table, statement.columns)
    numbered = typed.orderBy(*statement.columns).selectExpr("*", f"monotonically_increasing_id() + {base}L AS `{ROW}`")
    staged = _stage(tables, table, numbered, statement.columns, tables.keys(table), insert=True)
    parts, keys = tables.parts(table), list(tables.keys(table))
    clashes = tables.frame(table, columns=keys).join(staged.frame, keys, "left_semi").count() if keys and parts else 0
    if not staged.twice and not clashes:
        return Change(table, [*parts, tables.accept(table, staged.part)], staged.following, staged.rows)
    if statement.conflict == "error":
        raise Refusal(f"UNIQUE constraint failed: {table.name}.{', '.join(keys)}")
    if statement.conflict == "update":
        return _upsert(tables, table, statement, staged, keys)
    last = statement.conflict == "replace"
    window = f"PARTITION BY {_listed(keys)} ORDER BY `{ROW}` {'DESC' if last else 'ASC'}"
    single = staged.frame.selectExpr("*", f"row_number() OVER ({window}) AS `__at`").where("`__at` = 1").drop("__at")
    if not last:
        part = tables.write(table, "rows", _without(single, tables.frame(table, columns=keys), keys))
        return Change(table, [*parts, part], staged.following, tables.frame(table, [part]).count())
    part = tables.write(table, "rows", single)
    kept = tables.write(table, "kept", _without(tables.frame(table), staged.frame, keys)) if clashes else None
    return Change(table, [kept, part] if kept else [*parts, part], staged.following, staged.rows)


def update(tables: SparkTables, table: Table, columns: Sequence[str], query: Any) -> Change:
    """``query``: the rows' numbers, then the new values of ``columns``.  Raises Refusal."""
    staged = _stage(tables, table, _typed(query, table, columns, numbered=True), columns, [ROW])
    if staged.twice:
        raise Refusal("a row of the target matches several rows of the statement")
    if not staged.rows:
        return Change(table, tables.parts(table), tables.next(table), 0)
    whole = tables.frame(table)
    order = [*table.columns, ROW]
    part = tables.write(table, "rows", whole.drop(*columns).join(staged.frame, ROW).select(*order))
    kept = tables.write(table, "kept", _without(whole, staged.frame, [ROW]))
    keys = tables.keys(table)
    if set(keys) & set(columns):
        _unique(tables, table, [kept, part])
    return Change(table, [kept, part], tables.next(table), staged.rows)


def delete(tables: SparkTables, table: Table, query: Any) -> Change:
    """``query``: the numbers of the rows to remove."""
    staged = _stage(tables, table, _typed(query, table, (), numbered=True), (), [])
    if not staged.rows:
        return Change(table, tables.parts(table), tables.next(table), 0)
    kept = tables.write(table, "kept", _without(tables.frame(table), staged.frame, [ROW]))
    return Change(table, [kept], tables.next(table), staged.rows)


def append(tables: SparkTables, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Change:
    """Rows that were handed over, in their order; one whose key is there already is left as it is.  Raises Refusal."""
    required = {column.name for column in table.columns.values() if column.required} | {*tables.keys(table)}
    if missing := sorted(required - {*columns}):
        raise Refusal(f"NOT NULL constraint failed: {table.name}.{missing[0]}")
    keys = [columns.index(key) for key in tables.keys(table)]
    new: dict[tuple[Cell, ...], list[Cell]] = {}
    for at, row in enumerate(rows):
        for column, cell in zip(columns, row, strict=True):
            if cell is None and column in required:
                raise Refusal(f"NOT NULL constraint failed: {table.name}.{column}")
        new.setdefault(tuple(row[key] for key in keys) if keys else (at,), list(row))
    parts = tables.parts(table)
    if keys and parts and new:
        for held in _held(tables, table, columns, list(new.values())):
            new.pop(held, None)
    if not new:
        return Change(table, parts, tables.next(table), 0)
    base = tables.next(table)
    frame = _frame(tables, table, columns, [[*row, base + at] for at, row in enumerate(new.values())], numbered=True)
    part = tables.write(table, "rows", frame)
    if len(parts) >= PARTS:
        parts = [tables.write(table, "kept", tables.frame(table))]
    return Change(table, [*parts, part], base + len(new), len(new))


def _upsert(tables: SparkTables, table: Table, statement: Statement, staged: _Staged, keys: list[str]) -> Change:
    if staged.twice:
        raise Refusal("several rows of the statement have one key")
    fresh = tables.write(table, "rows", _without(staged.frame, tables.frame(table, columns=keys), keys))
    staged.frame.drop(ROW).createOrReplaceTempView("excluded")
    change = update(tables, table, statement.upserted, tables.session.sql(statement.upsert))
    inserted = tables.frame(table, [fresh]).count()
    return Change(table, [*change.parts, fresh], staged.following, inserted + change.rows)


def _stage(tables: SparkTables, table: Table, frame: Any, columns: Sequence[str], keys: Sequence[str],
           insert: bool = False) -> _Staged:
    """Writes the rows down once, and looks at what was written.  Raises Refusal for NULL where it may not be."""
    part = tables.write(table, "staged", frame)
    read = tables.frame(table, [part], None if insert else columns)
    required = [column.name for column in table.columns.values()
                if (column.required or column.name in tables.keys(table)) and (insert or column.name in columns)]
    distinct = f"count(DISTINCT {_listed(keys)})" if keys else "count(1)"
    facts = read.selectExpr("count(1)", f"coalesce(max(`{ROW}`), 0)", distinct,
                            *(f"count_if(`{name}` IS NULL)" for name in required)).collect()[0]
    for name, nulls in zip(required, facts[3:], strict=True):
        if nulls:
            raise Refusal(f"NOT NULL constraint failed: {table.name}.{name}")
    return _Staged(part, read, facts[0], facts[0] - facts[2], max(tables.next(table), facts[1] + 1))


def _typed(query: Any, table: Table, columns: Sequence[str], numbered: bool = False) -> Any:
    """The result's columns by position, under the target's names and in its types."""
    names = [f"c{at}" for at in range(len(query.columns))]
    kinds = [kind for _, kind in query.dtypes]
    query = query.toDF(*names)
    wanted = ([(ROW, "BIGINT")] if numbered else []) + [(name, TYPES[table.columns[name].type]) for name in columns]
    if len(wanted) != len(names):
        raise Refusal(f"{len(wanted)} columns are written, and the statement gives {len(names)}")
    # Truth is 1 or 0 in SQLite, also as a text.
    cells = [f"CAST({name} AS BIGINT)" if kind == "boolean" else name for name, kind in zip(names, kinds, strict=True)]
    return query.selectExpr(*(f"CAST({cell} AS {kind}) AS `{name}`"
                              for cell, (name, kind) in zip(cells, wanted, strict=True)))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _without(rows: Any, others: Any, keys: Sequence[str]) -> Any:
    return rows.join(others.select(*keys), list(keys), "left_anti").select(*rows.columns)


def _unique(tables: SparkTables, table: Table, parts: list[str]) -> None:
    keys = list(tables.keys(table))
    if tables.frame(table, parts, keys).groupBy(*keys).count().where("count > 1").limit(1).count():
        raise Refusal(f"UNIQUE constraint failed: {table.name}.{', '.join(keys)}")


def _held(tables: SparkTables, table: Table, columns: Sequence[str], rows: list[list[Cell]]) -> list[tuple[Cell, ...]]:
    """Those keys of the rows that the table has."""
    keys = list(tables.keys(table))
    given = _frame(tables, table, keys, [[row[columns.index(key)] for key in keys] for row in rows])
    found = tables.frame(table, columns=keys).join(given, keys, "left_semi").select(*keys).collect()
    return [tuple(bytes(cell) if isinstance(cell, bytearray) else cell for cell in row) for row in found]


def _frame(tables: SparkTables, table: Table, columns: Sequence[str], rows: list[list[Cell]],
           numbered: bool = False) -> Any:
    schema = [f"`{name}` {TYPES[table.columns[name].type]}" for name in columns]
    return tables.session.createDataFrame(rows, ", ".join([*schema, f"`{ROW}` BIGINT"] if numbered else schema))
