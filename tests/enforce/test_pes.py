"""The policy service reads SQL itself: it judges each flow of the semantic tree, and refuses what it cannot read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.enforce.consent import Consents, line
from lineage.enforce.pes import PolicyService
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Signer, Verifier, digest
from lineage.privacylib import Capture, MemorySink, PrivacyLib
from protos import policy_pb2 as pb
from protos import policy_pb2_grpc
from tests.services.fakes import META, serving, stub

SIGNER = Signer("1")


class Files:
    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def read(self, path: str) -> bytes:
        return self.content[path]

    def append(self, path: str, data: bytes) -> None:
        self.content[path] = self.content.get(path, b"") + data

    def exists(self, path: str) -> bool:
        return path in self.content


def table(name: str, *columns: str, subject: str = "") -> pb.JudgedTable:
    """"said!" is governed, "bare?" has no label."""
    return pb.JudgedTable(name=name, subject=subject, snapshot="1", columns=[pb.JudgedColumn(
        name=column.rstrip("!?"), type="TEXT", annotations=["G"] if column.endswith("!") else [],
        annotated=not column.endswith("?")) for column in columns])


TABLES = [table("core.a", "id", "said!", "who!", subject="who"), table("core.b", "id", "said!"), table("core.c", "id"),
          table("core.u", "id", "odd?")]


@asynccontextmanager
async def policy(files: Files | None = None, mode: str = "enforcement", consent: tuple[str, ...] = ("assistance",),
                 ) -> AsyncIterator[Any]:
    rules = Rules([Requirement("r", 1, "o", "z", mode, frozenset({"G"}),  # type: ignore[arg-type]
                               frozenset({"assistance", "safety"}), consent=consent)])
    lib = PrivacyLib("policy", [Capture(MemorySink())])
    service = PolicyService(lib, rules, SIGNER, files or Files())
    await service.start()
    async with serving(lambda server: service.register(lib.server(server))) as address:
        async with stub(policy_pb2_grpc.PolicyStub, address) as asked:
            yield asked


async def judge(asked: Any, *statements: str, purpose: str = "assistance", **more: Any) -> pb.Verdict:
    return await asked.Judge(pb.JudgeRequest(activity="job:j", purpose=purpose, principal="ann", statements=statements,
                                             tables=TABLES, **more), metadata=META)


@pytest.mark.parametrize(("sql", "code"), [
    ("INSERT INTO core.b (id, said) SELECT id, said FROM core.a", ""),
    ("INSERT INTO core.b (id) SELECT id FROM core.a", ""),
    ("INSERT INTO core.c (id) SELECT id FROM core.a", ""),
    # A value, a filter, a join key, a group, an order with a limit, a count: each tells of what was said.
    ("INSERT INTO core.c (id) SELECT said FROM core.a", "PAI302"),
    ("INSERT INTO core.c (id) SELECT id FROM core.a WHERE said = 'x'", "PAI302"),
    ("INSERT INTO core.c (id) SELECT c.id FROM core.c AS c JOIN core.a AS a ON a.said = c.id", "PAI302"),
    ("INSERT INTO core.c (id) SELECT max(id) FROM core.a GROUP BY said", "PAI302"),
    ("INSERT INTO core.c (id) SELECT id FROM core.a ORDER BY said LIMIT 1", "PAI302"),
    ("INSERT INTO core.c (id) SELECT count(*) FROM core.a", "PAI302"),
    ("DELETE FROM core.c WHERE id IN (SELECT said FROM core.a)", "PAI302"),
    ("UPDATE core.c SET id = (SELECT said FROM core.a)", "PAI302"),
    ("SELECT said FROM core.a", ""),
    ("SELECT odd FROM core.u", "PAI304"),
    ("SELECT nothing FROM core.a", "PAI306"), ("SELECT 1 FROM core.none", "PAI306"), ("SELEC 1", "PAI306"),
    ("SELECT 1; SELECT 2", "PAI306"), ("", "PAI306"),
])
async def test_each_flow_is_judged(sql: str, code: str) -> None:
    async with policy() as asked:
        verdict = await judge(asked, sql)
        assert (verdict.code, verdict.allowed, verdict.token != b"") == (code, not code, not code)


async def test_a_flow_over_two_statements_is_judged_where_it_happens() -> None:
    async with policy() as asked:
        verdict = await judge(asked, "INSERT INTO core.b (id, said) SELECT id, said FROM core.a",
                              "INSERT INTO core.c (id) SELECT said FROM core.b")
        assert verdict.code == "PAI302" and "core.b#said → warehouse:core.c#id" in verdict.reason


async def test_use_is_judged_even_when_nothing_is_written() -> None:
    async with policy() as asked:
        assert (await judge(asked, "SELECT id FROM core.a WHERE said = 'x'", purpose="ads_ranking")).code == "PAI301"
        assert (await judge(asked, "SELECT id FROM core.c", purpose="ads_ranking")).allowed


async def test_what_only_the_engine_knows_of_is_judged_too() -> None:
    async with policy() as asked:
        sql = "INSERT INTO core.c (id) SELECT id FROM core.a"
        assert (await judge(asked, sql, reads=["core.a#said"], purpose="ads_ranking")).code == "PAI301"
        assert (await judge(asked, sql, reads=["core.a#said"], writes=["core.c#id"])).allowed
        assert (await judge(asked, "SELECT said FROM core.a", writes=["core.c#id"])).code == "PAI302"


async def test_a_token_says_what_it_is_bound_to() -> None:
    async with policy() as asked:
        sql = "INSERT INTO core.b (id, said) SELECT id, said FROM core.a"
        first, second = [Verifier(SIGNER.public_key).claims((await judge(asked, sql, lifetime=5)).token)
                         for _ in range(2)]
        assert first is not None and second is not None
        assert first.statement == digest([sql]) and first.outputs == ("warehouse:core.b#id", "warehouse:core.b#said")
        assert set(first.inputs) == {"warehouse:core.a#id", "warehouse:core.a#said", "warehouse:core.a#who"}
        assert (first.consenting, first.expires - first.issued) == (("core.a",), 5)
        assert first.nonce != second.nonce
        assert {one.rpartition("/")[0] for one in first.snapshots} == {f"{one.name}=1" for one in TABLES}
        # The labels that were judged are in it: with others it is another snapshot.
        told = [table("core.a", "id", "said", "who!", subject="who"), *TABLES[1:]]
        lied = Verifier(SIGNER.public_key).claims((await asked.Judge(pb.JudgeRequest(
            activity="job:j", purpose="assistance", principal="ann", statements=[sql], tables=told),
            metadata=META)).token)
        assert lied is not None and len(set(lied.snapshots) - set(first.snapshots)) == 1


@pytest.mark.parametrize(("purpose", "consenting"), [("assistance", ("core.a",)), ("safety", ())])
async def test_consent_is_needed_only_where_a_requirement_asks_for_it(purpose: str, consenting: tuple[str]) -> None:
    async with policy() as asked:
        claims = Verifier(SIGNER.public_key).claims((await judge(asked, "SELECT said FROM core.a",
                                                                 purpose=purpose)).token)
        assert claims is not None and claims.consenting == consenting


async def test_logging_mode_lets_through_what_it_cannot_read() -> None:
    async with policy(mode="logging") as asked:
        assert (await judge(asked, "SELEC 1")).allowed


async def test_a_withdrawal_is_durable_and_begins_an_epoch() -> None:
    files = Files()
    async with policy(files) as asked:
        for wearer, granted, epoch in (("w1", False, 1), ("w1", False, 1), ("w2", False, 2), ("w1", True, 3)):
            answer = await asked.Consent(pb.ConsentRequest(wearer=wearer, purpose="assistance", granted=granted),
                                         metadata=META)
            assert answer.epoch == epoch
    async with policy(files) as asked:
        told = await asked.Withdrawn(pb.WithdrawnRequest(purpose="assistance"), metadata=META)
        assert (told.epoch, told.changed, list(told.wearers)) == (3, True, ["w2"])
        same = await asked.Withdrawn(pb.WithdrawnRequest(purpose="assistance", epoch=3, known=True), metadata=META)
        assert (same.changed, list(same.wearers)) == (False, [])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["p", "q"]), st.booleans()), max_size=20))
def test_the_registry_is_what_was_said_last(changes: list[tuple[str, str, bool]]) -> None:
    last: dict[tuple[str, str], bool] = {}
    consents = Consents()
    for wearer, purpose, granted in changes:
        before = consents.epoch
        changed = last.get((wearer, purpose), True) != granted
        assert consents.set(wearer, purpose, granted) == before + changed
        last[wearer, purpose] = granted
    again = Consents(line(*change).strip() for change in changes)
    for purpose in ("p", "q"):
        gone = tuple(sorted(wearer for (wearer, of), granted in last.items() if of == purpose and not granted))
        assert consents.withdrawn(purpose) == again.withdrawn(purpose) == gone


async def test_a_line_that_was_cut_off_loses_nothing_that_was_acknowledged() -> None:
    files = Files()
    files.append("consent.jsonl", (line("w1", "assistance", False) + line("w2", "assistance", False)[:20]).encode())
    for wearer, gone in (("w3", ["w1", "w3"]), ("w4", ["w1", "w3", "w4"])):
        async with policy(files) as asked:
            await asked.Consent(pb.ConsentRequest(wearer=wearer, purpose="assistance", granted=False), metadata=META)
            told = await asked.Withdrawn(pb.WithdrawnRequest(purpose="assistance"), metadata=META)
            assert list(told.wearers) == gone


async def test_what_is_written_needs_consent_too_where_rows_are_worked_on() -> None:
    async with policy() as asked:
        claims = Verifier(SIGNER.public_key).claims((await judge(asked, "UPDATE core.a SET who = 'x'")).token)
        assert claims is not None and claims.consenting == ("core.a",)
        assert (await judge(asked, "SELECT said FROM core.a")).allowed
        odd = await asked.Judge(pb.JudgeRequest(activity="job:j", purpose="assistance", statements=[
            "SELECT said FROM core.a"], tables=[table("core.a", "said!", subject="nobody")]), metadata=META)
        assert odd.code == "PAI306"
