"""Days in order, jobs in the order of what they need, windows of time, and parameters that are no more than values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import InputError
from protos import warehouse_pb2 as pb
from protos.policy_pb2 import JudgeRequest, Verdict
from services.warehouse import job as jobs_of
from services.warehouse.job import Job
from services.warehouse.scheduler import days, ordered
from services.warehouse.service import JOBS
from tests.services.fakes import FakePolicy
from tests.services.test_warehouse import bench, sessions

HEADER = "-- job: {name}\n-- owner: o\n-- purpose: {purpose}\n-- output: {output}\n"
PIPELINE = ["assistant_features", "daily_activity", "daily_sessions", "dashboard_usage", "evaluation_set",
            "landmark_popularity", "safety_reviews", "session_profiles", "training_set"]


def make(name: str, output: str) -> Job:
    return Job(f"job:{name}", "o", "assistance", output, (), ((1, "SELECT 1"),), name, "daily")


# --- the order ----------------------------------------------------------------------------------


@given(st.integers(2, 9), st.data())
def test_whoever_reads_comes_after_whoever_makes(count: int, data: st.DataObject) -> None:
    jobs = [make(f"j{n}", f"core.t{n}") for n in range(count)]
    # Only earlier tables are read, so there is an order; the jobs are given in any.
    inputs = {job.activity: frozenset(f"core.t{m}" for m in data.draw(st.sets(st.integers(0, n - 1))) if n) if n else
              frozenset() for n, job in enumerate(jobs)}
    found = ordered(data.draw(st.permutations(jobs)), inputs)
    place = {job.output: at for at, job in enumerate(found)}
    assert sorted(place.values()) == list(range(count))
    assert all(place[table] < place[job.output] for job in jobs for table in inputs[job.activity])
    assert found == ordered(jobs, inputs)


def test_a_circle_is_named() -> None:
    jobs = [make("a", "core.a"), make("b", "core.b"), make("c", "core.c")]
    inputs = {"job:a": frozenset({"core.c"}), "job:b": frozenset({"core.a"}), "job:c": frozenset({"core.b"})}
    with pytest.raises(InputError) as caught:
        ordered(jobs, inputs)
    assert caught.value.code == "PAI022"
    assert all(name in caught.value.what for name in ("job:a", "job:b", "job:c", "→"))


def test_a_job_may_read_what_it_makes() -> None:
    assert ordered([make("a", "core.a")], {"job:a": frozenset({"core.a"})})


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 365))
def test_days_are_whole_and_in_order(first: date, more: int) -> None:
    found = days(first.isoformat(), (first + timedelta(days=more)).isoformat())
    assert len(found) == more + 1 and found == sorted(found) and len(set(found)) == len(found)


@pytest.mark.parametrize(("first", "last"), [
    ("2026-01-02", "2026-01-01"), ("2026-01-01", "2027-06-01"), ("yesterday", "today"), ("", ""),
    ("2026-02-30", "2026-03-01"), ("2026-01-01'; DROP TABLE x", "2026-01-01"),
])
def test_days_that_are_none_are_refused(first: str, last: str) -> None:
    with pytest.raises(InputError, match="PAI004"):
        days(first, last)


# --- parameters ---------------------------------------------------------------------------------


def parsed(sql: str, parameters: str = "ds") -> Job:
    return jobs_of.parse(HEADER.format(name="j", purpose="assistance", output="core.x")
                         + f"-- parameters: {parameters}\n" + sql, "j.sql")


@given(st.text(st.characters(exclude_characters="\0"), max_size=60))
def test_a_parameter_is_a_value_whatever_is_in_it(value: str) -> None:
    job = parsed("SELECT :ds, ':ds', \"a:ds\" -- :ds\n FROM (SELECT 1 AS \"a:ds\")").bound({"ds": value})
    ((_, sql),) = job.statements
    if value.encode("utf-8", "surrogatepass").decode("utf-8", "ignore") == value:
        assert sqlite3.connect(":memory:").execute(sql).fetchall() == [(value, ":ds", 1)]


@pytest.mark.parametrize(("sql", "given_", "code", "what"), [
    ("SELECT :ds", {}, "PAI004", "needs the parameter 'ds'"),
    ("SELECT :ds", {"ds": "x", "dss": "y"}, "PAI004", "no parameter 'dss'; it has ds"),
    ("SELECT :ds", {"ds": "x\0y"}, "PAI004", "without NUL"),
    ("SELECT :ds", {"ds": "x" * 1001}, "PAI004", "at most 1000"),
    ("SELECT :other", {"ds": "x"}, "PAI021", ":other, and the header does not"),
])
def test_a_parameter_that_does_not_fit_is_refused(sql: str, given_: dict[str, str], code: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        parsed(sql).bound(given_)
    assert caught.value.code == code and what in caught.value.what


async def test_an_injection_through_a_parameter_changes_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b("Append", pb.AppendRequest(rows=sessions(1)))
        await b("RunJob", pb.JobRequest(job="daily_sessions"))
        for value in ("' OR '1'='1", "'; DELETE FROM core.sessions; --", "2026-03-01' --"):
            done = await b("RunJob", pb.JobRequest(job="training_set", parameters={"ds": value}))
            assert done.rows == 0
        assert b.rows("SELECT count(*) FROM core.sessions") == [(1,)]


# --- the scheduler ------------------------------------------------------------------------------


def outcomes(answer: pb.ScheduleResponse) -> dict[tuple[str, str], str]:
    return {(run.job.removeprefix("job:"), run.ds): run.outcome for run in answer.runs}


async def test_the_bundled_pipeline_runs_in_order_and_again_changes_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b("Append", pb.AppendRequest(rows=sessions(1, 2)))
        said = []
        for _ in range(2):
            answer = await b("RunSchedule", pb.ScheduleRequest(first="2026-03-01", last="2026-03-02"))
            assert set(outcomes(answer).values()) == {"done"}
            assert sorted(run.job.removeprefix("job:") for run in answer.runs[:9]) == PIPELINE
            said.append({table: b.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in (
                "ml.training_set", "ml.evaluation_set", "dash.usage", "core.daily_activity", "feature.assistant")})
        assert said[0] == said[1]
        assert [row[:3] for row in said[0]["dash.usage"]] == [("2026-03-01", "NO", 1), ("2026-03-02", "NO", 1)]
        assert len(said[0]["ml.training_set"]) + len(said[0]["ml.evaluation_set"]) == 2


async def test_each_run_has_a_key_and_a_scope_of_its_own(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b("Append", pb.AppendRequest(rows=sessions(1, 2)))
        await b("RunSchedule", pb.ScheduleRequest(first="2026-03-01", last="2026-03-02"))
        writes = b.seen.of("write", "warehouse:dash.usage")
        assert len({write.context.key for write in writes}) == 2
        assert {write.context.activity for write in writes} == {"job:dashboard_usage"}
        scopes = {(op.context.scope, op.context.activity) for op in b.seen.of("read", "warehouse:")}
        assert len({scope for scope, _ in scopes}) == len(scopes)


async def test_a_refused_job_holds_up_those_that_need_it_and_no_others(tmp_path: Path) -> None:
    class NoActivity(FakePolicy):
        async def Judge(self, request: JudgeRequest, context: Any) -> Verdict:
            self.forbidden = ("assistance",) if request.activity == "job:daily_activity" else ()
            return await super().Judge(request, context)

    async with bench(tmp_path, NoActivity()) as b:
        await b("Append", pb.AppendRequest(rows=sessions(1)))
        answer = await b("RunSchedule", pb.ScheduleRequest(first="2026-03-01", last="2026-03-01"))
        found = {job: outcome for (job, _), outcome in outcomes(answer).items()}
        assert found.pop("daily_activity") == "blocked" and found.pop("dashboard_usage") == "skipped"
        assert set(found.values()) == {"done"}
        (skipped,) = [run for run in answer.runs if run.outcome == "skipped"]
        assert skipped.reason == "it needs what job:daily_activity makes"


# --- streams ------------------------------------------------------------------------------------

STREAM = (HEADER.format(name="by_hour", purpose="assistance", output="core.by_hour")
          + "-- schedule: stream\n-- window: {window}\n-- parameters: {parameters}\n"
          "-- annotations: GLASSES_INTERACTION\n"
          "CREATE TABLE IF NOT EXISTS core.by_hour (\n  hour TEXT,\n  n INTEGER\n);\n"
          "DELETE FROM core.by_hour WHERE hour = :window_start;\n"
          "INSERT INTO core.by_hour (hour, n) SELECT :window_start, count(*) FROM core.sessions\n"
          "WHERE datetime(asked_at) >= datetime(:window_start) AND datetime(asked_at) < datetime(:window_end);\n")


def folder_of(tmp_path: Path, window: str = "60m on core.sessions.asked_at",
              parameters: str = "window_start, window_end") -> Path:
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    (jobs / "by_hour.sql").write_text(STREAM.format(window=window, parameters=parameters))
    return jobs


def at(*times: str) -> pb.AppendRequest:
    rows = sessions(*range(1, len(times) + 1))
    place = list(rows.columns).index("asked_at")
    for row, time in zip(rows.rows, times, strict=True):
        row.values[place].text = time
        row.values[0].text = f"s-{time}"
    return pb.AppendRequest(rows=rows)


@pytest.mark.parametrize("batches", [
    [["2026-03-01T09:00:00Z", "2026-03-01T09:59:59Z", "2026-03-01T10:00:00Z"]],
    [["2026-03-01T10:00:00Z"], ["2026-03-01T09:00:00Z"], ["2026-03-01T11:59:59+02:00"]],  # late, and another zone
])
async def test_a_window_is_what_its_rows_say_whenever_they_come(tmp_path: Path, batches: Iterable[list[str]]) -> None:
    async with bench(tmp_path, jobs=folder_of(tmp_path)) as b:
        for times in batches:
            await b("Append", at(*times))
        assert b.rows("SELECT * FROM core.by_hour ORDER BY hour") == [
            ("2026-03-01T09:00:00Z", 2), ("2026-03-01T10:00:00Z", 1)]


async def test_a_row_without_a_time_falls_into_no_window(tmp_path: Path) -> None:
    async with bench(tmp_path, jobs=folder_of(tmp_path)) as b:
        await b("Append", at("whenever"))
        assert b.rows("SELECT name FROM core.sqlite_master WHERE name = 'by_hour'") == []


async def test_a_stream_that_is_refused_holds_up_no_row(tmp_path: Path) -> None:
    async with bench(tmp_path, FakePolicy("assistance"), jobs=folder_of(tmp_path)) as b:
        await b("Append", at("2026-03-01T09:00:00Z"))
        assert b.rows("SELECT count(*) FROM core.sessions") == [(1,)]
        assert not b.seen.of("write", "warehouse:core.by_hour")


@pytest.mark.parametrize(("window", "parameters", "what"), [
    ("0m on core.sessions.asked_at", "window_start, window_end", "'window': as 60m"),
    ("60m", "window_start, window_end", "'window': as 60m"),
    ("60m on core.sessions.asked_at", "window_start", "a stream has the parameters"),
])
async def test_a_stream_that_takes_no_window_is_refused(tmp_path: Path, window: str, parameters: str,
                                                        what: str) -> None:
    with pytest.raises(InputError, match=what):
        async with bench(tmp_path, jobs=folder_of(tmp_path, window, parameters)):
            pytest.fail("it started")


def test_the_bundled_jobs_are_at_least_eight_and_each_makes_a_table_of_its_own() -> None:
    jobs = [jobs_of.parse(path.read_text(), path.name) for path in sorted(JOBS.glob("*.sql"))]
    assert len(jobs) >= 8 and len({job.output for job in jobs}) == len(jobs)
