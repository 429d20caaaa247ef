"""Statements in SQLite's dialect, as Spark gets them: needs neither pyspark nor Java."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import InputError
from services.warehouse import catalog
from services.warehouse.service import TABLES
from services.warehouse.spark_names import rows_view_of, view_of
from services.warehouse.spark_sql import Statement, transpile

CATALOG = catalog.load(TABLES)
S, D = "core.sessions", "core.daily_sessions"
WORDS = ("SELECT", "INSERT INTO", "INSERT OR REPLACE INTO", "UPDATE", "DELETE FROM", "FROM", "WHERE", "SET", "(", ")",
         ",", ";", "*", "=", "'x", "'", "--", "/*", S, D, "session", "wearer", "WITH c AS", "VALUES", "1", "7.5", "\"",
         "ON CONFLICT", "DO UPDATE", "DO NOTHING", "JOIN", "USING", "GROUP BY", "count(", "reflect(", "é", "\n")


def made(sql: str) -> Statement:
    return transpile(sql, CATALOG, "j:1")


def test_a_bundled_job() -> None:
    found = made((TABLES.parent / "jobs/daily_sessions.sql").read_text().split("daily\n")[1].rstrip(";\n"))
    assert (found.kind, found.target, found.conflict) == ("insert", D, "replace")
    assert found.columns == ("ds", "session", "wearer", "utterance", "answer", "region", "_key")
    assert found.views == (view_of(S),) and found.writes == {D: found.columns}
    assert "SUBSTRING(`sessions`.`asked_at`, 1, 10)" in found.query


@pytest.mark.parametrize(("sql", "part"), [
    (f"SELECT 7 / 2 FROM {S}", "7 DIV 2"), (f"SELECT 7 / 2.0 FROM {S}", "CAST(2.0 AS DOUBLE)"),
    (f"SELECT 1 FROM {S} WHERE region LIKE 'n%'", "ILIKE"), (f"SELECT CAST(region AS INTEGER) FROM {S}", "AS BIGINT"),
    (f"SELECT ifnull(scene, 'x') || region FROM {S}", "COALESCE("), ("SELECT region FROM Sessions", view_of(S)),
    (f"SELECT 1 FROM {S} WHERE datetime(asked_at) >= datetime('2026-03-01T09:00:00Z')",
     "DATE_FORMAT(TRY_CAST('2026-03-01T09:00:00Z' AS TIMESTAMP), 'yyyy-MM-dd HH:mm:ss')"),
    (f"SELECT core.sessions.region FROM {S}", "`sessions`.`region`"),
])
def test_what_means_the_same(sql: str, part: str) -> None:
    assert part in made(sql).query


def test_changes_are_asked_for_by_row() -> None:
    update = made(f"UPDATE {D} SET (answer, REGION) = ('-', 'x') WHERE ds IN (SELECT asked_at FROM {S})")
    assert (update.kind, update.columns) == ("update", ("answer", "region"))
    assert update.views == tuple(sorted((view_of(S), rows_view_of(D)))) and "`__row`" in update.query
    delete = made(f"WITH c AS (SELECT 1 AS one) DELETE FROM {D} AS d WHERE d.ds = (SELECT one FROM c)")
    assert (delete.kind, delete.writes) == ("delete", {D: ()}) and delete.query.startswith("WITH `c`")
    upsert = made(f"REPLACE INTO {D} (ds) VALUES ('a'), ('b')")
    assert (upsert.conflict, upsert.columns) == ("replace", ("ds",))
    nothing = made(f"INSERT INTO {D} (ds) SELECT region FROM {S} WHERE true ON CONFLICT (SESSION) DO NOTHING")
    assert (nothing.conflict, nothing.keys) == ("ignore", ("session",))


@pytest.mark.parametrize("name", ["reflect", "java_method", "input_file_name", "typeof", "random", "total", "readfile",
                                  "datetime", "julianday"])
def test_a_function_that_means_something_else_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="with this meaning") as caught:
        made(f"SELECT wearer,\n  {name}('now') FROM {S}")
    assert caught.value.code == "PAI021" and caught.value.where == "j:1"
    assert "^" in caught.value.what.splitlines()[2]


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=4), max_size=25).map(" ".join)
       | st.lists(st.sampled_from(WORDS), max_size=25).map(lambda words: "SELECT " + " ".join(words)))
def test_any_text_is_a_statement_or_an_error_with_its_place(text: str) -> None:
    try:
        found = made(text)
    except InputError as error:
        assert error.code == "PAI021" and error.where == "j:1"
    else:
        assert found.query and set(found.writes) <= set(CATALOG)
