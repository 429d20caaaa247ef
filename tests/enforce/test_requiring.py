"""The rulebook over real gRPC: every node follows, what is required is kept, and who does not apply it is named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import grpc.aio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.enforce import following
from lineage.enforce.following import Follower
from lineage.enforce.lines import CUT
from lineage.enforce.requirement import parse
from lineage.enforce.requiring import KEPT, MAX_TEXT, RulebookService
from lineage.enforce.rulebook import Rulebook
from lineage.privacylib import Capture, MemorySink, PrivacyLib
from protos import following_pb2, following_pb2_grpc, rulebook_pb2, rulebook_pb2_grpc
from tests.enforce.test_pes import Files
from tests.services.fakes import META, stub

PATH = KEPT.partition(":")[2]


def text(version: int, name: str = "r", mode: str = "enforcement", more: str = "") -> str:
    return (f"requirement: {name}\nversion: {version}\nowner: o\nzone: z\nmode: {mode}\ngoverns: [G]\n"
            f"permit: {{purposes: [assistance]}}\n{more}")


class Policy(NamedTuple):
    service: RulebookService
    book: Rulebook
    sink: MemorySink
    address: str
    asked: Any

    async def require(self, sent: str) -> Any:
        return await self.asked.Require(rulebook_pb2.RequireRequest(text=sent), metadata=META, timeout=20)

    def findings(self) -> list[str]:
        return codes(self.sink)


def codes(sink: MemorySink) -> list[str]:
    return [json.loads(record.detail)["code"] for record in sink.records if record.site.op == "finding"]


@asynccontextmanager
async def policy(files: Files | None = None, *deployed: str, wait: float = 5.0,
                 address: str = "127.0.0.1:0") -> AsyncIterator[Policy]:
    sink, book = MemorySink(), Rulebook(parse(one, Path("x")) for one in deployed)
    lib = PrivacyLib("policy", [Capture(sink)])
    service = RulebookService(lib, book, deployed, files or Files(), wait)
    server = grpc.aio.server()
    service.register(lib.server(server), server)
    await service.start()
    port = server.add_insecure_port(address)
    await server.start()
    try:
        async with stub(rulebook_pb2_grpc.RulebookStub, f"127.0.0.1:{port}") as asked:
            yield Policy(service, book, sink, f"127.0.0.1:{port}", asked)
    finally:
        await server.stop(None)


@asynccontextmanager
async def node(name: str, address: str, first: float = 5.0, *deployed: str,
               ) -> AsyncIterator[tuple[Follower, Rulebook, MemorySink]]:
    sink, book = MemorySink(), Rulebook(parse(one, Path("x")) for one in deployed)
    follower = Follower(PrivacyLib(name, [Capture(sink)]), book, address, deployed)
    try:
        await follower.start(first)
        yield follower, book, sink
    finally:
        await follower.stop()


async def until(true: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if true():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never came to be true")


async def test_every_node_judges_by_it_when_require_answers() -> None:
    async with policy(None, text(3)) as p:
        async with node("web", p.address) as (_, web, _), node("logger", p.address) as (follower, logger, _):
            assert web.rules.versions == ("r@3",)  # what is in force, before the node serves
            answer = await p.require(text(1, "s", "logging"))
            assert p.book.rules.versions == web.rules.versions == logger.rules.versions == ("r@3", "s@1")
            assert follower.texts == (text(3), text(1, "s", "logging"))
            assert answer.requirement == "s@1" and list(answer.requirements) == ["r@3", "s@1"]
            assert (list(answer.applied), list(answer.late)) == (["logger", "policy", "web"], [])
            await p.require(text(4))
            assert web.rules.versions == ("r@4", "s@1") and p.findings() == []


@pytest.mark.parametrize(("sent", "code", "says"), [
    (text(3), "PAI318", "r@3 is not newer than r@3"),
    (text(2), "PAI318", "not newer"),
    (text(4).replace("governs", "govern"), "PAI022", "did you mean 'governs'"),
    ("", "PAI022", "expected a mapping"),
    ("{", "PAI022", "not YAML"),
    (text(4, more=f"# {'x' * MAX_TEXT}"), "PAI022", "at most 100,000"),
])
async def test_what_is_wrong_is_refused_and_changes_nothing(sent: str, code: str, says: str) -> None:
    files = Files()
    async with policy(files, text(3)) as p, node("web", p.address) as (_, web, _):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await p.require(sent)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        told = json.loads(refused.value.details() or "")
        assert told["code"] == code and says in told["what"]
        assert files.content == {} and p.book.rules.versions == web.rules.versions == ("r@3",)
        assert list((await p.require(text(4))).requirements) == ["r@4"]


async def test_what_was_required_survives_a_restart_and_a_cut_off_line_counts_for_nothing() -> None:
    files = Files()
    async with policy(files, text(3)) as p:
        await p.require(text(4))
        await p.require(text(1, "s"))
    files.content[PATH] = files.content[PATH][:-9]  # killed before s@1 was acknowledged
    async with policy(files, text(3)) as p:
        assert p.book.rules.versions == ("r@4",)
        await p.require(text(2, "s"))
    assert files.content[PATH].count(CUT.encode()) == 1
    async with policy(files, text(3)) as p, node("web", p.address) as (_, web, _):
        assert p.book.rules.versions == web.rules.versions == ("r@4", "s@2")
        assert [record.site.op for record in p.sink.records if record.site.asset == KEPT] == ["asset", "read"]


async def test_what_was_deployed_since_counts_where_it_is_newer() -> None:
    files = Files()
    async with policy(files, text(3)) as p:
        await p.require(text(4))
    async with policy(files, text(9)) as p:
        assert p.book.rules.versions == ("r@9",)


async def test_a_node_that_does_not_apply_it_is_named_after_a_bounded_wait() -> None:
    async with policy(None, text(3), wait=0.2) as p, node("web", p.address):
        async with stub(following_pb2_grpc.FollowingStub, p.address) as silent:
            call = silent.Follow()
            await call.write(following_pb2.Applied(node="deaf"))
            assert (await call.read()).number
            answer = await p.require(text(4))
            assert (list(answer.applied), list(answer.late)) == (["policy", "web"], ["deaf"])
            assert p.findings() == ["PAI319"]
            assert (await call.read()).texts == [text(4)]
            call.cancel()


async def test_a_node_that_went_without_leave_is_named_and_one_that_stopped_is_not(
        monkeypatch: pytest.MonkeyPatch) -> None:
    # A second is not enough to take leave where the machine is busy: the node then goes without.
    monkeypatch.setattr(following, "_LEAVE", 60.0)
    async with policy(None, text(3), wait=60) as p:
        async with node("web", p.address):
            pass
        assert list((await p.require(text(4))).late) == []
        async with stub(following_pb2_grpc.FollowingStub, p.address) as gone:
            call = gone.Follow()
            await call.write(following_pb2.Applied(node="lost"))
            await call.read()
            call.cancel()
        await until(lambda: not p.service._nodes)
        assert list((await p.require(text(5))).late) == ["lost"]
        async with node("lost", p.address, 60):
            assert list((await p.require(text(6))).late) == []


async def test_a_node_that_lost_the_stream_judges_by_what_it_has_says_so_once_and_comes_back() -> None:
    files = Files()
    async with policy(files, text(3)) as p:
        address = p.address
        await p.require(text(4))
    async with node("web", address, 0.1, text(3)) as (_, web, sink):
        assert web.rules.versions == ("r@3",) and codes(sink) == ["PAI320"]
        async with policy(files, text(3), address=address) as p:
            await until(lambda: web.rules.versions == ("r@4",))
            await p.require(text(5))
            assert web.rules.versions == ("r@5",)
        await until(lambda: len(codes(sink)) == 2)
        assert web.rules.versions == ("r@5",)
        async with policy(files, text(3), address=address):
            await until(lambda: web.rules.versions == ("r@5",))
    assert codes(sink) == ["PAI320", "PAI320"]


async def test_what_a_node_cannot_read_is_not_acknowledged() -> None:
    async with policy(None, text(3), wait=0.2) as p, node("web", p.address) as (_, web, sink):
        number = p.service._number
        p.service._texts["odd"] = (parse(text(1, "odd"), Path("x")), "requirement: of another time")
        answer = await p.require(text(4))
        assert p.service._number == number + 1 and list(answer.late) == ["web"]
        assert web.rules.versions == ("r@3",) and codes(sink) == ["PAI320"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("rs"), st.integers(1, 4)), max_size=8))
async def test_the_highest_version_of_each_name_is_in_force_here_there_and_after_a_restart(
        sent: list[tuple[str, int]]) -> None:
    files, expected = Files(), dict[str, int]()
    async with policy(files) as p, node("web", p.address) as (_, web, _):
        for name, version in sent:
            try:
                await p.require(text(version, name))
                assert version > expected.get(name, 0)
            except grpc.aio.AioRpcError:
                assert version <= expected.get(name, 0)
            expected[name] = max(version, expected.get(name, 0))
            versions = tuple(sorted(f"{one}@{number}" for one, number in expected.items()))
            assert p.book.rules.versions == web.rules.versions == versions
    async with policy(files) as p:
        assert p.book.rules.versions == tuple(sorted(f"{one}@{number}" for one, number in expected.items()))
