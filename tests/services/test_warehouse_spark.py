"""Spark behind the engine seam: what SQLite does and accounts for, it does and accounts for, and the journal agrees.

Needs pyspark and Java 17.  Without them these tests are left out on a user's machine; under CI they fail.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lineage.errors import InputError, RunError
from services.warehouse import catalog, spark_change
from services.warehouse.catalog import Table
from services.warehouse.consent import Origin, Visible, narrowed
from services.warehouse.engine import Account, Engine
from services.warehouse.service import TABLES
from services.warehouse.spark import SparkEngine
from services.warehouse.sqlite import SqliteEngine
from sim.scenario import loader, runner
from sim.stack import spark, spark_session
from sim.stack.store import LocalStore
from sim.truth.journal import Journal
from sim.truth.record import Record
from tests.scenario.real_runs import Runs, outcome

S, D, E = "core.sessions", "core.daily_sessions", "core.extra"
SESSIONS = ("session", "wearer", "device", "region", "utterance", "answer", "location", "scene", "checkpoint",
            "asked_at", "_key")
DAILY = ("ds", "session", "wearer", "utterance", "answer", "region", "_key")
EXTRA = catalog.parse(f"CREATE TABLE {E} (\n  n INTEGER,  -- operational:count\n  x REAL,  -- operational:count\n"
                      "  t TEXT,  -- operational:count\n  b BLOB  -- operational:count\n);", "extra")
JOB = (f"INSERT OR REPLACE INTO {D} (ds, session, wearer, utterance, answer, region, _key) "
       f"SELECT substr(asked_at, 1, 10), session, wearer, utterance, answer, region, _key FROM {S}")
pytestmark = pytest.mark.timeout(600)  # a machine under load starts Java in a minute


@pytest.fixture(scope="module", autouse=True)
def _there() -> None:
    needed()


def needed() -> None:
    """Leaves the tests out where Spark cannot run; not under CI."""
    try:
        spark.check()
    except RunError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{error.what}: {error.next}")
        pytest.skip(error.what)


class Side:
    """One engine with its journal."""

    def __init__(self, engine: Engine, journal: Journal) -> None:
        self.engine = engine
        self.journal = journal

    async def fill(self) -> None:
        rows = [(f"s{n}", f"w{n % 2}", "g", "NO" if n % 2 else "SE", f"What {n}?", "That.", None, None, "a@1",
                 f"2026-03-0{n}T09:00:00Z", f"k{n}") for n in (3, 1, 2)]
        await self.engine.append(table_of(S), SESSIONS, rows)

    async def run(self, sql: str) -> int:
        return await self.engine.run(sql, await self.engine.account(sql, "j:1"), "j:1", everyone())

    async def rows(self, name: str) -> list[tuple[Any, ...]]:
        table = table_of(name)
        return await self.engine.read(table, list(table.columns), everyone())

    def told(self, after: int = 0) -> list[tuple[str, str, Any, int]]:
        """(op, table, columns, rows) of the records after the first ones."""
        return [(one.op, one.locator.removeprefix("sql:"), set(one.detail["columns"]), one.rows)
                for one in self.records()[after:]]

    def records(self) -> list[Record]:
        self.journal.flush()
        return Journal.read(self.journal.path)


def everyone() -> Visible:
    return Visible({}, frozenset())


def table_of(name: str) -> Table:
    return tables()[name]


def tables() -> dict[str, Table]:
    bundled = catalog.load(TABLES)
    return {S: bundled[S], D: bundled[D], E: EXTRA}


def test_what_is_missing_fails_under_ci_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    needed()
    monkeypatch.setattr(spark_session, "java", lambda: None)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="openjdk-17-jre-headless"):
        needed()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="needs Java 17"):
        needed()


# First, because a process has one Spark session at a time, and the tests below share one.


def test_the_same_lineage_on_both_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_SPARK", "local[2]")
    [scenario] = loader.select([str(loader.SCENARIOS / "05_training_refused.yaml")], runner.REGISTRIES)
    runs = Runs(tmp_path)
    one = runs.run(scenario)
    other = runs.run(scenario, engine="spark")
    assert one.verdict["verdict"] == other.verdict["verdict"] == "pass"
    assert other.lineage["edges"] == one.lineage["edges"]
    assert outcome(other) == outcome(one)
    assert (other.path / "data/warehouse/core/sessions/manifest.json").is_file()
    assert not (other.path / "data/warehouse/core.db").exists()
    assert not list(other.path.rglob("staged-*")) and not list(other.path.rglob("given-*"))


@pytest.fixture(scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Side, Side]]:
    folder = tmp_path_factory.mktemp("engines")
    taps = [Journal(folder / name, "warehouse") for name in ("sqlite", "spark")]
    store = LocalStore(folder / "a", taps[0])
    session = spark.TappedSpark(folder / "b", taps[1], "local[2]")
    sides = Side(SqliteEngine(store, tables()), taps[0]), Side(SparkEngine(session, tables()), taps[1])
    for side in sides:
        await side.engine.attach("core")
    yield sides
    for side in sides:
        await side.engine.close()
        side.journal.close()
    store.close()


@pytest.fixture
async def sides(both: tuple[Side, Side]) -> AsyncIterator[tuple[Side, Side]]:
    for side in both:
        for table in tables().values():
            await side.engine.create(table)
        await side.fill()
    yield both
    for side in both:
        for table in tables().values():
            await side.engine.drop(table)


@pytest.mark.parametrize("sql", [
    f"SELECT utterance FROM {S}", f"SELECT count(*) FROM {S}", f"SELECT * FROM {S}", "SELECT 1",
    f"SELECT s.utterance FROM {S} s JOIN {D} d USING (session) WHERE d.region = 'NO'",
    f"WITH c AS (SELECT wearer FROM {S}) SELECT * FROM c", JOB,
    f"SELECT wearer, count(*) FROM {S} WHERE region LIKE 'n%' GROUP BY wearer HAVING max(asked_at) > '2026'",
    f"SELECT utterance FROM {S} s WHERE EXISTS (SELECT 1 FROM {D} d WHERE d.session = s.session AND d.ds > '2')",
    f"SELECT wearer, (SELECT max(ds) FROM {D}) FROM sessions ORDER BY asked_at",
    f"SELECT rank() OVER (PARTITION BY region ORDER BY asked_at) FROM {S}",
    f"SELECT wearer FROM {S} UNION SELECT wearer FROM {D}",
    f"INSERT INTO {D} SELECT '', session, wearer, utterance, answer, region, _key FROM {S}",
    f"UPDATE {D} SET answer = utterance WHERE region = 'SE'", f"DELETE FROM {D} WHERE ds < '2026'",
    f"UPDATE {D} SET answer = '-'", f"DELETE FROM {D}",
    f"UPDATE {D} AS d SET answer = s.answer FROM {S} AS s WHERE s.session = d.session",
    f"INSERT INTO {D} ({', '.join(DAILY)}) SELECT asked_at, session, wearer, utterance, answer, region, _key "
    f"FROM {S} WHERE true ON CONFLICT (session) DO UPDATE SET answer = excluded.answer || {D.split('.')[1]}.ds",
])
async def test_one_account(sides: tuple[Side, Side], sql: str) -> None:
    one, other = [await side.engine.account(sql, "j:1") for side in sides]
    assert _sets(other) == _sets(one)


async def test_what_jobs_do(sides: tuple[Side, Side]) -> None:
    """The same rows, counts and journals, statement after statement: new, replaced, left, changed, removed."""
    for sql in (JOB, JOB, f"UPDATE {D} SET answer = utterance || '!', region = 'US' WHERE region = 'SE'",
                f"UPDATE {D} AS d SET answer = s.device FROM {S} AS s WHERE s.session = d.session AND s.region = 'NO'",
                f"DELETE FROM {D} WHERE session = 's1'",
                JOB.replace("OR REPLACE ", "") + " WHERE true ON CONFLICT DO NOTHING",
                JOB.replace("OR REPLACE ", "") + " WHERE session <> 's2' ON CONFLICT (session) DO UPDATE SET "
                                                 "answer = excluded.answer || daily_sessions.answer",
                f"SELECT wearer, utterance FROM {D} WHERE region = 'NO'",
                f"INSERT INTO {E} (n, t) SELECT count(*), region FROM {S} GROUP BY region",
                f"INSERT INTO {E} (n, x, t) SELECT 7 / 2, 7 / 2.0, region = 'NO' FROM {S} WHERE session = 's3'",
                f"INSERT INTO {E} VALUES (1, 0.5, 'x', NULL)", f"DELETE FROM {E} WHERE n = 1 AND t = 'x'"):
        before = [len(side.records()) for side in sides]
        counts = [await side.run(sql) for side in sides]
        assert counts[1] == counts[0], sql
        told = [side.told(at) for side, at in zip(sides, before, strict=True)]
        assert [(op, table, rows) for op, table, _, rows in told[1] if op == "write"] == [
            (op, table, rows) for op, table, _, rows in told[0] if op == "write"], sql
        assert {table for op, table, *_ in told[1] if op == "read"} == {
            table for op, table, *_ in told[0] if op == "read"}, sql
    for name in (D, E):
        one, other = [sorted(await side.rows(name), key=repr) for side in sides]
        assert other == one


async def test_an_append_is_whole_and_once(sides: tuple[Side, Side]) -> None:
    for side in sides:
        at, engine = len(side.records()), side.engine
        rows = [("s9", "w", "g", "NO", "?", "!", None, None, "a", "2026", "k9"),
                ("s1", "w", "g", "NO", "again", "!", None, None, "a", "2026", "k1"),
                ("s9", "w", "g", "NO", "again", "!", None, None, "a", "2026", "k9")]
        assert await engine.append(table_of(S), SESSIONS, rows) == 1
        assert [row[0] for row in await side.rows(S)] == ["s3", "s1", "s2", "s9"]
        assert (await side.rows(S))[3][4] == "?"
        assert ("write", S, set(SESSIONS), 1) in side.told(at)
        for broken, what in (([("s8", "w")], "NOT NULL"), ([("s8", None)], "NOT NULL")):
            with pytest.raises(InputError, match=what) as caught:
                await engine.append(table_of(S), ("session", "wearer"), broken)
            assert caught.value.code == "PAI004"
        assert len(await side.rows(S)) == 4
        cells = [(2**60, 0.25, "é;'\"`", b"\0\xff"), (None, None, None, None), (-1, -0.0, "", b"")]
        assert await engine.append(EXTRA, ("n", "x", "t", "b"), cells) == 3
        assert await side.rows(E) == cells


async def test_the_journal_tells_columns_that_were_scanned(sides: tuple[Side, Side]) -> None:
    side = sides[1]
    at = len(side.records())
    await side.run(f"SELECT a FROM (SELECT utterance AS a, answer FROM {S} WHERE region = 'NO')")
    await side.run(JOB)
    await side.engine.read(table_of(D), ["answer"], everyone())
    assert side.told(at) == [
        ("read", S, {"utterance", "region"}, 2),
        ("read", S, {*DAILY, "asked_at"} - {"ds"}, 3), ("write", D, set(DAILY), 3), ("read", D, {"answer"}, 3)]


@pytest.mark.parametrize(("sql", "what"), [
    ("SELEC 1", "begins with"), (f"DROP TABLE {S}", "begins with"), ("SELECT * FROM core.sqlite_master", "no such"),
    ("SELECT * FROM pragma_table_info('sessions')", "no function"), ("SELECT load_extension('x')", "no function"),
    ("SELECT java_method('java.lang.System', 'exit', 1)", "no function"), ("SELECT FROM", "Expected"),
    ("SELECT * FROM parquet.`/etc`", "no such table"), (f"SELECT nowhere FROM {S}", "nowhere"),
    (f"SELECT 1; DELETE FROM {S}", "one statement"), (f"SELECT wearer FROM {S} WHERE sum(region) > 1", "invalid expr"),
    (f"DELETE FROM {D} RETURNING ds", "no counterpart"), (f"INSERT INTO {D} DEFAULT VALUES", "no counterpart"),
    (f"INSERT INTO {D} (nose) SELECT 1", "no such column"), (f"INSERT OR ROLLBACK INTO {D} SELECT 1", "ROLLBACK"),
    (f"UPDATE {D} SET (ds, answer) = (SELECT 1, 2)", "counterpart"), ("SELECT " + "(" * 2_000, "too deep"),
    (f"INSERT INTO {D} SELECT * FROM {D} WHERE true ON CONFLICT (ds) DO NOTHING", "primary key"),
])
async def test_what_cannot_run_with_the_same_meaning_is_refused(sides: tuple[Side, Side], sql: str,
                                                                what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        await sides[1].engine.account(sql, "j:7")
    assert (caught.value.code, caught.value.where) == ("PAI021", "j:7")


async def test_the_place_is_underlined(sides: tuple[Side, Side]) -> None:
    for sql, line in ((f"SELECT wearer,\n       utterence\nFROM {S}", "           utterence"),
                      (f"SELECT wearer,\n  typeof(region) FROM {S}", f"      typeof(region) FROM {S}")):
        with pytest.raises(InputError) as caught:
            await sides[1].engine.account(sql, "j:1")
        told = caught.value.what.splitlines()
        assert told[1] == line and set(told[2].strip()) == {"^"}
        assert told[2].index("^") == line.index(line.split()[0].partition("(")[0])


@pytest.mark.parametrize(("sql", "what"), [
    (JOB.replace("OR REPLACE ", "") + f" UNION ALL SELECT '', session, '', '', '', '', '' FROM {S}", "UNIQUE"),
    (JOB.replace("_key FROM", "NULL FROM"), "NOT NULL"), (f"INSERT INTO {E} (n) SELECT utterance FROM {S}", "CAST"),
    (f"INSERT INTO {D} (session) SELECT session FROM {S}", "NOT NULL"),
    (f"INSERT INTO {D} (ds, session) SELECT session FROM {S}", "2 columns"),
    (f"UPDATE {S} SET wearer = NULL", "NOT NULL"), (f"UPDATE {S} SET session = 'one'", "UNIQUE"),
    (f"UPDATE {S} AS a SET wearer = b.wearer FROM {S} AS b", "several rows"),
])
async def test_a_statement_that_fails_changes_nothing(sides: tuple[Side, Side], sql: str, what: str) -> None:
    side = sides[1]
    before = [await side.rows(name) for name in (S, D, E)]
    told = len(side.records())
    with pytest.raises(InputError, match=what) as caught:
        await side.run(sql)
    assert caught.value.code == "PAI021" and "changed nothing" in caught.value.what
    assert len(side.records()) == told, "what was undone is not in the journal"
    assert [await side.rows(name) for name in (S, D, E)] == before


async def test_nothing_counts_that_the_journal_lacks(sides: tuple[Side, Side],
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    side = sides[1]

    def full(events: object) -> None:
        raise RunError("PAI033", "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(side.journal, "executed", full)
        for sql in (JOB, f"SELECT wearer FROM {S}"):
            with pytest.raises(RunError, match="full"):
                await side.run(sql)
        with pytest.raises(RunError, match="full"):
            await side.engine.read(table_of(S), ["wearer"], everyone())
    assert await side.rows(D) == []


async def test_a_run_is_held_to_what_was_judged(sides: tuple[Side, Side]) -> None:
    engine = sides[1].engine
    judged = await engine.account(JOB, "j:1")
    for less in (Account({S: judged.reads[S][:-1]}, judged.writes), Account(judged.reads, {D: ("ds",)})):
        with pytest.raises(InputError, match="changed nothing"):
            await engine.run(JOB, less, "j:1", everyone())
    assert await sides[1].rows(D) == []


async def test_a_table_outlives_its_engine_and_unfinished_work_does_not(
        sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch) -> None:
    engine = sides[1].engine
    assert isinstance(engine, SparkEngine)
    monkeypatch.setattr(spark_change, "PARTS", 2)
    for n in range(4):
        assert await engine.append(EXTRA, ("n",), [(n,), (n + 10,)]) == 2
    folder = engine._spark.folder / "core/extra"
    assert len([path for path in folder.iterdir() if path.is_dir()]) <= 4
    (folder / "staged-000099").mkdir()
    again = SparkEngine(engine._spark, tables())
    await again.create(EXTRA)
    assert [row[0] for row in await again.read(EXTRA, ["n", "t"], everyone())] == [0, 10, 1, 11, 2, 12, 3, 13]
    assert not (folder / "staged-000099").exists()


async def test_rows_of_those_who_do_not_consent_are_not_seen(sides: tuple[Side, Side]) -> None:
    """Counted, left out of what a statement makes and of what is handed out; nobody's rows need no consent."""
    results = []
    for side in sides:
        for sql in (JOB, f"SELECT count(*) FROM {S}", f"DELETE FROM {D} WHERE wearer = 'w1'"):
            account = await side.engine.account(sql, "j:1")
            seen = Visible({name: "wearer" for name in (S, D) if name in account.reads}, frozenset({"w1", "o'k"}))
            columns = {name: [*dict.fromkeys((*account.reads[name], "wearer"))] for name in seen.subjects}
            text, named = narrowed(sql, columns, seen, "j:1")
            for name in named:
                account.reads[name] = (*account.reads[name], "wearer")
            results.append((await side.engine.run(text, account, "j:1", seen), seen.checked, seen.withheld))
        at, seen = len(side.records()), Visible({S: "wearer"}, frozenset({"w1"}))
        assert await side.engine.read(table_of(S), ["session"], seen) == [("s2",)]
        assert (seen.checked, seen.withheld) == (3, 2) and side.told(at)[0][3] == 1
        assert [row[1] for row in await side.rows(D)] == ["s2"]
    with pytest.raises(InputError, match="no function SIGHTLINE_CONSENTS"):
        await sides[1].engine.account(f"SELECT 1 FROM {S} WHERE sightline_consents(wearer)", "j:1")
    assert results[:3] == results[3:] == [(1, 3, 2), (1, 3, 2), (0, 0, 0)]


@pytest.mark.parametrize(("seen", "unasked", "told"), [
    # (sessions that are left, rows looked at for their origin, withheld for it, asked for consent, withheld for that)
    ({"US"}, set(), ({"s2"}, 3, 1, 2, 1)), (None, {"SE"}, ({"s2", "s3"}, 0, 0, 2, 1)),
    ({"US", "SE"}, {"US"}, ({"s1", "s2"}, 3, 0, 1, 1)), (set(), set(), (set(), 3, 3, 0, 0)),
    (None, {"US", "SE"}, ({"s1", "s2", "s3"}, 0, 0, 0, 0))])
async def test_rows_of_another_origin_are_not_seen(sides: tuple[Side, Side], seen: set[str] | None, unasked: set[str],
                                                   told: tuple[set[str], int, int, int, int]) -> None:
    """``scene`` stands for where a row comes from; s1 and s3 are w1's, who has withdrawn."""
    for side in sides:
        await side.engine.run(f"UPDATE {S} SET scene = CASE session WHEN 's3' THEN 'SE' ELSE 'US' END",
                              await side.engine.account(f"UPDATE {S} SET scene = CASE session WHEN 's3' THEN 'SE' ELSE "
                                                        "'US' END", "j:1"), "j:1", everyone())
        origin = Origin("scene", None if seen is None else frozenset(seen), frozenset(unasked))

        def rows(one: Origin = origin) -> Visible:
            return Visible({S: "wearer"}, frozenset({"w1"}), origins={S: one})

        read = rows()
        found = await side.engine.read(table_of(S), ["session"], read)
        assert ({row[0] for row in found}, read.located, read.abroad, read.checked, read.withheld) == told
        account, ran = await side.engine.account(f"SELECT session FROM {S}", "j:1"), rows()
        text, _ = narrowed(f"SELECT session FROM {S}", {S: ["session", "wearer", "scene"]}, ran, "j:1")
        account.reads[S] = ("session", "wearer", "scene")
        assert await side.engine.run(text, account, "j:1", ran) == len(told[0])
        assert (ran.located, ran.abroad, ran.checked, ran.withheld) == told[1:]


async def test_a_read_of_one_subject_gives_her_rows_alone_and_is_counted_by_them(sides: tuple[Side, Side]) -> None:
    for side in sides:
        at, seen = len(side.records()), Visible({S: "wearer"}, frozenset({"w0"}))
        assert await side.engine.read(table_of(S), ["session"], seen, "w1") == [("s3",), ("s1",)]
        assert (seen.checked, seen.withheld) == (2, 0)
        assert await side.engine.read(table_of(S), ["session"], seen, "w0") == []
        assert (seen.checked, seen.withheld) == (3, 1)
        assert await side.engine.read(table_of(S), ["session"], everyone(), "w0") == [("s2",)]
        for nobody in ("w", "w1' OR '1'='1", "%"):
            assert await side.engine.read(table_of(S), ["session"], everyone(), nobody) == []
        assert [rows for op, _, _, rows in side.told(at)] == [2, 0, 1, 0, 0, 0]


async def test_a_snapshot_changes_with_the_rows(sides: tuple[Side, Side]) -> None:
    engine = sides[1].engine
    before = await engine.snapshot(table_of(D))
    assert await engine.snapshot(table_of(D)) == before
    await sides[1].run(JOB)
    assert await engine.snapshot(table_of(D)) != before


async def test_tables_are_kept_and_what_they_cannot_keep_is_refused(sides: tuple[Side, Side]) -> None:
    engine = sides[1].engine
    assert await engine.schema(table_of(S)) == await sides[0].engine.schema(table_of(S))
    for column, what in (("n INTEGER CHECK (n > 0)", "would not keep"), ("n INTEGER UNIQUE", "would not keep"),
                         ("n INTEGER DEFAULT 3", "would not keep")):
        table = catalog.parse(f"CREATE TABLE core.odd (\n  {column}  -- operational:count\n);", "odd")
        with pytest.raises(InputError, match=what) as caught:
            await engine.create(table)
        assert caught.value.code == "PAI022"
    other = catalog.parse(f"CREATE TABLE {E} (\n  n INTEGER  -- operational:count\n);", "extra")
    with pytest.raises(InputError, match="other columns"):
        await engine.create(other)


def _sets(account: Account) -> tuple[Mapping[str, set[str]], Mapping[str, set[str]]]:
    return ({table: set(columns) for table, columns in account.reads.items()},
            {table: set(columns) for table, columns in account.writes.items()})
