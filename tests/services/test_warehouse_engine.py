"""The engine's account is what SQLite touches, and a statement cannot do more than it was judged for."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.errors import InputError
from lineage.model import Label
from services.warehouse import catalog
from services.warehouse.consent import Visible
from services.warehouse.engine import Account
from services.warehouse.service import TABLES
from services.warehouse.sqlite import SqliteEngine
from tests.services.fakes import FakeStore

S, D = "core.sessions", "core.daily_sessions"
ALL = Visible({}, frozenset())


@pytest.fixture
def store(tmp_path: Path) -> FakeStore:
    store = FakeStore(tmp_path)
    tables = catalog.load(TABLES).values()
    for database in sorted({table.database for table in tables}):
        store.attach(database)
    for table in tables:
        store.execute(table.ddl)
    return store


@pytest.fixture
def engine(store: FakeStore) -> SqliteEngine:
    return SqliteEngine(store, catalog.load(TABLES))


def fill(store: FakeStore, count: int = 2) -> None:
    store.executemany(f"INSERT INTO {S} VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                      [(f"s{n}", "w", "g", "NO", "What?", "That.", None, None, "a@1", "2026-03-01T00:00:00Z", f"k{n}")
                       for n in range(count)])


@pytest.mark.parametrize(("sql", "reads", "writes"), [
    (f"SELECT utterance FROM {S}", {S: {"utterance"}}, {}),
    (f"SELECT count(*) FROM {S}", {S: set()}, {}),
    (f"SELECT s.utterance FROM {S} s JOIN {D} d USING (session) WHERE d.region = 'NO'",
     {S: {"utterance", "session"}, D: {"session", "region"}}, {}),
    (f'SELECT s.utterance FROM {S} s JOIN {D} d USING ("session")',
     {S: {"session", "wearer", "utterance", "answer", "region", "_key"},
      D: {"session", "wearer", "utterance", "answer", "region", "_key"}}, {}),
    (f"WITH c AS (SELECT wearer FROM {S}) SELECT * FROM c", {S: {"wearer"}}, {}),
    (f"INSERT INTO {D} (ds, SESSION) SELECT asked_at, session FROM {S}", {S: {"asked_at", "session"}},
     {D: {"ds", "session"}}),
    (f"INSERT INTO {D} SELECT '', session, wearer, utterance, answer, region, _key FROM {S}",
     {S: {"session", "wearer", "utterance", "answer", "region", "_key"}},
     {D: {"ds", "session", "wearer", "utterance", "answer", "region", "_key"}}),
    (f"UPDATE {D} SET answer = utterance WHERE region = 'SE'", {D: {"utterance", "region"}}, {D: {"answer"}}),
    (f"DELETE FROM {S}", {}, {S: set()}),
    (f"DELETE FROM {D} WHERE ds < '2026'", {D: {"ds"}}, {D: set()}),
    # Copied page by page, of which SQLite tells nobody.
    (f"INSERT INTO {D} SELECT * FROM {D}", {D: {"ds", "session", "wearer", "utterance", "answer", "region", "_key"}},
     {D: {"ds", "session", "wearer", "utterance", "answer", "region", "_key"}}),
    (f"INSERT INTO {D} SELECT * FROM {D} AS d -- all of it",
     {D: {"ds", "session", "wearer", "utterance", "answer", "region", "_key"}},
     {D: {"ds", "session", "wearer", "utterance", "answer", "region", "_key"}}),
    (f"INSERT INTO {D} VALUES (1, 2, 3, 4, 5, 6, 7)", {},
     {D: {"ds", "session", "wearer", "utterance", "answer", "region", "_key"}}),
    # A text that only looks like a column list must not hide what is written.
    (f"WITH c AS (SELECT 'INSERT INTO {D} (ds)' AS x) INSERT INTO {D} SELECT x, x, x, x, x, x, x FROM c", {},
     {D: {"ds", "session", "wearer", "utterance", "answer", "region", "_key"}}),
])
async def test_the_account_names_what_is_touched(engine: SqliteEngine, store: FakeStore, sql: str,
                                                 reads: dict[str, set[str]], writes: dict[str, set[str]]) -> None:
    fill(store)
    account = await engine.account(sql, "j:1")
    assert {table: set(columns) for table, columns in account.reads.items()} == reads
    assert {table: set(columns) for table, columns in account.writes.items()} == writes
    assert store.execute(f"SELECT count(*) FROM {D}") == [(0,)], "an account moves no row"


@pytest.mark.parametrize(("sql", "what"), [
    ("SELEC 1", "begins with"), ("", "begins with"), (f"DROP TABLE {S}", "begins with"),
    (f"DELETE FROM {S} WHERE session = 's1' RETURNING unicode(utterance)", "gives nothing back"),
    ("ATTACH 'x.db' AS y", "begins with"), ("PRAGMA writable_schema = 1", "begins with"),
    ("SELECT * FROM core.sqlite_master", "prohibited"),
    ("SELECT * FROM pragma_table_info('sessions')", "not authorized"),
    ("SELECT load_extension('x')", "not authorized"), ("SELECT FROM", "syntax error"),
    (f"SELECT nowhere FROM {S}", "no such column"), ("SELECT 1 FROM core.none", "no such table"),
    (f"SELECT 1; DELETE FROM {S}", "one statement"),
])
async def test_what_a_job_may_not_do_is_refused(engine: SqliteEngine, store: FakeStore, sql: str, what: str) -> None:
    fill(store)
    with pytest.raises(InputError) as caught:
        await engine.account(sql, "j:1")
    assert caught.value.code == "PAI021" and what in caught.value.what
    assert store.execute(f"SELECT count(*) FROM {S}") == [(2,)]


async def test_the_place_is_underlined(engine: SqliteEngine) -> None:
    with pytest.raises(InputError) as caught:
        await engine.account(f"SELECT wearer,\n       utterence\nFROM {S}", "j:1")
    assert caught.value.what.splitlines()[1:] == ["           utterence", "           ^^^^^^^^^"]


async def test_a_run_is_held_to_what_was_judged(engine: SqliteEngine, store: FakeStore) -> None:
    fill(store)
    sql = f"INSERT INTO {D} SELECT '', session, wearer, utterance, answer, region, _key FROM {S}"
    judged = await engine.account(sql, "j:1")
    for less in (Account({S: judged.reads[S][:-1]}, judged.writes), Account(judged.reads, {D: ("ds",)})):
        with pytest.raises(InputError, match="changed nothing"):
            await engine.run(sql, less, "j:1", ALL)
        assert store.execute(f"SELECT count(*) FROM {D}") == [(0,)]
    assert await engine.run(sql, judged, "j:1", ALL) == 2
    assert await engine.run(f"SELECT ds FROM {D}", Account({D: ("ds",)}), "j:1", ALL) == 2


async def test_a_table_gets_columns_and_loses_them_again(engine: SqliteEngine, store: FakeStore) -> None:
    fill(store)
    table = catalog.load(TABLES)[S]
    before, columns = await engine.snapshot(table), await engine.schema(table)
    more = [catalog.Column("mood", "TEXT", Label("user.utterance", ("G",))),
            catalog.Column("n", "INTEGER", Label(operational="count"))]
    await engine.widen(table, more)
    assert await engine.schema(table) == {**columns, "mood": "TEXT", "n": "INTEGER"}
    assert store.execute(f"SELECT mood, n FROM {S}") == [(None, None)] * 2
    assert await engine.snapshot(table) != before
    await engine.narrow(table, ["mood", "n"])
    assert await engine.schema(table) == columns
    with pytest.raises(InputError, match="duplicate column"):
        await engine.widen(table, [more[0], catalog.Column("wearer", "TEXT", Label())])
    assert await engine.schema(table) == columns


async def test_the_engine_keeps_what_the_catalog_says(engine: SqliteEngine) -> None:
    for table in catalog.load(TABLES).values():
        assert await engine.schema(table) == {column.name: column.type for column in table.columns.values()}
