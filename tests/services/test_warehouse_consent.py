"""Row-level consent: a statement is narrowed wherever it names the table, or it does not run."""

from __future__ import annotations

import json
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.errors import PolicyDenied
from services.warehouse.consent import SEES, Origin, Visible, narrowed

T = "core.t"
COLUMNS = {T: ["id", "wearer", "said"]}


def database(rows: list[tuple[int, str, str]]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("ATTACH ':memory:' AS core")
    connection.execute("CREATE TABLE core.t (id INTEGER, wearer TEXT, said TEXT)")
    connection.execute("CREATE TABLE core.out (id INTEGER, said TEXT)")
    connection.executemany("INSERT INTO core.t VALUES (?, ?, ?)", rows)
    return connection


def run(sql: str, seen: Visible, connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    text, _ = narrowed(sql, COLUMNS, seen, "f:1")
    seen.ask(connection)
    return connection.execute(text).fetchall()


ROWS = [(1, "a", "x"), (2, "b", "y"), (3, "a", "z"), (4, "c", "x")]

QUERIES = [
    "SELECT said FROM core.t ORDER BY id",
    "SELECT t.said FROM core.t ORDER BY t.id",
    "SELECT said FROM t ORDER BY id",
    'SELECT "said" FROM "core"."t" ORDER BY 1',
    "SELECT one.said, two.said FROM core.t one JOIN core.t AS two ON one.wearer = two.wearer ORDER BY one.id, two.id",
    "WITH r AS (SELECT wearer, count(*) AS n FROM core.t GROUP BY wearer) SELECT * FROM r ORDER BY wearer",
    "SELECT (SELECT count(*) FROM core.t AS i WHERE i.wearer = o.wearer) FROM core.t AS o ORDER BY o.id",
    "SELECT said FROM core.t UNION SELECT wearer FROM core.t ORDER BY 1",
    "SELECT count(*) FROM core.t, core.t AS other",
    "SELECT 'FROM core.t' AS x, said /* FROM core.t */ FROM core.t -- FROM core.t\n ORDER BY id",
    "SELECT id, sum(id) OVER (ORDER BY id) FROM core.t WHERE EXISTS (SELECT 1 FROM core.t AS u WHERE u.said = 'x')",
]


@pytest.mark.parametrize("sql", QUERIES)
@pytest.mark.parametrize("withdrawn", [set(), {"a"}, {"a", "b", "c"}])
def test_a_narrowed_statement_sees_what_a_table_without_those_rows_would_show(sql: str, withdrawn: set[str]) -> None:
    seen = Visible({T: "wearer"}, frozenset(withdrawn))
    rest = [row for row in ROWS if row[1] not in withdrawn]
    assert run(sql, seen, database(ROWS)) == database(rest).execute(sql).fetchall()
    assert seen.withheld == 0 or withdrawn
    assert seen.checked >= len(ROWS)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=12),
       st.sets(st.sampled_from("abcd")), st.sampled_from(QUERIES))
def test_so_for_any_rows(rows: list[tuple[int, str, str]], withdrawn: set[str], sql: str) -> None:
    seen = Visible({T: "wearer"}, frozenset(withdrawn))
    rest = [row for row in rows if row[1] not in withdrawn]
    assert sorted(run(sql, seen, database(rows)), key=str) == sorted(database(rest).execute(sql).fetchall(), key=str)


def test_a_write_takes_only_consenting_rows_and_erases_all() -> None:
    connection = database(ROWS)
    seen = Visible({T: "wearer"}, frozenset({"a"}))
    run("INSERT INTO core.out (id, said) SELECT id, said FROM core.t", seen, connection)
    assert connection.execute("SELECT id FROM core.out ORDER BY id").fetchall() == [(2,), (4,)]
    run("DELETE FROM core.t WHERE id < 4", seen, connection)
    assert connection.execute("SELECT id FROM core.t").fetchall() == [(4,)]


@pytest.mark.parametrize(("sql", "why"), [
    ("UPDATE core.t SET said = upper(said)", "an UPDATE works on every row"),
    ("UPDATE core.t SET wearer = 'z'", "an UPDATE works on every row"),
    ("INSERT INTO core.t (id, wearer) VALUES (1, 'z') ON CONFLICT (id) DO UPDATE SET wearer = 'z'",
     "an UPDATE works on every row"),
    ("SELECT said FROM core.view_of_t", "without naming it"),
    ("WITH t AS (SELECT 1 AS said) SELECT said FROM t", "both a table and a name in WITH"),
    ("SELECT FROM WHERE", "not clear"),
    ("SELECT (2, 'b', 'y') IN core.t FROM core.t", "names a table: write IN"),
    ("SELECT said FROM core.t WHERE (2, 'b', 'y') NOT IN t", "names a table: write IN"),
    ("SELECT (2, 'b', 'y') IN 'core'.'t' FROM core.t", "names a table: write IN"),
    ("SELECT said FROM core.t WHERE (2, 'b', 'y') IN core.t()", "names a table: write IN"),
])
def test_where_it_is_not_clear_whose_rows_nothing_runs(sql: str, why: str) -> None:
    with pytest.raises(PolicyDenied, match=why) as refused:
        narrowed(sql, COLUMNS, Visible({T: "wearer"}, frozenset({"a"})), "f:1")
    assert refused.value.code == "PAI306"


def test_without_subjects_the_text_is_as_it_was() -> None:
    sql = "SELECT  said\nFROM core.t -- as it is"
    assert narrowed(sql, COLUMNS, Visible({}, frozenset({"a"})), "f:1") == (sql, frozenset())


PLACES = [(1, "a", "US"), (2, "b", "SE"), (3, "a", "SE"), (4, "c", "?"), (5, "d", "US")]


def among(seen: set[str] | None, unasked: set[str], withdrawn: set[str]) -> Visible:
    """``said`` stands for where a row comes from."""
    return Visible({T: "wearer"}, frozenset(withdrawn), origins={
        T: Origin("said", None if seen is None else frozenset(seen), frozenset(unasked))})


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abcd"), st.sampled_from(["US", "SE", "NO", "?"])),
                max_size=12),
       st.none() | st.sets(st.sampled_from(["US", "SE", "NO"])), st.sets(st.sampled_from(["US", "SE", "NO"])),
       st.sets(st.sampled_from("abcd")), st.sampled_from(QUERIES))
def test_rows_are_chosen_by_where_they_come_from(rows: list[tuple[int, str, str]], seen: set[str] | None,
                                                 unasked: set[str], withdrawn: set[str], sql: str) -> None:
    rest = [row for row in rows if (seen is None or row[2] in seen) and (row[2] in unasked or row[1] not in withdrawn)]
    narrow = among(seen, unasked, withdrawn)
    assert sorted(run(sql, narrow, database(rows)), key=str) == sorted(database(rest).execute(sql).fetchall(), key=str)
    again = Visible.from_dict(json.loads(json.dumps(narrow.to_dict())))
    assert (again.subjects, again.withdrawn, again.origins) == (narrow.subjects, narrow.withdrawn, narrow.origins)


def test_what_is_withheld_is_counted_by_why() -> None:
    seen = among({"US", "SE"}, {"SE"}, {"a"})
    assert run("SELECT id FROM core.t ORDER BY id", seen, database(PLACES)) == [(2,), (3,), (5,)]
    assert (seen.located, seen.abroad, seen.checked, seen.withheld) == (5, 1, 2, 1)
    seen.unasked[T] = ["said"]
    assert seen.told(T)["origin"] == {"checked": 5, "withheld": 1, "column": "said"}
    assert "subject" not in seen.told(T)["consent"] and seen.told("core.u") == {}


def test_nobodys_origin_is_no_origin() -> None:
    connection = database([])
    connection.executemany("INSERT INTO core.t VALUES (?, ?, ?)", [(1, "a", None), (2, "a", "US"), (3, "a", "us")])
    assert run("SELECT id FROM core.t", among({"US"}, set(), set()), connection) == [(2,)]


@pytest.mark.parametrize("sql", ["UPDATE core.t SET said = 'US'", "INSERT INTO core.t VALUES (1, 'a', 'US') "
                                 "ON CONFLICT (id) DO UPDATE SET said = 'SE'"])
def test_a_row_that_may_not_be_seen_is_not_worked_on(sql: str) -> None:
    with pytest.raises(PolicyDenied, match="works on every row"):
        narrowed(sql, COLUMNS, among({"US"}, set(), set()), "f:1")
    assert narrowed(sql, COLUMNS, among(None, {"US"}, set()), "f:1")[0] == sql
    assert SEES in narrowed("SELECT 1 FROM core.t", COLUMNS, among(None, {"US"}, set()), "f:1")[0]
