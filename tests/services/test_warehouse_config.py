"""DDL with labels, and job headers: read strictly, with the line of what is wrong."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import InputError
from lineage.model import Label
from services.warehouse import catalog, job
from services.warehouse.service import JOBS, TABLES

TABLE = """-- owner: someone
CREATE TABLE core.x (
  a TEXT NOT NULL PRIMARY KEY,  -- operational:identifier
  b REAL,                       -- user.location GLASSES_INTERACTION OTHER
  UNIQUE (a, b)
);
"""
JOB = "-- job: j\n-- owner: o\n-- purpose: assistance\n-- output: core.x\n"


def test_a_table_is_read() -> None:
    table = catalog.parse(TABLE, "x.sql")
    assert (table.name, table.database, table.owner, table.asset) == ("core.x", "core", "someone", "warehouse:core.x")
    assert table.labels == {"a": Label(operational="identifier"),
                            "b": Label("user.location", ("GLASSES_INTERACTION", "OTHER"))}
    assert (table.subject, table.origin) == ("", "")
    told = catalog.parse(TABLE.replace("--", "-- subject: a; origin: b;", 1), "x.sql")
    assert (told.subject, told.origin) == ("a", "b")
    with pytest.raises(InputError, match="names 'c' as its origin"):
        catalog.parse(TABLE.replace("--", "-- origin: c;", 1), "x.sql")
    assert table.columns["a"].required and not table.columns["b"].required


@pytest.mark.parametrize("name", ["core.sessions", "core.daily_sessions"])
def test_the_bundled_tables_are_what_sqlite_makes_of_them(name: str) -> None:
    table = catalog.load(TABLES)[name]
    connection = sqlite3.connect(":memory:")
    connection.execute("ATTACH ':memory:' AS core")
    for _ in range(2):
        connection.execute(table.ddl)
    made = connection.execute(f"SELECT name, type, [notnull] FROM pragma_table_info('{name.partition('.')[2]}')")
    assert [(c.name, c.type, int(c.required)) for c in table.columns.values()] == made.fetchall()
    assert all(label.annotated for label in table.labels.values())


@pytest.mark.parametrize(("old", "new", "where", "what"), [
    ("  -- operational:identifier", "", "x.sql:3", "'a' has no label"),
    ("-- operational:identifier", "-- the key", "x.sql:3", "'a' has no label"),
    ("a TEXT", "a VARCHAR", "x.sql:3", "with a type of TEXT"),
    ("PRIMARY KEY,", "PRIMARY KEY, c TEXT,", "x.sql:3", "one column a line"),
    ("  b REAL", "  a REAL", "x.sql:4", "given twice"),
    ("CREATE TABLE core.x (", "CREATE TABLE x (", "x.sql:2", "database.table"),
    ("CREATE TABLE core.x (", "CREATE TABLE core.x (a TEXT,", "x.sql:2", "on one line"),
    (");", "); DROP TABLE core.x;", "x.sql:6", "nothing may follow"),
    (");", "", "x.sql", "has no end"),
])
def test_a_malformed_table_is_refused(old: str, new: str, where: str, what: str) -> None:
    assert old in TABLE
    with pytest.raises(InputError) as caught:
        catalog.parse(TABLE.replace(old, new, 1), "x.sql")
    assert caught.value.code == "PAI022" and caught.value.where == where and what in caught.value.what


def test_a_job_is_read() -> None:
    read = job.parse((JOBS / "daily_sessions.sql").read_text(), "d.sql")
    assert (read.activity, read.purpose, read.output) == ("job:daily_sessions", "assistance", "core.daily_sessions")
    ((line, sql),) = read.statements
    assert line == 6 and sql.startswith("INSERT OR REPLACE") and sql.endswith("core.sessions")


def test_a_comment_at_the_end_is_no_open_end() -> None:
    text = "-- query: q\n-- owner: o\n-- purpose: p\nSELECT 'a' -- it's; over';\n"
    (found,) = job.parse(text, "f").statements
    assert found[1].startswith("SELECT 'a'")
    with pytest.raises(InputError, match="open"):
        job.parse(text.replace("-- it's; over'", "'"), "f")


def test_statements_end_where_sqlite_says() -> None:
    text = JOB + "SELECT 'a;b' -- c;\n;\n/* d; */ SELECT 1;\n-- the end\n"
    assert [(line, sql.split()[0]) for line, sql in job.parse(text, "j").statements] == [(5, "SELECT"), (7, "SELECT")]


@pytest.mark.parametrize(("text", "code", "what"), [
    ("SELECT 1", "PAI022", "lacks the line '-- job: …'"),
    (JOB.replace("purpose", "purpos") + "SELECT 1", "PAI022", "did you mean 'purpose'"),
    (JOB + "-- job: k\nSELECT 1", "PAI022", "twice"),
    (JOB.replace(": j", ": J k") + "SELECT 1", "PAI022", "cannot be the header's 'job'"),
    (JOB, "PAI021", "no statement"), (JOB + "SELECT 'a", "PAI021", "open"), (JOB + "SELECT 'a;", "PAI021", "open"),
    (JOB + "-- annotations: a\nSELECT 1", "PAI022", "upper case"),
])
def test_a_malformed_job_is_refused(text: str, code: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        job.parse(text, "j.sql")
    assert caught.value.code == code and what in caught.value.what


@given(st.text(max_size=120) | st.text(alphabet="CREATE TABLE core.x(\n);-'\"/*abc,", max_size=120))
def test_any_text_gives_a_value_or_an_input_error(text: str) -> None:
    for parse in (lambda: catalog.parse(text, "f"), lambda: job.parse(text, "f"), lambda: job.parse(JOB + text, "f")):
        try:
            parse()
        except InputError as error:
            assert error.code in ("PAI021", "PAI022")


@pytest.mark.parametrize("made", ["AS (utterance)", "GENERATED ALWAYS AS (utterance) STORED", "DEFAULT (utterance)"])
def test_a_column_whose_values_no_label_tells_of_is_refused(made: str) -> None:
    text = f"CREATE TABLE core.x (\n  utterance TEXT, -- user.utterance A\n  copy TEXT {made} -- operational:x\n);\n"
    with pytest.raises(InputError, match="no label tells"):
        catalog.parse(text, "x.sql")
    catalog.parse(text.replace(made, "NOT NULL DEFAULT 'as it was' CHECK (length(copy) > 1)"), "x.sql")
