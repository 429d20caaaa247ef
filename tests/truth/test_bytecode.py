"""The bytecode witness against statements whose answer is known, and against SQLite's authorizer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.truth.bytecode import Witness, keyword, touched

SCHEMA = (
    "CREATE TABLE core.s(id INTEGER PRIMARY KEY, a TEXT, b TEXT, c INT)",
    "CREATE INDEX core.s_b ON s(b, a)",
    "CREATE INDEX core.s_expr ON s(lower(a))",
    "CREATE TABLE core.t(a, b, c)",
    "CREATE TABLE core.copy(a, b, c)",
    "CREATE TABLE core.f(a, b, c, id)",
    "CREATE TABLE core.h(a, b, c, id, UNIQUE(id, c))",
    "CREATE TABLE core.k(a, b, c, id, PRIMARY KEY(id, b)) WITHOUT ROWID",
    "CREATE INDEX core.k_c ON k(c)",
    "CREATE TABLE core.w(k, v, z, PRIMARY KEY(v)) WITHOUT ROWID",
    "CREATE TABLE core.g(a INT, twice INT GENERATED ALWAYS AS (a * 2) VIRTUAL, x INT)",
    "CREATE TABLE ads.out(a, b)",
    "CREATE TABLE ads.audit(x, y)",
    "CREATE VIEW core.view AS SELECT a AS one, c FROM s WHERE b = 'x'",
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "main.db", isolation_level=None)
    for name in ("core", "ads"):
        connection.execute(f"ATTACH '{tmp_path / name}.db' AS {name}")
    for statement in SCHEMA:
        connection.execute(statement)
    yield connection
    connection.close()


@pytest.fixture
def witness(connection: sqlite3.Connection) -> Iterator[Witness]:
    witness = Witness(connection)
    yield witness
    witness.close()


def plain(side: dict[str, frozenset[str]]) -> dict[str, str]:
    return {table: " ".join(sorted(columns)) for table, columns in side.items()}


CASES: list[tuple[str, dict[str, str], dict[str, str]]] = [
    ("SELECT a FROM core.s", {"core.s": "a"}, {}),
    ("SELECT * FROM core.s", {"core.s": "a b c id"}, {}),
    ("SELECT id FROM core.s", {"core.s": "id"}, {}),
    ("SELECT rowid FROM core.t", {"core.t": "rowid"}, {}),
    ("SELECT a FROM core.s WHERE id = 3", {"core.s": "a id"}, {}),
    ("SELECT a FROM core.s WHERE id > 3", {"core.s": "a id"}, {}),
    ("SELECT count(*) FROM core.s", {"core.s": ""}, {}),
    ("SELECT 1 WHERE EXISTS (SELECT 1 FROM core.t)", {"core.t": ""}, {}),
    ("SELECT a FROM core.s WHERE b = 'x'", {"core.s": "a b"}, {}),  # a covering index
    ("SELECT c FROM core.s WHERE b = ? AND a > ?", {"core.s": "a b c"}, {}),
    ("SELECT c FROM core.s WHERE b = :b", {"core.s": "b c"}, {}),
    ("SELECT max(b) FROM core.s", {"core.s": "b"}, {}),
    ("SELECT c FROM core.s WHERE lower(a) = 'x'", {"core.s": "a c"}, {}),  # an index over an expression
    ("SELECT one FROM core.view", {"core.s": "a b"}, {}),
    ("SELECT twice FROM core.g", {"core.g": "a"}, {}),
    ("SELECT x FROM core.g", {"core.g": "x"}, {}),
    ("SELECT z FROM core.w WHERE v = 1", {"core.w": "v z"}, {}),
    ("SELECT k FROM core.w", {"core.w": "k"}, {}),
    ("WITH q AS (SELECT a, b FROM core.t LIMIT 3) SELECT a FROM q ORDER BY b", {"core.t": "a b"}, {}),
    ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) "
     "SELECT i, (SELECT a FROM core.s WHERE id = i) FROM n", {"core.s": "a id"}, {}),
    ("SELECT t.a, s.c FROM core.t JOIN core.s ON s.b = t.b", {"core.s": "b c", "core.t": "a b"}, {}),
    ("SELECT b, count(*) FROM core.t GROUP BY b HAVING sum(c) > 1", {"core.t": "b c"}, {}),
    ("SELECT a FROM core.t UNION SELECT k FROM core.w", {"core.t": "a", "core.w": "k"}, {}),
    ("SELECT a, row_number() OVER (PARTITION BY b ORDER BY c) FROM core.t", {"core.t": "a b c"}, {}),
    ("SELECT a FROM core.t WHERE b IN (SELECT b FROM core.s)", {"core.s": "b", "core.t": "a b"}, {}),
    ("SELECT c FROM core.s WHERE id = 1 OR b = 'x'", {"core.s": "b c id"}, {}),
    ("SELECT value FROM core.t, json_each(core.t.a)", {"core.t": "a"}, {}),
    ("SELECT 1", {}, {}),
    ("VALUES (1, 2)", {}, {}),
    ("INSERT INTO core.t VALUES (1, 2, 3)", {}, {"core.t": "a b c"}),
    ("INSERT INTO core.s(a, b) VALUES (?, ?)", {}, {"core.s": "a b c id"}),
    ("INSERT INTO core.w VALUES (1, 2, 3)", {}, {"core.w": "k v z"}),
    ("INSERT OR REPLACE INTO core.s VALUES (1, 2, 3, 4)", {}, {"core.s": "a b c id"}),
    ("INSERT INTO core.t SELECT * FROM core.t", {"core.t": "a b c"}, {"core.t": "a b c"}),
    ("INSERT INTO core.copy SELECT * FROM core.t", {"core.t": "a b c"}, {"core.copy": "a b c"}),  # copied whole
    ("INSERT INTO ads.out SELECT a, c FROM core.s WHERE b = 'x'", {"core.s": "a b c"}, {"ads.out": "a b"}),
    ("INSERT INTO ads.out SELECT count(*), 1 FROM core.t", {"core.t": ""}, {"ads.out": "a b"}),
    ("INSERT INTO core.t SELECT count(*), 1, 2 FROM core.t", {"core.t": ""}, {"core.t": "a b c"}),
    ("INSERT INTO core.s(id, a) VALUES (1, 2) ON CONFLICT(id) DO UPDATE SET c = c + 1", {"core.s": "c"},
     {"core.s": "a b c id"}),
    ("INSERT INTO core.s(id, a) VALUES (1, 2) ON CONFLICT DO NOTHING", {}, {"core.s": "a b c id"}),
    ("UPDATE core.t SET a = 1", {}, {"core.t": "a"}),
    ("UPDATE core.t SET a = 1 WHERE c = 2", {"core.t": "c"}, {"core.t": "a"}),
    ("UPDATE core.t SET a = b", {"core.t": "b"}, {"core.t": "a"}),
    ("UPDATE core.t SET a = b, b = a", {"core.t": "a b"}, {"core.t": "a b"}),
    ("UPDATE core.t SET b = b || 'x'", {"core.t": "b"}, {"core.t": "b"}),
    ("UPDATE core.s SET b = 'y' WHERE b = 'x'", {"core.s": "b"}, {"core.s": "b"}),
    ("UPDATE core.s SET c = id", {"core.s": "id"}, {"core.s": "c"}),
    ("UPDATE core.s SET c = 1 WHERE id = 5", {"core.s": "id"}, {"core.s": "c"}),
    ("UPDATE core.w SET z = 1 WHERE k = 2", {"core.w": "k"}, {"core.w": "z"}),
    ("UPDATE core.w SET z = v", {"core.w": "v"}, {"core.w": "z"}),
    ("UPDATE core.t SET a = (SELECT max(a) FROM core.s)", {"core.s": "a"}, {"core.t": "a"}),
    ("UPDATE core.t SET a = s.a FROM core.s WHERE s.c = core.t.c", {"core.s": "a c", "core.t": "c"}, {"core.t": "a"}),
    ("DELETE FROM core.t", {}, {"core.t": ""}),
    ("DELETE FROM core.s", {}, {"core.s": ""}),
    ("DELETE FROM core.s WHERE b = 'x'", {"core.s": "b"}, {"core.s": ""}),
    ("DELETE FROM core.s WHERE c = 1", {"core.s": "c"}, {"core.s": ""}),
    ("DELETE FROM core.s WHERE id IN (1, 2)", {"core.s": "id"}, {"core.s": ""}),
    ("DELETE FROM core.w WHERE k = 3", {"core.w": "k"}, {"core.w": ""}),
    ("DELETE FROM core.t WHERE a IN (SELECT a FROM ads.out)", {"ads.out": "a", "core.t": "a"}, {"core.t": ""}),
    ("INSERT INTO core.t VALUES (1, 2, 3) RETURNING a", {}, {"core.t": "a b c"}),
    ("CREATE TABLE ads.new AS SELECT a, b AS \"odd name\" FROM core.s", {"core.s": "a b"}, {"ads.new": "a odd name"}),
    ("CREATE TABLE IF NOT EXISTS ads.out AS SELECT a FROM core.s", {}, {}),
    ("CREATE TABLE ads.\"it's\" AS SELECT 1 AS x", {}, {"ads.it's": "x"}),
    ("CREATE TEMP TABLE scratch AS SELECT c FROM core.s", {"core.s": "c"}, {"temp.scratch": "c"}),
    ("CREATE TABLE core.empty(a, b)", {}, {}),
    ("CREATE INDEX core.t_c ON t(c)", {}, {}),
    ("CREATE VIEW core.other AS SELECT a FROM s", {}, {}),
    ("DROP TABLE core.t", {}, {}),
    ("ALTER TABLE core.t ADD COLUMN d", {}, {}),
    ("ALTER TABLE core.t DROP COLUMN c", {}, {}),
    ("PRAGMA core.table_info(s)", {}, {}),
    ("EXPLAIN SELECT a FROM core.s", {}, {}),
    ("-- a comment\n/* and one more */ ;SELECT a FROM core.s", {"core.s": "a"}, {}),
]


@pytest.mark.parametrize(("sql", "reads", "writes"), CASES, ids=[case[0][:60] for case in CASES])
def test_statement(connection: sqlite3.Connection, sql: str, reads: dict[str, str], writes: dict[str, str]) -> None:
    found = touched(connection, sql)
    assert plain(found.reads) == reads
    assert plain(found.writes) == writes


def test_uncommitted_create_as_is_explained(connection: sqlite3.Connection, witness: Witness) -> None:
    connection.execute("PRAGMA core.journal_mode = WAL")
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE core.made AS SELECT a FROM core.t")
    assert plain(witness.touched("CREATE TABLE core.made AS SELECT a FROM core.t").writes) == {"core.made": "a"}
    connection.execute("COMMIT")
    assert plain(witness.touched("SELECT * FROM core.made").reads) == {"core.made": "a"}


def test_trigger_and_its_columns(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TRIGGER core.watch AFTER UPDATE OF b ON core.t BEGIN "
                       "INSERT INTO copy(a, b) SELECT new.a, k FROM w WHERE v = old.c; END")
    found = touched(connection, "UPDATE core.t SET b = 1")
    assert plain(found.reads) == {"core.t": "a c", "core.w": "k v"} or plain(found.reads) == {
        "core.t": "c", "core.w": "k v"}  # SQLite may take new.a from the row that it carries over
    assert plain(found.writes) == {"core.copy": "a b c", "core.t": "b"}


def test_temp_tables_are_followed(connection: sqlite3.Connection, witness: Witness) -> None:
    for sql in ("CREATE TEMP TABLE step AS SELECT a, c FROM core.s", "CREATE TEMP TABLE other(x)",
                "INSERT INTO step VALUES (1, 2)"):
        connection.execute(sql)
        witness.touched(sql)
    found = witness.touched("INSERT INTO other SELECT a FROM step")
    assert (plain(found.reads), plain(found.writes)) == ({"temp.step": "a"}, {"temp.other": "x"})
    witness.touched("DROP TABLE step")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        witness.touched("SELECT a FROM step")


def test_cache_follows_the_schema(connection: sqlite3.Connection, witness: Witness) -> None:
    assert plain(witness.touched("SELECT * FROM core.t").reads) == {"core.t": "a b c"}
    connection.execute("ALTER TABLE core.t ADD COLUMN d")
    assert plain(witness.touched("SELECT * FROM core.t").reads) == {"core.t": "a b c d"}


def test_database_attached_later(tmp_path: Path, connection: sqlite3.Connection, witness: Witness) -> None:
    witness.touched("SELECT 1")
    connection.execute(f"ATTACH '{tmp_path / 'late #1?.db'}' AS late")
    connection.execute("CREATE TABLE late.t(x)")
    assert plain(witness.touched("SELECT x FROM late.t").reads) == {"late.t": "x"}


def test_functions_of_the_service(connection: sqlite3.Connection) -> None:
    connection.create_function("blur", 2, lambda value, size: value)
    assert plain(touched(connection, "SELECT blur(a, 3) FROM core.t").reads) == {"core.t": "a"}


def test_the_authorizer_is_not_disturbed(connection: sqlite3.Connection, witness: Witness) -> None:
    witness.refresh()
    heard: list[int] = []
    connection.set_authorizer(lambda action, *_: heard.append(action) or 0)
    witness.touched("SELECT a FROM core.s")
    assert heard == []


def test_errors_are_sqlites_own(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such column: missing"):
        touched(connection, "SELECT missing FROM core.s")


@pytest.mark.parametrize(("sql", "word"), [("  select 1", "SELECT"), ("-- x\nInsert into t", "INSERT"), ("", ""),
                                           ("/* open", ""), ("; ;\n delete from t", "DELETE"), ("--", "")])
def test_keyword(sql: str, word: str) -> None:
    assert keyword(sql) == word


# -- two different paths to one property: SQLite's authorizer, which the truth must not use, agrees

COLUMNS = ("a", "b", "c")
column = st.sampled_from(COLUMNS)
number = st.integers(0, 3)
source = st.sampled_from(("core.s", "core.f", "core.h", "core.k"))
rowid_table = st.sampled_from(("core.s", "core.f", "core.h"))
condition = st.one_of(
    st.builds("{0} = {1}".format, column, number),
    st.builds("{0} IN (SELECT {1} FROM {2})".format, column, column, source),
    st.builds("{0} > {1} AND {2} IS NOT NULL".format, column, number, column),
    st.builds("{0} = 1 OR {1} = 2".format, column, column),
    st.builds("EXISTS (SELECT 1 FROM {0} AS q WHERE q.{1} = 1)".format, source, column),
    st.builds("lower({0}) = 'x' OR id BETWEEN 1 AND {1}".format, column, number))
query = st.one_of(
    st.builds("SELECT {0}, {1} FROM {2} WHERE {3}".format, column, column, source, condition),
    st.builds("SELECT {0}, count(*) FROM {1} WHERE {2} GROUP BY {0}".format, column, source, condition),
    st.builds("SELECT DISTINCT x.{0}, y.id FROM {1} x JOIN {2} y ON x.{3} = y.{4}".format, column, source, source,
              column, column),
    st.builds("SELECT x.{0}, y.{1} FROM {2} x LEFT JOIN {3} y ON x.{4} = y.id".format, column, column, source, source,
              column),
    st.builds("SELECT {0}, {1} FROM {2} ORDER BY {3} LIMIT 2".format, column, column, source, column),
    st.builds("SELECT {0}, id FROM {1} UNION ALL SELECT {2}, {2} FROM {3}".format, column, source, column, source),
    st.builds("SELECT q.{0}, max(q.{1}) FROM (SELECT a, b, c FROM {2} LIMIT 3) q".format, column, column, source),
    st.builds("SELECT {0}, sum({1}) OVER (ORDER BY {2}) FROM {3}".format, column, column, column, source))
statement = st.one_of(
    query,
    st.builds("INSERT INTO ads.out {0}".format, query),
    st.builds("INSERT INTO core.f(a, b) {0}".format, query),
    st.builds("INSERT OR REPLACE INTO core.k(a, id) {0}".format, query),
    st.builds("INSERT INTO core.s(id, a) VALUES (1, 2) ON CONFLICT(id) DO UPDATE SET {0} = {1} || excluded.a "
              "WHERE {2} > 1".format, column, column, column),
    st.builds("CREATE TABLE ads.fresh AS {0}".format, query),
    st.builds("UPDATE {0} SET {1} = {2} WHERE {3}".format, rowid_table, column, number, condition),
    st.builds("UPDATE {0} SET {1} = {2} || 'x' WHERE {3}".format, rowid_table, column, column, condition),
    st.builds("UPDATE core.k SET {0} = {1} || 'x' WHERE {2}".format, st.sampled_from(("a", "c")), column, condition),
    st.builds("UPDATE {0} AS x SET {1} = y.{2} FROM {3} AS y WHERE y.{4} = x.id".format,
              rowid_table, column, column, source, column),
    st.builds("DELETE FROM {0} WHERE {1}".format, source, condition))


def authorized(connection: sqlite3.Connection, sql: str) -> tuple[dict[str, set[str]], set[str]]:
    reads: dict[str, set[str]] = {}
    writes: set[str] = set()

    def hear(action: int, one: str | None, two: str | None, database: str | None, _: str | None) -> int:
        if one is None or one.startswith("sqlite_"):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ:
            reads.setdefault(f"{database}.{one}", set()).update({two} if two else set())
        elif action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE,
                        sqlite3.SQLITE_CREATE_TABLE):
            writes.add(f"{database}.{one}")
        return sqlite3.SQLITE_OK

    connection.set_authorizer(hear)
    try:
        connection.execute("EXPLAIN " + sql).fetchall()
    finally:
        connection.set_authorizer(None)
    return reads, writes


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sql=statement)
def test_agrees_with_the_authorizer(connection: sqlite3.Connection, witness: Witness, sql: str) -> None:
    found = witness.touched(sql)
    reads, writes = authorized(connection, sql)
    assert set(found.reads) == set(reads), sql
    # An order that an index already has is not a read; the authorizer names its column all the same.
    # What tells one row from another may be carried along, beyond what the statement names.
    keys = {"core.k": {"id", "b"}}
    for table, columns in found.reads.items():
        assert columns <= reads[table] | keys.get(table, {"rowid"}), (sql, table)
    assert set(found.writes) == writes
