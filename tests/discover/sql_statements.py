"""Random statements that SQLite runs, over four small tables of integers, and the engine's word on each."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable

TABLES = {"core.s": ("a", "b", "c"), "core.t": ("a", "x", "y"), "core.v": ("k", "m"), "core.o": ("id", "p", "q"),
          "core.w": ("p", "q")}
SCHEMA = {table: dict.fromkeys(columns, "INTEGER") for table, columns in TABLES.items()}
Data = dict[str, list[list[int | None]]]


def data(chance: random.Random) -> Data:
    """Four rows for each table; ``core.o`` has distinct ids."""
    cell = (0, 1, 1, 2, 3, None)
    made = {table: [[chance.choice(cell) for _ in columns] for _ in range(4)] for table, columns in TABLES.items()}
    for number, row in enumerate(made["core.o"]):
        row[0] = number
    return made


def engine(content: Data) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("ATTACH ':memory:' AS core")
    for table, columns in TABLES.items():
        key = " UNIQUE" if table == "core.o" else ""
        names = ", ".join(f"{column} INTEGER{key if not i else ''}" for i, column in enumerate(columns))
        connection.execute(f"CREATE TABLE {table} ({names})")
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", content[table])
    return connection


def outcome(connection: sqlite3.Connection, sql: str, table: str | None) -> tuple[list[str], list[list[str]]]:
    """Runs ``sql``; the columns of its result, or of ``table`` after it, each as a sorted list of values."""
    cursor = connection.execute(sql)
    rows = cursor.fetchall()
    if table is not None:
        cursor = connection.execute(f"SELECT * FROM {table}")
        rows = cursor.fetchall()
    names = [column[0] for column in cursor.description or ()]
    return names, [sorted(repr(row[i]) for row in rows) for i in range(len(names))]


def changed(content: Data, table: str, column: int, chance: random.Random) -> Data:
    """The same data with some cells of one column changed; ids stay distinct."""
    made = {name: [list(row) for row in rows] for name, rows in content.items()}
    for row in made[table]:
        if (table, column) == ("core.o", 0):
            row[0] = (row[0] or 0) + 10 * chance.randint(0, 1)
        elif chance.random() < 0.6:
            row[column] = chance.choice((0, 1, 2, 3, 4, None))
    return made


def engine_reads(connection: sqlite3.Connection, sql: str) -> dict[str, set[str]]:
    """Table → columns that SQLite asks leave to read while it compiles ``sql``."""
    reads: dict[str, set[str]] = {}

    def note(action: int, table: str | None, column: str | None, database: str | None, _: str | None) -> int:
        if action == sqlite3.SQLITE_READ and database == "core":
            reads.setdefault(f"core.{table}", set()).update({column} if column else ())
        return sqlite3.SQLITE_OK

    connection.set_authorizer(note)
    try:
        connection.execute(f"EXPLAIN {sql}").fetchall()
    finally:
        connection.set_authorizer(None)
    return reads


class Maker:
    """Writes statements; ``reach`` is what column names an expression may use."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.ctes: list[tuple[str, tuple[str, ...]]] = []
        self.names = 0

    def statement(self) -> str:
        return self.chance.choice([self.query, self.query, self.query, self.insert, self.update, self.delete])()

    def query(self, width: int = 0, depth: int = 2, reach: tuple[str, ...] = ()) -> str:
        """A whole query; its columns are named c0, c1, …"""
        width = width or self.chance.randint(1, 3)
        before, with_ = list(self.ctes), ""
        if depth and self.chance.random() < 0.25:
            name, size = self._fresh(), self.chance.randint(1, 3)
            with_ = f"WITH {name} AS ({self.query(size, depth - 1)}) "
            self.ctes.append((name, tuple(f"c{i}" for i in range(size))))
        if depth and self.chance.random() < 0.2:
            word = self.chance.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])
            body = f"{self._select(width, depth - 1, reach)} {word} {self._select(width, depth - 1, reach)}"
            body += self.chance.choice(["", " ORDER BY 1", self._limit(width)])
        else:
            body = self._select(width, depth, reach) + self._limit(width)
        self.ctes = before
        return with_ + body

    def insert(self) -> str:
        if self.chance.random() < 0.5:
            columns = self.chance.choice([" (q, p)", " (p, q)", ""])
            return f"INSERT INTO core.w{columns} {self.query(2)}"
        change = self.chance.choice(["p = excluded.q", "q = excluded.p + q", "p = 7 WHERE o.q > excluded.p"])
        # One row for each id: which of several comes last would hang on the engine's plan.
        source = f"SELECT c0, max(c1), max(c2) FROM ({self.query(3)}) WHERE true GROUP BY 1"
        return f"INSERT INTO core.o (id, p, q) {source} ON CONFLICT (id) DO UPDATE SET {change}"

    def update(self) -> str:
        joined = self.chance.random() < 0.4
        reach = ("t.a", "t.x", "t.y") + (("s.b", "s.c") if joined else ())
        scalar = f"({self.query(1, 1, reach)})" if self.chance.random() < 0.3 else self._value(1, reach)
        source = " FROM core.s" if joined else ""
        return f"UPDATE core.t SET x = {scalar}{source} WHERE {self._condition(1, reach)}"

    def delete(self) -> str:
        return f"DELETE FROM core.t WHERE {self._condition(2, ('t.a', 't.x'))}"

    def _select(self, width: int, depth: int, reach: tuple[str, ...]) -> str:
        source, mine = self._from(depth)
        reach = mine + tuple(n for n in reach if n.partition(".")[0] not in {m.partition(".")[0] for m in mine})
        where = f" WHERE {self._condition(depth, reach)}" if self.chance.random() < 0.5 else ""
        if self.chance.random() < 0.3:
            key = self.chance.choice(mine)
            columns = [key if not i else self._aggregate(mine) for i in range(width)]
            having = f" HAVING {self._aggregate(mine)} > 1" if self.chance.random() < 0.3 else ""
            return f"SELECT {_named(columns)} FROM {source}{where} GROUP BY {key}{having}"
        if self.chance.random() < 0.15:
            return f"SELECT {_named([self._aggregate(mine) for _ in range(width)])} FROM {source}{where}"
        columns = [self._value(depth, reach, window=True) for _ in range(width)]
        distinct = "DISTINCT " if self.chance.random() < 0.15 else ""
        return f"SELECT {distinct}{_named(columns)} FROM {source}{where}"

    def _from(self, depth: int) -> tuple[str, tuple[str, ...]]:
        text, reach = self._source(depth)
        if self.chance.random() < 0.4:
            other, more = self._source(depth)
            word = self.chance.choice([",", "JOIN", "LEFT JOIN"])
            on = "" if word == "," else f" ON {self.chance.choice(reach)} = {self.chance.choice(more)}"
            return f"{text} {word} {other}{on}", reach + more
        return text, reach

    def _source(self, depth: int) -> tuple[str, tuple[str, ...]]:
        alias = self._fresh()
        if depth and self.chance.random() < 0.25:
            size = self.chance.randint(1, 3)
            return f"({self.query(size, depth - 1)}) AS {alias}", tuple(f"{alias}.c{i}" for i in range(size))
        table, columns = self.chance.choice([*list(TABLES.items())[:3], *self.ctes])
        return f"{table} AS {alias}", tuple(f"{alias}.{column}" for column in columns)

    def _value(self, depth: int, reach: tuple[str, ...], window: bool = False) -> str:
        column = self.chance.choice(reach)
        other = self.chance.choice(reach)
        makers: list[Callable[[], str]] = [
            lambda: column, lambda: column, lambda: f"{column} + {other}", lambda: "1",
            lambda: f"coalesce({column}, {other})",
            lambda: f"CASE WHEN {self._condition(depth, reach)} THEN {column} ELSE {other} END",
            lambda: f"CASE {column} WHEN 1 THEN {other} ELSE 5 END", lambda: f"iif({column} > 1, {other}, 0)"]
        if depth:
            makers.append(lambda: f"({self.query(1, depth - 1, reach)})")
        if window:
            makers.append(lambda: f"sum({column}) OVER (PARTITION BY {other})")
            makers.append(lambda: f"rank() OVER (PARTITION BY {column} ORDER BY {other})")
            makers.append(lambda: f"count(*) OVER (PARTITION BY {column})")
        return self.chance.choice(makers)()

    def _condition(self, depth: int, reach: tuple[str, ...]) -> str:
        column, other = self.chance.choice(reach), self.chance.choice(reach)
        makers: list[Callable[[], str]] = [lambda: f"{column} > 1", lambda: f"{column} = {other}",
                                           lambda: f"{column} IS NULL OR {other} < 2"]
        if depth:
            makers.append(lambda: f"{column} IN ({self.query(1, depth - 1, reach)})")
            makers.append(lambda: f"EXISTS ({self.query(1, depth - 1, reach)})")
        return self.chance.choice(makers)()

    def _aggregate(self, reach: tuple[str, ...]) -> str:
        column = self.chance.choice(reach)
        return self.chance.choice(["count(*)", f"sum({column})", f"count(DISTINCT {column})", f"max({column})",
                                   f"total({column}) FILTER (WHERE {self.chance.choice(reach)} > 0)"])

    def _limit(self, width: int) -> str:
        # LIMIT only under a total order: else which rows stay would hang on the engine's plan.
        every = ", ".join(f"{i}" for i in range(1, width + 1))
        return self.chance.choice(["", "", "", " ORDER BY 1", " ORDER BY c0 DESC", f" ORDER BY {every} LIMIT 2"])

    def _fresh(self) -> str:
        self.names += 1
        return f"n{self.names}"


def _named(columns: list[str]) -> str:
    return ", ".join(f"{text} AS c{i}" for i, text in enumerate(columns))
