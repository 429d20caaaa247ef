"""The warehouse over real gRPC: rows in once, jobs judged before a row moves, columns out with keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from lineage.errors import SightlineError
from lineage.privacylib import PrivacyLib
from protos import policy_pb2_grpc
from protos import warehouse_pb2 as pb
from protos import warehouse_pb2_grpc as pb_grpc
from protos.rows_pb2 import Rows
from services import rows as typed
from services.errors import from_rpc
from services.warehouse.service import JOBS, WarehouseService
from tests.services.fakes import META, FakeClock, FakePolicy, FakeStore, Recorder, serving, stub

COLUMNS = ("session", "wearer", "device", "region", "utterance", "answer", "checkpoint", "asked_at")
HEADER = "-- job: extra\n-- owner: o\n-- purpose: assistance\n-- output: core.extra\n"
EXTRA = """CREATE TABLE core.extra (
  who TEXT,  -- user.identifier GLASSES_INTERACTION
  what TEXT  -- user.utterance GLASSES_INTERACTION
);
"""


def sessions(*numbers: int) -> Rows:
    return typed.make("core.sessions", COLUMNS, [
        (f"{n:032x}", (f"s{n}", "w", "g", "NO", f"Question {n}?", "That.", "a@1", f"2026-03-0{n}T09:00:00Z"))
        for n in numbers])


class Bench:
    def __init__(self, stub: Any, store: FakeStore, policy: FakePolicy, seen: Recorder) -> None:
        self._stub, self.store, self.policy, self.seen = stub, store, policy, seen

    async def __call__(self, method: str, request: Any) -> Any:
        """Raises the error that the service meant."""
        try:
            return await getattr(self._stub, method)(request, metadata=META, timeout=5)
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error, "warehouse") from None

    async def refused(self, method: str, request: Any) -> SightlineError:
        with pytest.raises(SightlineError) as caught:
            await self(method, request)
        return caught.value

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.store.execute(sql)


@asynccontextmanager
async def bench(folder: Path, policy: FakePolicy | None = None, policy_address: str = "",
                jobs: Path = JOBS) -> AsyncIterator[Bench]:
    policy, seen, store = policy or FakePolicy("ads_ranking"), Recorder(), FakeStore(folder)
    lib = PrivacyLib("warehouse", [seen])
    async with serving(lambda s: policy_pb2_grpc.add_PolicyServicer_to_server(policy, s)) as address:
        async with stub(policy_pb2_grpc.PolicyStub, policy_address or address, lib) as to_policy:
            service = WarehouseService(lib, store, FakeClock(), to_policy, jobs=jobs)
            async with serving(lambda s: service.register(lib.server(s))) as own:
                async with stub(pb_grpc.WarehouseStub, own) as warehouse:
                    await service.start()
                    yield Bench(warehouse, store, policy, seen)


async def test_rows_are_appended_once_with_their_keys(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        for _ in range(2):
            assert (await b("Append", pb.AppendRequest(rows=sessions(1, 2)))).appended == 2
        assert b.rows("SELECT session, _key, location FROM core.sessions") == [
            ("s1", f"{1:032x}", None), ("s2", f"{2:032x}", None)]
        write = b.seen.of("write", "warehouse:")[0]
        assert write.keys == (f"{1:032x}", f"{2:032x}") and write.fields[-1] == "_key"
        assert dict(write.links)["utterance"] == ("rpc:warehouse.Append.request#core.sessions.utterance",)


@pytest.mark.parametrize(("rows", "what"), [
    (typed.make("core.none", ("a",), []), "no table"), (typed.make("core.sessions", ("nose",), []), "no column"),
    (typed.make("core.sessions", ("session",), [("", (7,))]), "is integer"),
    (typed.make("core.sessions", ("session",), [("", ("s",)), ("", (None,))]), "row 2: session may not be empty"),
    (typed.make("core.sessions", ("session",), [("", ("s",))]), "NOT NULL"),
    (typed.make("core.sessions", ("_key",), [("", ("s",))]), "kept by the warehouse"),
])
async def test_rows_that_do_not_fit_are_refused_whole(tmp_path: Path, rows: Rows, what: str) -> None:
    async with bench(tmp_path) as b:
        error = await b.refused("Append", pb.AppendRequest(rows=rows))
        assert error.code == "PAI004" and what in error.what
        assert b.rows("SELECT count(*) FROM core.sessions") == [(0,)]


async def test_a_job_may_run_again_and_doubles_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b("Append", pb.AppendRequest(rows=sessions(1, 2)))
        for _ in range(2):
            done = await b("RunJob", pb.JobRequest(job="daily_sessions"))
            assert (done.rows, done.output) == (2, "core.daily_sessions")
        assert b.rows("SELECT ds, session, _key FROM core.daily_sessions") == [
            ("2026-03-01", "s1", f"{1:032x}"), ("2026-03-02", "s2", f"{2:032x}")]
        (write, _) = b.seen.of("write", "warehouse:core.daily")
        (read, _) = b.seen.of("read", "warehouse:core.sessions")
        assert write.context.activity == read.context.activity == "job:daily_sessions"
        assert not write.linked and write.rows == 2 and write.context.claims == b"token"
        assert set(write.detail["reads"]["core.sessions"]) == set(read.fields)


async def test_a_job_is_judged_on_every_column_before_it_runs(tmp_path: Path) -> None:
    async with bench(tmp_path, FakePolicy("assistance")) as b:
        await b("Append", pb.AppendRequest(rows=sessions(1)))
        error = await b.refused("RunJob", pb.JobRequest(job="daily_sessions"))
        assert (error.code, error.where) == ("PAI301", "job:daily_sessions")
        assert b.rows("SELECT count(*) FROM core.daily_sessions") == [(0,)]
        assert not b.seen.of("read", "warehouse:core.sessions")
        (asked,) = b.policy.judged
        assert asked.statements[0].startswith("INSERT OR REPLACE INTO core.daily_sessions")
        assert "core.sessions#utterance" in asked.reads and "core.daily_sessions#ds" in asked.writes
        tables = {table.name: {column.name: column for column in table.columns} for table in asked.tables}
        assert set(tables) == {"core.sessions", "core.daily_sessions"}
        assert tables["core.sessions"]["utterance"].annotations == ["GLASSES_INTERACTION"]
        assert all(column.annotated for table in tables.values() for column in table.values())
        assert [(table.subject, table.snapshot != "") for table in asked.tables] == [("wearer", True)] * 2


async def test_a_policy_service_that_is_away_refuses(tmp_path: Path) -> None:
    async with bench(tmp_path, policy_address="127.0.0.1:1") as b:
        error = await b.refused("RunJob", pb.JobRequest(job="daily_sessions"))
        assert error.code == "PAI305" and not b.seen.of("read", "warehouse:core.sessions")


async def test_a_job_may_make_a_table_with_labels(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b("Append", pb.AppendRequest(rows=sessions(1)))
        sql = HEADER + EXTRA + "INSERT INTO core.extra SELECT wearer, utterance FROM core.sessions;"
        for _ in range(2):
            await b("RunJob", pb.JobRequest(sql=sql))
        assert b.rows("SELECT * FROM core.extra") == [("w", "Question 1?")] * 2
        described = await b("Describe", pb.DescribeRequest(table="core.extra"))
        who = described.columns[0]
        assert (who.name, who.category, who.annotations) == ("who", "user.identifier", ["GLASSES_INTERACTION"])


@pytest.mark.parametrize(("sql", "code"), [
    (HEADER + EXTRA + "INSERT INTO core.extra SELECT nothing FROM core.sessions;", "PAI021"),
    (HEADER.replace("assistance", "ads_ranking") + EXTRA
     + "INSERT INTO core.extra SELECT wearer, 1 FROM core.sessions;", "PAI301"),
    (HEADER + EXTRA, "PAI021"), (HEADER + "CREATE TABLE core.extra AS SELECT * FROM core.sessions", "PAI022"),
    (HEADER + EXTRA.replace("core.", "other.") + "SELECT 1;", "PAI022"), ("SELECT 1", "PAI022"),
])
async def test_a_job_that_is_refused_leaves_nothing(tmp_path: Path, sql: str, code: str) -> None:
    async with bench(tmp_path) as b:
        assert (await b.refused("RunJob", pb.JobRequest(sql=sql))).code == code
        assert b.rows("SELECT count(*) FROM core.sqlite_master WHERE name = 'extra'") == [(0,)]
        assert (await b.refused("Describe", pb.DescribeRequest(table="core.extra"))).code == "PAI020"


@pytest.mark.parametrize(("making", "what"), [
    ("CREATE VIEW core.extra AS SELECT utterance FROM core.sessions;", "CREATE VIEW: a job makes tables"),
    ("CREATE TEMP VIEW extra AS SELECT utterance FROM core.sessions;", "CREATE TEMP VIEW"),
    ("CREATE TEMPORARY TABLE extra AS SELECT utterance FROM core.sessions;", "CREATE TEMPORARY TABLE"),
    ("CREATE TABLE core.extra AS SELECT utterance FROM core.sessions;", "CREATE TABLE core.extra AS"),
    ("CREATE TRIGGER core.extra AFTER INSERT ON core.sessions BEGIN SELECT 1; END;", "CREATE TRIGGER"),
    ("CREATE UNIQUE INDEX core.extra ON sessions (wearer);", "CREATE UNIQUE INDEX"),
    ("CREATE VIRTUAL TABLE core.extra USING fts5(a);", "CREATE VIRTUAL TABLE"),
    ("CREATE TABLE core.extra (\n  who TEXT\n);", "no label"),
    # To the engine this is core.sessions, which a refused job must not take down with it either.
    ("CREATE TABLE core.Sessions (\n  utterance TEXT  -- operational:note\n);", "there is a table core.sessions"),
    ("CREATE TABLE IF NOT EXISTS core.sessions (\n  utterance TEXT  -- operational:note\n);", "another type or label"),
    ("CREATE TABLE core.sessions (\n  Utterance TEXT  -- operational:note\n);", "written otherwise"),
    ("CREATE TABLE core.sessions (\n  mood TEXT NOT NULL  -- operational:note\n);", "leave NOT NULL out"),
])
async def test_what_would_go_by_another_name_or_without_a_label_is_not_made(tmp_path: Path, making: str,
                                                                          what: str) -> None:
    async with bench(tmp_path) as b:
        await b("Append", pb.AppendRequest(rows=sessions(1)))
        error = await b.refused("RunJob", pb.JobRequest(sql=f"{HEADER}{making}\nSELECT nothing FROM core.sessions;"))
        assert error.code == "PAI022" and what in error.what
        assert b.rows("SELECT session FROM core.sessions") == [("s1",)]
        assert b.rows("SELECT count(*) FROM core.sqlite_master WHERE name = 'extra'") == [(0,)]


MOOD = "CREATE TABLE IF NOT EXISTS core.sessions (\n  mood TEXT  -- user.utterance GLASSES_INTERACTION\n);\n"


async def test_a_job_may_give_a_table_columns_with_labels(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b("Append", pb.AppendRequest(rows=sessions(1)))
        for _ in range(2):  # the second time it has them
            await b("RunJob", pb.JobRequest(sql=f"{HEADER}{MOOD}UPDATE core.sessions SET mood = utterance;"))
        assert b.rows("SELECT mood FROM core.sessions") == [("Question 1?",)]
        described = (await b("Describe", pb.DescribeRequest(table="core.sessions"))).columns[-1]
        assert (described.name, list(described.annotations)) == ("mood", ["GLASSES_INTERACTION"])
        await b("Append", pb.AppendRequest(rows=sessions(2)))
        assert b.rows("SELECT mood FROM core.sessions WHERE session = 's2'") == [(None,)]


async def test_a_refused_job_gives_a_table_no_column(tmp_path: Path) -> None:
    sql = f"{HEADER}{MOOD}UPDATE core.sessions SET mood = utterance;"
    async with bench(tmp_path) as b:
        before = (await b("Describe", pb.DescribeRequest(table="core.sessions"))).columns
        for refused in (sql.replace("assistance", "ads_ranking"), sql.replace("= utterance", "= nothing")):
            await b.refused("RunJob", pb.JobRequest(sql=refused))
            assert (await b("Describe", pb.DescribeRequest(table="core.sessions"))).columns == before
            assert len(b.rows("PRAGMA core.table_info(sessions)")) == len(before)


async def test_a_job_is_done_whole_or_not_at_all(tmp_path: Path) -> None:
    """The day is emptied and filled again; where it cannot be filled, it is as it was."""
    fill = ("INSERT INTO core.profiles (wearer, name, language, region, updated_at, _key) "
            "VALUES ('w', {}, 'x', 'x', 'x', 'k');")
    sql = (f"{HEADER}CREATE TABLE core.extra (\n  n INTEGER  -- operational:count\n);\n"
           f"DELETE FROM core.profiles;\nINSERT INTO core.extra SELECT count(*) FROM core.sessions;\n{fill}")
    async with bench(tmp_path) as b:
        await b("RunJob", pb.JobRequest(sql=HEADER + fill.format("'before'")))
        error = await b.refused("RunJob", pb.JobRequest(sql=sql.replace("{}", "NULL")))
        assert error.code == "PAI021" and "changed nothing" in error.what
        assert b.rows("SELECT name FROM core.profiles") == [("before",)]
        assert b.rows("SELECT count(*) FROM core.sqlite_master WHERE name = 'extra'") == [(0,)]
        undone = [*b.seen.of("write", "warehouse:core.extra"), *b.seen.of("read", "warehouse:core.sessions")]
        assert undone and all(op.detail["error"] == "InputError" for op in undone), "what did not count is no flow"
        await b("RunJob", pb.JobRequest(sql=sql.replace("{}", "'after'")))
        assert b.rows("SELECT name FROM core.profiles") == [("after",)]


async def test_a_job_is_judged_on_behalf_of_its_owner(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b("RunJob", pb.JobRequest(sql="-- query: peek\n-- owner: ann\n-- purpose: safety\nSELECT 1"))
        assert b.policy.judged[0].principal == "ann"


async def test_the_header_may_label_the_table_that_a_job_makes(tmp_path: Path) -> None:
    sql = (HEADER + "-- annotations: GLASSES_INTERACTION\nCREATE TABLE core.extra (\n  n INTEGER\n);\n"
           "INSERT INTO core.extra SELECT count(*) FROM core.sessions;")
    async with bench(tmp_path) as b:
        await b("RunJob", pb.JobRequest(sql=sql))
        (column,) = (await b("Describe", pb.DescribeRequest(table="core.extra"))).columns
        assert (column.category, list(column.annotations)) == ("operational:derived", ["GLASSES_INTERACTION"])


async def test_a_query_uses_and_writes_nothing(tmp_path: Path) -> None:
    sql = "-- query: peek\n-- owner: ann\n-- purpose: {}\nSELECT utterance FROM core.sessions"
    async with bench(tmp_path) as b:
        await b("Append", pb.AppendRequest(rows=sessions(1, 2)))
        assert (await b("RunJob", pb.JobRequest(sql=sql.format("safety")))).rows == 2
        (read,) = b.seen.of("read", "warehouse:core.sessions")
        assert (read.context.activity, read.fields, read.rows) == ("query:peek", ("utterance",), 2)
        assert list(b.policy.judged[0].reads) == ["core.sessions#utterance"] and not b.policy.judged[0].writes
        assert (await b.refused("RunJob", pb.JobRequest(sql=sql.format("ads_ranking")))).code == "PAI301"


async def test_an_unknown_job_is_named_with_those_there_are(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        for name in ("none", "../jobs/daily_sessions", ""):
            error = await b.refused("RunJob", pb.JobRequest(job=name))
            assert error.code == "PAI012" and "daily_sessions" in error.what


async def test_a_read_gives_the_columns_asked_for_and_their_keys(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b("Append", pb.AppendRequest(rows=sessions(1, 2)))
        request = pb.ReadRequest(table="core.sessions", columns=["answer", "utterance"], activity="training:x")
        rows = (await b("Read", request)).rows
        assert typed.cells(rows) == [["That.", "Question 1?"], ["That.", "Question 2?"]]
        assert [row.key for row in rows.rows] == [f"{1:032x}", f"{2:032x}"]
        (read,) = b.seen.of("read", "warehouse:core.sessions")
        assert read.fields == ("answer", "utterance", "_key") and read.keys == tuple(row.key for row in rows.rows)
        assert read.context.activity == "training:x"
        response = b.seen.of("write", "rpc:warehouse.Read.response")[0]
        assert dict(response.links)["core.sessions.utterance"] == ("warehouse:core.sessions#utterance",)


@pytest.mark.parametrize("request_", [
    pb.ReadRequest(table="core.sessions"), pb.ReadRequest(table="core.sessions", columns=["answer", "answer"]),
    pb.ReadRequest(table="core.none", columns=["a"]), pb.ReadRequest(table="core.sessions", columns=["1; DROP"]),
    pb.ReadRequest(table="core.sessions", columns=["answer"], activity="web:ask"),
    pb.ReadRequest(table="core.sessions", columns=["answer"], activity="nonsense"),
])
async def test_a_malformed_read_is_refused(tmp_path: Path, request_: pb.ReadRequest) -> None:
    async with bench(tmp_path) as b:
        assert (await b.refused("Read", request_)).code in ("PAI001", "PAI004")


async def test_describing_touches_no_table(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        before = list(b.store.touched)
        described = await b("Describe", pb.DescribeRequest(table="core.sessions"))
        assert b.store.touched == before
        assert {c.name: c.category for c in described.columns}["region"] == "operational:region"


async def test_the_warehouses_own_function_is_no_jobs(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sql = "-- query: q\n-- owner: o\n-- purpose: safety\nSELECT Sightline_Consents('w') FROM core.sessions"
        error = await b.refused("RunJob", pb.JobRequest(sql=sql))
        assert error.code == "PAI021" and "own function" in error.what
