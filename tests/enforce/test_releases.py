"""A reviewed job over the real policy service, guard, permission service and warehouse: what it claims is counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import grpc
import pytest

from lineage.enforce.guard import Guard
from lineage.enforce.pes import PolicyService
from lineage.enforce.requirement import Requirement
from lineage.enforce.reviewed.job import reviewed
from lineage.enforce.reviewed.reclassification import Reclassification
from lineage.enforce.reviewed.releases import RELEASES, Releases
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Signer, Verifier
from lineage.enforce.wps import WarehousePermission
from lineage.errors import PolicyDenied, SightlineError
from lineage.privacylib import Capture, MemorySink, PrivacyLib
from protos import policy_pb2 as policy_pb
from protos import policy_pb2_grpc
from protos import warehouse_pb2 as pb
from protos import warehouse_pb2_grpc as pb_grpc
from protos.rows_pb2 import Rows
from services import rows as typed
from services.errors import from_rpc
from services.warehouse import catalog
from services.warehouse.job import parse
from services.warehouse.service import TABLES, WarehouseService
from tests.enforce.test_pes import Files
from tests.services.fakes import META, FakeClock, FakeStore, Recorder, serving, stub

SIGNER = Signer("1")
G = "GLASSES_INTERACTION"
COLUMNS = ("session", "wearer", "device", "region", "utterance", "answer", "checkpoint", "asked_at")
JOB = """-- job: counts
-- owner: o
-- purpose: assistance
-- output: dash.counts
-- parameters: ds
CREATE TABLE dash.counts (
  ds TEXT,       -- operational:date
  region TEXT,   -- operational:region
  n INTEGER      -- operational:count
);
DELETE FROM dash.counts WHERE ds = :ds;
INSERT INTO dash.counts (ds, region, n)
SELECT :ds, region, count(DISTINCT wearer) FROM core.sessions WHERE asked_at <= :ds GROUP BY region%s;
"""
PLAIN, KEPT = JOB % "", JOB % " HAVING count(DISTINCT wearer) >= 3"


def entry(text: str, **more: Any) -> Reclassification:
    """As a careless reviewer would write it: the digests are right, whatever the text does."""
    tables = catalog.load(TABLES)
    job = parse(text, "sql")
    made = catalog.parse(job.statements[0][1], "sql")
    digest, inputs, _ = reviewed([sql for _, sql in job.statements[1:]], {
        table.name: [(one.name, one.label.annotations, one.label.annotated, one.type) for one in table.columns.values()]
        for table in (*tables.values(), made)})
    made_of = Reclassification("warehouse:core.sessions#wearer", "warehouse:dash.counts", frozenset({G}), digest,
                               inputs, "ann", "counted", date(2026, 12, 31), sql="counts", k=3, of="wearer")
    return replace(made_of, **more)


class Bench:
    def __init__(self, warehouse: Any, policy: Any, store: FakeStore, seen: Recorder) -> None:
        self._warehouse, self.policy, self.store, self.seen = warehouse, policy, store, seen

    async def ask(self, day: int, wearers: str, region: str = "NO") -> None:
        for wearer in wearers:
            key = f"{day:02x}{ord(wearer):030x}"
            row = (key, wearer, "g", region, "Question?", "That.", "a@1", f"2026-03-0{day}")
            await self._warehouse.Append(pb.AppendRequest(rows=_rows(key, row)), metadata=META, timeout=5)

    async def run(self, text: str, ds: int = 1) -> str:
        """The code of the refusal, and its reason, or nothing."""
        try:
            await self._warehouse.RunJob(pb.JobRequest(sql=text, parameters={"ds": f"2026-03-0{ds}"}), metadata=META,
                                         timeout=5)
        except grpc.aio.AioRpcError as error:
            told: SightlineError = from_rpc(error, "warehouse")
            assert isinstance(told, PolicyDenied), told
            return str(told)
        return ""

    def counts(self) -> list[tuple[Any, ...]]:
        try:
            return self.store.execute("SELECT ds, region, n FROM dash.counts ORDER BY 1, 2")
        except Exception as error:
            assert "no such table" in str(error)
            return []


def _rows(key: str, row: tuple[str, ...]) -> Rows:
    return typed.make("core.sessions", COLUMNS, [(key, row)])


@asynccontextmanager
async def bench(folder: Path, *entries: Reclassification, checks: bool = True, mode: str = "enforcement",
                consent: tuple[str, ...] = ()) -> AsyncIterator[Bench]:
    rules = Rules([Requirement("r", 1, "o", "z", mode, frozenset({G}), frozenset({"assistance"}),  # type: ignore[arg-type]
                               consent=consent, reclassify=entries)])
    today = date(2026, 3, 9)
    policy_lib = PrivacyLib("policy", [Capture(MemorySink())])
    policy = PolicyService(policy_lib, rules, SIGNER, Files(), today=lambda: today)
    seen, store, verifier = Recorder(), FakeStore(folder), Verifier(SIGNER.public_key)
    lib = PrivacyLib("warehouse", [seen, Guard(rules, verifier, today=lambda: today)])
    async with serving(lambda server: policy.register(policy_lib.server(server))) as address:
        async with stub(policy_pb2_grpc.PolicyStub, address, lib) as to_policy:
            service = WarehouseService(lib, store, FakeClock(), to_policy,
                                       permission=WarehousePermission(lib, rules, verifier),
                                       releases=Releases(lib, rules, store, "key") if checks else None)
            async with serving(lambda server: service.register(lib.server(server))) as own:
                async with stub(pb_grpc.WarehouseStub, own) as warehouse, stub(
                        policy_pb2_grpc.PolicyStub, address) as asked:
                    await service.start()
                    yield Bench(warehouse, asked, store, seen)
                    await service.stop()


async def test_a_claim_is_counted_on_the_rows_and_a_careless_review_frees_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path, entry(PLAIN)) as b:
        await b.ask(1, "abc")
        await b.ask(1, "xy", region="SE")
        told = await b.run(PLAIN)
        assert told.startswith("PAI316") and "a row of it stands for 2, and 3 are claimed" in told
        assert b.counts() == [] and not b.store.exists("releases.jsonl")
        # What was undone was no operation, and the refusal is a decision.
        assert all(op.silent for op in b.seen.of("write", "warehouse:dash"))
        assert [op.detail["code"] for op in b.seen.of("decision") if op.detail["verdict"] == "blocked"] == ["PAI316"]
        await b.ask(1, "z", region="SE")
        assert await b.run(PLAIN) == "" and b.counts() == [("2026-03-01", "NO", 3), ("2026-03-01", "SE", 3)]


@pytest.mark.parametrize("name", ["counts", '"Counts"', "DASH.counts", "[dash].[COUNTS]"])
async def test_a_claim_is_counted_however_the_text_names_what_it_writes(name: str, tmp_path: Path) -> None:
    text = PLAIN.replace("INSERT INTO dash.counts", f"INSERT INTO {name}")
    async with bench(tmp_path, entry(text)) as b:
        await b.ask(1, "a")
        assert (await b.run(text)).startswith("PAI316") and b.counts() == []
    text = text.replace("DELETE FROM dash.counts WHERE ds = :ds", f"DELETE FROM {name} WHERE n IN (SELECT 1 FROM "
                        "core.sessions WHERE wearer = :ds)")
    (tmp_path / "other").mkdir()
    async with bench(tmp_path / "other", entry(text)) as b:
        await b.ask(1, "abc")
        assert "it is not an INSERT" in await b.run(text)


async def test_small_groups_that_are_left_out_are_no_violation(tmp_path: Path) -> None:
    async with bench(tmp_path, entry(KEPT)) as b:
        await b.ask(1, "abc")
        await b.ask(1, "xy", region="SE")
        assert await b.run(KEPT) == "" and b.counts() == [("2026-03-01", "NO", 3)]
        assert await b.run(KEPT) == ""  # the same again tells nothing new
        assert b.store.read("releases.jsonl").count(b"\n") == 1
        kept = b.seen.of("write", RELEASES)[0]
        assert dict(kept.links)["subject"] == ("warehouse:core.sessions#wearer",)
        counting = [op for op in b.seen.of("read", "warehouse:core.sessions") if op.detail.get("aside")]
        assert counting and set(counting[0].fields) >= {"wearer", "_key"} and "utterance" not in counting[0].fields


@pytest.mark.parametrize(("again", "n"), [("d", 1), ("a", 1), ("de", 2), ("def", 0), ("abc", 0)])
async def test_a_difference_to_an_earlier_release_counts_too_also_after_a_restart(again: str, n: int,
                                                                                  tmp_path: Path) -> None:
    for second in (False, True):
        async with bench(tmp_path, entry(KEPT)) as b:
            if not second:
                await b.ask(1, "abcghi")
                assert await b.run(KEPT, 1) == ""
                continue
            await b.ask(2, again)
            told = await b.run(KEPT, 2)
            if n:
                assert told.startswith("PAI316") and f"its difference to an earlier release is of {n}" in told
                assert len(b.counts()) == 1
            else:
                assert told == "" and len(b.counts()) == 2


async def test_a_withdrawal_between_two_releases_is_a_difference(tmp_path: Path) -> None:
    async with bench(tmp_path, entry(KEPT), consent=("assistance",)) as b:
        await b.ask(1, "abcd")
        assert await b.run(KEPT) == ""
        await b.policy.Consent(policy_pb.ConsentRequest(wearer="a", purpose="assistance", granted=False), metadata=META)
        assert "its difference to an earlier release is of 1" in await b.run(KEPT)
        assert b.counts() == [("2026-03-01", "NO", 4)]


@pytest.mark.parametrize(("change", "said"), [
    ({"of": "nobody"}, "core.sessions has no column nobody"), ({"k": 2}, ""), ({"k": 0, "of": ""}, "")])
async def test_what_cannot_be_told_is_refused(change: Mapping[str, Any], said: str, tmp_path: Path) -> None:
    async with bench(tmp_path, entry(PLAIN, **change)) as b:
        await b.ask(1, "ab")
        told = await b.run(PLAIN)
        assert (told == "") == (not said) and said in told and bool(b.counts()) == (not said)


@pytest.mark.parametrize("select", [
    "SELECT :ds, max(wearer), 1 FROM core.sessions", "SELECT DISTINCT :ds, wearer, 1 FROM core.sessions",
    "SELECT :ds, wearer, 1 FROM core.sessions"])
async def test_a_reviewed_text_that_gives_somebodys_own_value_is_refused(select: str, tmp_path: Path) -> None:
    text = JOB[:JOB.index("SELECT :ds")] + select + ";\n"
    async with bench(tmp_path, entry(text)) as b:
        await b.ask(1, "abcd")
        assert (await b.run(text)).startswith("PAI316") and b.counts() == []


async def test_what_is_deleted_by_governed_data_tells_of_it_too(tmp_path: Path) -> None:
    text = JOB[:JOB.index("DELETE")] + ("DELETE FROM dash.counts WHERE region IN (SELECT region FROM core.sessions "
                                        "WHERE wearer = :ds);\n")
    async with bench(tmp_path, entry(text)) as b:
        await b.ask(1, "abcd")
        assert "it is not an INSERT" in await b.run(text)


async def test_without_anybody_who_counts_nothing_reviewed_runs(tmp_path: Path) -> None:
    async with bench(tmp_path, entry(KEPT), checks=False) as b:
        await b.ask(1, "abc")
        assert (await b.run(KEPT)).startswith("PAI316") and b.counts() == []


@pytest.mark.parametrize(("change", "said"), [
    ({"digest": "0" * 64}, "the transformation has changed"), ({"inputs": "0" * 64}, "the schema and the labels"),
    ({"until": date(2026, 3, 8)}, "it ended on 2026-03-08, and it is 2026-03-09"),
    ({"source": "warehouse:core.sessions#utterance"}, ""), ({"sql": "other"}, "")])
async def test_a_void_review_lets_nothing_through(change: Mapping[str, Any], said: str, tmp_path: Path) -> None:
    async with bench(tmp_path, entry(KEPT, **change)) as b:
        await b.ask(1, "abc")
        told = await b.run(KEPT)
        assert told.startswith("PAI315" if said else "PAI302") and said in told and b.counts() == []


async def test_the_text_that_is_told_has_to_be_the_one_that_runs(tmp_path: Path) -> None:
    """Whoever asks for a token may say that something else was reviewed: then it is as if nothing was."""
    async with bench(tmp_path, entry(KEPT)) as b:
        tables = [catalog.load(TABLES)["core.sessions"], catalog.parse(parse(KEPT, "sql").statements[0][1], "sql")]
        told = [policy_pb.JudgedTable(name=one.name, snapshot="1", columns=[policy_pb.JudgedColumn(
            name=column.name, type=column.type, annotations=column.label.annotations, annotated=column.label.annotated)
            for column in one.columns.values()]) for one in tables]
        written = [sql for _, sql in parse(KEPT, "sql").statements[1:]]
        good = [sql for _, sql in parse(KEPT, "sql").bound({"ds": "2026-03-01"}).statements[1:]]
        for ran, given, code in ((good, {"ds": "2026-03-01"}, ""), (good, {"ds": "2026-03-02"}, "PAI315"),
                                 (good, {}, "PAI315"), ([good[0], good[1].replace("3", "1")], {"ds": "2026-03-01"},
                                                        "PAI315")):
            verdict = await b.policy.Judge(policy_pb.JudgeRequest(
                activity="job:counts", purpose="assistance", principal="o", statements=ran, written=written,
                parameters=given, tables=told), metadata=META)
            assert verdict.code == code, verdict.reason


@pytest.mark.parametrize(("more", "code"), [(" /* :p", "PAI306"), (" /* :p */", "PAI315"), (" AND ':p", "PAI306")])
async def test_a_parameter_within_a_comment_is_no_way_out_of_a_review(more: str, code: str, tmp_path: Path) -> None:
    """Whoever asks for a token says what was put in, and could say that a comment ended there."""
    async with bench(tmp_path, entry(KEPT, k=0, of="")) as b:
        tables = [catalog.load(TABLES)["core.sessions"], catalog.parse(parse(KEPT, "sql").statements[0][1], "sql")]
        told = [policy_pb.JudgedTable(name=one.name, snapshot="1", columns=[policy_pb.JudgedColumn(
            name=column.name, type=column.type, annotations=column.label.annotations, annotated=column.label.annotated)
            for column in one.columns.values()]) for one in tables]
        written = [sql for _, sql in parse(KEPT, "sql").statements[1:]]
        ran = [sql for _, sql in parse(KEPT, "sql").bound({"ds": "x"}).statements[1:]]
        text = "*/ UNION ALL SELECT 7, wearer, 1 FROM core.sessions --"
        written[1] += more
        ran[1] += f" /* '{text}'" + ("\n" if more.endswith("*/") else "")
        verdict = await b.policy.Judge(policy_pb.JudgeRequest(
            activity="job:counts", purpose="assistance", principal="o", statements=ran, written=written,
            parameters={"ds": "x", "p": text}, tables=told), metadata=META)
        assert not verdict.allowed and verdict.code == code, verdict.reason


async def test_logging_mode_checks_no_claim(tmp_path: Path) -> None:
    async with bench(tmp_path, entry(PLAIN), mode="logging") as b:
        await b.ask(1, "a")
        assert await b.run(PLAIN) == "" and b.counts() == [("2026-03-01", "NO", 1)]
