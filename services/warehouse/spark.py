"""[B] The engine for those who outgrow one machine: Apache Spark, behind the same interface as SQLite.

A statement in SQLite's dialect becomes a query of Spark's (``spark_sql.py``), whose analysed plan is
Spark's own account of what is read (``spark_account.py``); what it changes is worked out by Spark
(``spark_change.py``) and kept as Parquet (``spark_tables.py``).  Before a change counts, or rows are
given out, the session's tap is told (``services.seams.Spark``).

Not here: how a session is made.  Trusted: one writer, this process, per folder of tables.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from lineage.errors import InputError
from services.rows import Cell
from services.seams import Spark
from services.warehouse import spark_account, spark_change
from services.warehouse.catalog import Column, Table
from services.warehouse.consent import Visible
from services.warehouse.engine import CHANGED, Account, note, same, underlined
from services.warehouse.failure import said
from services.warehouse.spark_change import Change, Refusal
from services.warehouse.spark_functions import chosen, looks
from services.warehouse.spark_names import ROW, view_of
from services.warehouse.spark_sql import Statement, transpile
from services.warehouse.spark_tables import SparkTables

_T = TypeVar("_T")
# What the message of an error of Spark's analysis names.
_NAMES = ("objectName", "relationName", "routineName", "functionName")


class SparkEngine:
    """Implements ``Engine``.  One thread does everything, so statements follow one another."""

    # Each table has a manifest of its own, and there is none of them all.
    whole_jobs = False

    def __init__(self, spark: Spark, catalog: Mapping[str, Table]) -> None:
        self._spark = spark
        self._catalog = catalog
        self._opened: SparkTables | None = None
        # Table → how often it was written, since this engine began.
        self._writes: Counter[str] = Counter()
        self._thread = ThreadPoolExecutor(1, "spark")

    def transaction(self) -> AbstractContextManager[None]:
        return nullcontext()

    async def attach(self, database: str) -> None:
        await self._do(self._tables)

    async def create(self, table: Table) -> None:
        await self._do(lambda: self._tables().create(table))

    async def widen(self, table: Table, columns: Sequence[Column]) -> None:
        more = {column.name: column.type for column in columns}
        await self._do(lambda: self._tables().reshape(table, {**self._tables().columns(table), **more}))
        self._writes[table.name] += 1

    async def narrow(self, table: Table, columns: Sequence[str]) -> None:
        await self._do(lambda: self._tables().reshape(table, {
            name: kind for name, kind in self._tables().columns(table).items() if name not in columns}))
        self._writes[table.name] += 1

    async def drop(self, table: Table) -> None:
        await self._do(lambda: self._tables().drop(table))

    async def schema(self, table: Table) -> dict[str, str]:
        return await self._do(lambda: self._tables().columns(table))

    async def append(self, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
        given = [list(row) for row in rows]
        self._writes[table.name] += 1
        try:
            return await self._do(lambda: self._change(
                table, lambda tables: spark_change.append(tables, table, columns, given)))
        except _failures() as error:
            raise InputError("PAI004", f"the table refuses a row: {_told(error)}", where=table.asset) from None

    async def read(self, table: Table, columns: Sequence[str], rows: Visible,
                   subject: str = "") -> list[tuple[Cell, ...]]:
        return await self._do(lambda: self._read(table, columns, rows, subject))

    async def snapshot(self, table: Table) -> str:
        return str(self._writes[table.name])

    async def account(self, sql: str, where: str) -> Account:
        return await self._do(lambda: self._account(sql, transpile(sql, self._catalog, where), where))

    async def run(self, sql: str, account: Account, where: str, rows: Visible) -> int:
        return await self._do(lambda: self._run(sql, account, where, rows))

    async def close(self) -> None:
        await self._do(self._spark.close)
        self._thread.shutdown()

    async def _do(self, work: Callable[[], _T]) -> _T:
        """In the engine's thread, with the caller's context, which the tap may look at."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: context.run(work))

    def _tables(self) -> SparkTables:
        """The session is started when it is first needed: that takes seconds."""
        if self._opened is None:
            self._opened = SparkTables(self._spark, self._catalog)
        return self._opened

    def _read(self, table: Table, columns: Sequence[str], rows: Visible, who: str) -> list[tuple[Cell, ...]]:
        chosen = table.name in rows.tables
        if chosen:
            self._count([table.name], rows, who)
        decide = [*([table.subject] if who else []), *rows.columns(table.name)]
        frame = self._tables().frame(table, columns=dict.fromkeys((*columns, *decide)))
        if who:  # a value of the plan, and no text of a statement
            frame = frame.where(frame[table.subject] == who)
        if chosen:
            frame = frame.where(_visible(table.name, rows))
        frame = frame.select(*columns, ROW)
        # Put in order here, where all of them are anyway: a sort of Spark's would scan the table twice.
        found = sorted(frame.collect(), key=lambda row: row[-1])
        self._spark.settle()
        return [tuple(bytes(cell) if isinstance(cell, bytearray) else cell for cell in row[:-1]) for row in found]

    def _account(self, sql: str, statement: Statement, where: str) -> Account:
        tables = self._tables()
        account = Account(writes=statement.writes)
        if statement.keys and {*statement.keys} != {*tables.keys(self._catalog[statement.target])}:
            raise InputError("PAI021", "ON CONFLICT does not name the primary key\n"
                                       f"{underlined(sql, statement.keys[0])}", where=where)
        tables.show(statement.views)
        for query in filter(None, (statement.query, statement.upsert)):
            if query is statement.upsert:
                self._excluded(statement)
            plan = self._analysed(sql, query, where)._jdf.queryExecution().analyzed()
            for name, columns in spark_account.reads(plan, tables.folders, where).items():
                note(account.reads, name, columns)
        if statement.keys:
            note(account.reads, statement.target, statement.keys)
        return account

    def _excluded(self, statement: Statement) -> None:
        """A view of the right shape, for the analysis of DO UPDATE: no rows, and no table behind it."""
        tables, table = self._tables(), self._catalog[statement.target]
        nothing = ", ".join(f"CAST(NULL AS {kind}) AS `{name}`" for name, kind in tables.frame(table).dtypes
                            if name != ROW)
        tables.session.sql(f"SELECT {nothing}").createOrReplaceTempView("excluded")

    def _analysed(self, sql: str, query: str, where: str) -> Any:
        try:
            return self._tables().session.sql(query)
        except _failures() as error:
            named = getattr(error, "getMessageParameters", dict)() or {}
            word = next((str(named[name]).rpartition(".")[2].strip("`") for name in _NAMES if name in named), "")
            raise InputError("PAI021", f"{_message(error)}\n{underlined(sql, word)}", where=where) from None

    def _count(self, names: Iterable[str], rows: Visible, who: str = "") -> None:
        """How many rows of these tables are looked at, and how many are withheld: every row of them, or of the subject
        ``who``."""
        tables = self._tables()
        for name in names:
            tables.show([view_of(name)])
            frame = tables.session.table(view_of(name))
            if who:
                frame = frame.where(frame[self._catalog[name].subject] == who)
            every, there, looked, seen = frame.selectExpr("count(1)", *(
                f"count_if({one.sql('spark')})" for one in (*looks(name, rows), chosen(name, rows)))).collect()[0]
            if name in rows.origins and rows.origins[name].seen is not None:
                rows.located += every
                rows.abroad += every - there
            if name in rows.subjects:
                rows.checked += looked
                rows.withheld += there - seen

    def _run(self, sql: str, account: Account, where: str, rows: Visible) -> int:
        statement = transpile(sql, self._catalog, where, rows)
        if not same(self._account(sql, statement, where), account):
            raise InputError("PAI021", CHANGED, where=where, next="run the job again")
        self._writes.update(account.writes.keys())
        query = self._analysed(sql, statement.query, where)
        try:
            # What the statement names, it sees through its condition; the target of a DELETE is whole.
            self._count([name for name in sorted(rows.tables) if view_of(name) in statement.views], rows)
            if statement.kind == "select":
                return self._given(query)
            table = self._catalog[statement.target]
            return self._change(table, lambda tables: _changed(tables, table, statement, query))
        except _failures() as error:
            raise InputError("PAI021", f"the statement failed, and changed nothing: {_told(error)}",
                             where=where) from None

    def _change(self, table: Table, work: Callable[[SparkTables], Change]) -> int:
        """Counts when the tap has been told, and not at all where anything before that fails."""
        tables = self._tables()
        try:
            change = work(tables)
            self._spark.settle()
        except BaseException:
            self._spark.settle(undone=True)
            tables.undo(table)
            raise
        tables.commit(table, change.parts, change.following)
        return change.rows

    def _given(self, query: Any) -> int:
        """The rows of a query, all of whose columns are worked out; nobody but their number is kept."""
        path = self._spark.folder / "given-000000"
        try:
            named = query.toDF(*(f"c{at}" for at in range(len(query.columns))))
            named.write.mode("overwrite").parquet(path.as_uri())
            rows = int(self._tables().session.read.schema(named.schema).parquet(path.as_uri()).count())
            self._spark.settle()
        except BaseException:
            self._spark.settle(undone=True)
            raise
        finally:
            self._spark.remove(path)
        return rows


def _changed(tables: SparkTables, table: Table, statement: Statement, query: Any) -> Change:
    if statement.kind == "insert":
        return spark_change.insert(tables, table, statement, query)
    if statement.kind == "update":
        return spark_change.update(tables, table, statement.columns, query)
    return spark_change.delete(tables, table, query)


def _visible(table: str, rows: Visible) -> str:
    return chosen(table, rows).sql("spark")


def _failures() -> tuple[type[Exception], ...]:
    """What a statement may fail with.  Imported here: the service can be looked at where pyspark is missing."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    return Refusal, PySparkException, Py4JError


def _told(error: Exception) -> str:
    """Of what failed while rows were met: our own words, or the kind of the engine's."""
    return str(error) if isinstance(error, Refusal) else said(error)


def _message(error: Exception) -> str:
    """The first line of what is said, which can be a page."""
    return str(error).partition("\n")[0].partition(" SQLSTATE")[0]
