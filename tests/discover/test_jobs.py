"""Job files: the header, the edges that the SQL declares, and what a run confirms of them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.discover.jobs import declared_edges, resolve
from lineage.errors import InputError
from lineage.jobfile import JobFile
from lineage.jobfile import parse as parse_job
from lineage.model import Edge
from tests.discover.sql_statements import SCHEMA, Maker, data, engine, engine_reads

ROOT = Path(__file__).resolve().parents[2]
SHOP = {
    "core.sessions": {"session": "TEXT", "wearer": "TEXT", "utterance": "TEXT", "day": "TEXT"},
    "core.daily": {"day": "TEXT", "n": "INTEGER", "words": "TEXT"},
}
HEADER = "-- job: daily\n-- owner: assistant-quality\n-- purpose: assistance\n-- output: core.daily\n"
SQL = "INSERT INTO core.daily (day, n, words)\nSELECT day, count(*), max(utterance) FROM core.sessions GROUP BY day"


def brief(edge: Edge) -> tuple[str, str, str, str]:
    assert (edge.state, edge.confidence, edge.families, edge.keys) == ("declared", "HIGH", {"B"}, set())
    names = (edge.source.removeprefix("warehouse:core."), edge.target.removeprefix("warehouse:core."))
    return *names, " ".join(sorted(edge.evidence)), " ".join(sorted(edge.via))


def test_a_job_file_is_read() -> None:
    text = ("-- Counts what was said.\n\n" + HEADER + "-- schedule: daily\n"
            "-- annotations: GLASSES_INTERACTION , LOCATION\n-- See the table: it is small.\n" + SQL + ";\n")
    job = parse_job(text, "daily.sql")
    assert job == JobFile("daily", "assistant-quality", "assistance", "core.daily", "daily", (), (),
                          ("GLASSES_INTERACTION", "LOCATION"), f"{SQL};", "job", "daily.sql", 10)
    assert job.activity == "job:daily"
    assert parse_job("\ufeff" + text.replace("\n", "\r\n"), "daily.sql").schedule == "daily"


def test_schedule_and_annotations_are_optional() -> None:
    job = parse_job(HEADER + SQL, "daily.sql")
    assert (job.schedule, job.annotations, job.line) == ("", (), 5)


@pytest.mark.parametrize(("text", "where", "what"), [
    (HEADER.replace("owner", "ower") + SQL, "f:2", "unknown key 'ower'; did you mean 'owner'?"),
    (HEADER + "-- priority: 7\n" + SQL, "f:5", "unknown key 'priority'; keys are annotations, inputs, job"),
    (HEADER.replace("-- purpose: assistance\n", "") + SQL, "f:1", "lacks the line '-- purpose: …'"),
    (HEADER + "-- owner: other\n" + SQL, "f:5", "gives 'owner' twice"),
    (HEADER.replace("assistance", " ") + SQL, "f:3", "'purpose' is empty"),
    (HEADER.replace("core.daily", "core daily") + SQL, "f:4", "'core daily' cannot be the header's 'output'"),
    (HEADER.replace(": daily", ": Daily!") + SQL, "f:1", "'Daily!' cannot be the header's 'job'"),
    (HEADER + "-- region: Sweden\n" + SQL, "f:5", "'region': a country or group as US, EU"),
    (HEADER + "-- annotations: a,,b\n" + SQL, "f:5", "'annotations': labels as A, B"),
    (HEADER.replace("job:", "query:") + SQL, "f:4", "a query has no 'output'"),
    (HEADER + "-- query: daily\n" + SQL, "f:5", "a job has no 'query'"),
    (SQL, "f:1", "lacks the line '-- job: …'"),
    ("", "f:1", "lacks the line '-- job: …'"),
])
def test_a_header_that_is_wrong_says_where(text: str, where: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_job(text, "f")
    assert (caught.value.code, caught.value.where) == ("PAI022", where)
    assert what in caught.value.what


def test_edges_are_declared() -> None:
    edges = declared_edges(parse_job(HEADER + SQL, "daily.sql"), SHOP)
    assert [brief(edge) for edge in edges] == [
        ("sessions", "daily#n", "sql", "job:daily"),
        ("sessions#day", "job:daily", "sql", ""),
        ("sessions#day", "daily#day", "sql sql:indirect", "job:daily"),
        ("sessions#day", "daily#n", "sql:indirect", "job:daily"),
        ("sessions#day", "daily#words", "sql:indirect", "job:daily"),
        ("sessions#utterance", "job:daily", "sql", ""),
        ("sessions#utterance", "daily#words", "sql", "job:daily"),
    ]


def test_a_table_of_which_only_the_rows_count_is_still_used() -> None:
    job = parse_job(HEADER + "INSERT INTO core.daily (n) SELECT count(*) FROM core.sessions", "f")
    assert [brief(edge) for edge in declared_edges(job, SHOP)] == [
        ("sessions", "job:daily", "sql", ""), ("sessions", "daily#n", "sql", "job:daily")]


def test_a_column_that_stays_where_it_is_is_no_edge() -> None:
    edges = declared_edges(parse_job(HEADER + "UPDATE core.daily SET n = n + 1, words = day", "f"), SHOP)
    assert [brief(edge)[:2] for edge in edges] == [
        ("daily#day", "job:daily"), ("daily#day", "daily#words"), ("daily#n", "job:daily")]


def test_a_job_may_make_its_table_first() -> None:
    sql = ("CREATE TABLE core.made (a TEXT, b TEXT);\nCREATE TABLE core.step AS SELECT day AS d FROM core.sessions;\n"
           "INSERT INTO core.made SELECT d, 'x' FROM core.step;")
    edges = declared_edges(parse_job(HEADER.replace("core.daily", "core.made") + sql, "f"), SHOP)
    assert [brief(edge)[:2] for edge in edges] == [
        ("sessions#day", "job:daily"), ("sessions#day", "step#d"), ("step#d", "job:daily"), ("step#d", "made#a")]


def test_a_query_uses_and_writes_nothing() -> None:
    header = "-- query: peek\n-- owner: an-analyst\n-- purpose: debugging\n"
    job = parse_job(header + "SELECT wearer FROM core.sessions", "f")
    assert [brief(edge) for edge in declared_edges(job, SHOP)] == [("sessions#wearer", "query:peek", "sql", "")]
    with pytest.raises(InputError, match=r"PAI022 f:4: a query writes nothing, but the SQL writes core\.daily"):
        declared_edges(parse_job(header + SQL, "f"), SHOP)


@pytest.mark.parametrize(("text", "message"), [
    (HEADER.replace("core.daily", "core.weekly") + SQL,
     r"PAI022 f:5: the header's output is core\.weekly, but the SQL writes core\.daily"),
    (HEADER + "SELECT day FROM core.sessions",
     r"PAI022 f:5: the header's output is core\.daily, but the SQL writes nothing"),
    (HEADER + "\n" + SQL.replace("utterance", "utterence"),
     "PAI021 f:7:27: there is no column 'utterence'; did you mean 'utterance'"),
    (HEADER + "INSERT INTO core.daily (n) SELECT 1; DROP TABLE core.daily", "PAI021 f:5:49: DROP is not"),
    (HEADER.replace("core.daily", "core.x") + "CREATE TABLE core.x AS SELECT count(*) FROM core.daily",
     r"PAI021 f:5: lineage cannot name the column 'count\(\*\)'"),
    (HEADER, "PAI021 f:5:1: there is no statement"),
    (HEADER + "SELECT 'x", "PAI021 f:5:8: a quoted text"),
])
def test_sql_that_cannot_be_declared_says_where(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        declared_edges(parse_job(text, "f"), SHOP)


def test_the_jobs_of_the_warehouse_are_readable() -> None:
    paths = sorted((ROOT / "services/warehouse/jobs").glob("*.sql"))
    assert paths
    for path in paths:
        assert parse_job(path.read_text(encoding="utf-8"), str(path)).name == path.stem


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80), st.booleans())
def test_garbage_raises_nothing_but_input_errors(text: str, headed: bool) -> None:
    try:
        job = parse_job(HEADER + text if headed else text, "f")
        assert declared_edges(job, SHOP) is not None
    except InputError as error:
        assert error.code in ("PAI021", "PAI022")
        assert error.where.startswith("f:")


def test_resolve_keeps_what_engine_and_analysis_agree_on() -> None:
    read = {"core.sessions": ("day", "utterance"), "core.elsewhere": ("x",)}
    links = resolve(SQL, SHOP, read, ("core.daily", ("day", "n", "words")))
    day, utterance = "warehouse:core.sessions#day", "warehouse:core.sessions#utterance"
    assert links == (("day", (day,)), ("n", ("warehouse:core.sessions", day)), ("words", (day, utterance)))
    # The engine did not read the utterance: no link from it.
    assert resolve(SQL, SHOP, {"core.sessions": ["day"]}, ("core.daily", ["words"])) == (("words", (day,)),)
    # A column that the statement does not set has no source; without columns, the statement's own are taken.
    assert resolve("INSERT INTO core.daily (day) SELECT day FROM core.sessions", SHOP, read, ("core.daily", ["n"])) == (
        ("n", ()),)
    assert resolve("DELETE FROM core.daily WHERE n = 1", SHOP, {"core.daily": ["n"]}, ("core.daily", ())) == tuple(
        (column, ("warehouse:core.daily#n",)) for column in ("day", "n", "words"))


@pytest.mark.parametrize("sql", ["SELEC", "SELECT day FROM core.sessions", "INSERT INTO core.daily (n) SELECT nothing",
                                 "INSERT INTO core.sessions (day) SELECT day FROM core.daily", "", "EXPLAIN SELECT 1"])
def test_resolve_has_no_answer_where_nobody_knows(sql: str) -> None:
    assert resolve(sql, SHOP, {"core.sessions": ("day",)}, ("core.daily", ("day",))) is None


def test_resolve_takes_a_table_that_only_the_engine_knows() -> None:
    links = resolve("INSERT INTO core.new SELECT * FROM core.fresh WHERE a > 1", SHOP, {"core.fresh": ("a", "b")},
                    ("core.new", ("x", "y")))
    assert links == (("x", ("warehouse:core.fresh#a",)), ("y", ("warehouse:core.fresh#a", "warehouse:core.fresh#b")))


def test_resolve_loses_nothing_to_the_engine() -> None:
    """On random INSERTs, what SQLite says it read confirms every source of the analysis."""
    connection, seen = engine(data(random.Random(1))), 0
    for seed in range(200):
        sql = Maker(random.Random(seed)).insert()
        table = "core.w" if "INTO core.w" in sql else "core.o"
        links = resolve(sql, SCHEMA, engine_reads(connection, sql), (table, tuple(SCHEMA[table])))
        everything = {name: list(columns) for name, columns in SCHEMA.items()}
        assert links is not None
        assert links == resolve(sql, SCHEMA, everything, (table, tuple(SCHEMA[table])))
        seen += sum(len(sources) for _, sources in links)
    assert seen > 300


def test_a_column_that_the_schema_lacks_is_taken_as_the_engine_tells_it() -> None:
    """A job gave the table a column after the configs were read; a row id is none."""
    schema = {"core.a": {"x": "TEXT"}, "core.b": {"x": "TEXT"}}
    assert resolve("INSERT INTO core.b SELECT * FROM core.a", schema, {"core.a": ("x", "new")},
                   ("core.b", ("x", "more"))) == (("x", ("warehouse:core.a#x",)), ("more", ("warehouse:core.a#new",)))
    assert resolve("INSERT INTO core.b (x) SELECT rowid FROM core.a", schema, {"core.a": ("ROWID",)},
                   ("core.b", ("x",))) is None
