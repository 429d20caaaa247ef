"""Streams over grpc.aio: one scope per RPC at the server, one call per RPC at the client, whatever ends it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from lineage.errors import PolicyDenied
from lineage.privacylib import Capture, Extension, MemorySink, PrivacyLib, exchange
from tests.privacylib.talk import (
    KEY,
    LINKS,
    SOURCES,
    STYLES,
    Floating,
    Heard,
    Refuse,
    Said,
    Servicer,
    TalkStub,
    add_to_server,
    call_of,
    carrying,
    operations,
    said,
)


class Talk(Servicer):
    """Answers each message with its text."""

    def __init__(self, lib: PrivacyLib) -> None:
        super().__init__(lib)
        self.ended: list[str] = []
        self.goes_on = False

    async def Ask(self, request: Any, context: Any) -> Any:
        return Heard(text=request.text)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.left = context.time_remaining()
        try:
            for number in range(int(request.text)):
                await asyncio.sleep(0)
                self.lib.respond({"text": ["rpc:talk.Watch.request#text"]})
                yield Heard(text=str(number))
                self.note()
        finally:
            self.note()
            self.ended.append("Watch")

    async def Upload(self, requests: Any, context: Any) -> Any:
        self.left = context.time_remaining()
        count = 0
        async for _ in requests:
            count += 1
            self.note()
        return Heard(text=str(count))

    async def Ship(self, requests: Any, context: Any) -> Any:
        return Heard(text=str([len(request.rows.rows) async for request in requests]))

    async def Converse(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        self.left = context.time_remaining()
        try:
            async for request in requests:
                if request.text == "abort":
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")
                yield Heard(text=request.text)
                self.note()
        except PolicyDenied as denied:  # a handler that thinks it may go on
            self.caught.append(denied)
            if self.goes_on:
                yield Heard(text="all the same")
        finally:
            self.note()
            self.ended.append("Converse")


class Line:
    """A client's and a server's library, with a real server between them."""

    def __init__(self, servicer: type[Any] = Talk, *, client: tuple[Extension, ...] = (),
                 server: tuple[Extension, ...] = ()) -> None:
        self.sent, self.got = MemorySink(), MemorySink()
        self.client = PrivacyLib("web", [Capture(self.sent), *client], family="A")
        self.server = PrivacyLib("inference", [Capture(self.got), *server], family="B")
        self.talk = servicer(self.server)

    @asynccontextmanager
    async def stub(self) -> AsyncIterator[Any]:
        server = grpc.aio.server()
        add_to_server(self.talk, self.server.server(server))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            self.raw: Any = TalkStub(channel)
            yield TalkStub(self.client.channel(channel))
        await server.stop(0)


async def use(stub: Any, name: str, count: int = 3, **options: Any) -> list[str]:
    """Calls one method, with ``count`` messages wherever it streams; the texts that came back."""
    request: Any = said(count) if STYLES[name].startswith("stream") else Said(text=str(count))
    if name in ("Ask", "Upload"):
        return [(await getattr(stub, name)(request, **options)).text]
    return [response.text async for response in getattr(stub, name)(request, **options)]


@pytest.mark.parametrize(("name", "reads", "writes"), [("Ask", 1, 1), ("Watch", 1, 3), ("Upload", 3, 1),
                                                      ("Converse", 3, 3)])
async def test_each_message_is_an_operation_and_the_rpc_one_call(name: str, reads: int, writes: int) -> None:
    line = Line()
    async with line.stub() as stub:
        with line.client.scope(key=KEY, purpose="assistance"):
            back = await use(stub, name, sources=SOURCES)
    assert len(back) == writes
    server = [op for op in operations(line.got) if op[1] != "file:own"]
    assert sorted(server) == [("read", f"{name}.request")] * reads + [("write", f"{name}.response")] * writes
    got = [record for record in line.got.records if record.site.op in ("read", "write")]
    assert {(record.key, record.purpose) for record in got} == {(KEY, "assistance")}
    assert len({record.scope for record in got}) == 1
    assert {record.site.family for record in got} == {"C"}
    assert operations(line.sent) == [("call", name)]
    call, detail = call_of(line.sent)
    assert (call.key, call.site.family, call.site.links) == (KEY, "C", LINKS)
    assert call.site.fields == ("request.text", "response.text")
    assert call.rows == reads  # a message that carries no rows is one
    assert name == "Ask" or detail["messages"] == {"sent": reads, "received": writes}


@pytest.mark.parametrize("name", STYLES)
async def test_a_stripped_context_is_one_gap_and_an_intact_one_is_none(name: str) -> None:
    line = Line()
    async with line.stub() as stub:
        await use(line.raw, name, timeout=5)
        assert [op for op in operations(line.got) if op[0] == "gap"] == [("gap", f"{name}")]
        with line.client.scope(key=KEY):
            await use(stub, name)
    assert [op for op in operations(line.got) if op[0] == "gap"] == [("gap", f"{name}")]
    assert [op for op in operations(line.sent) if op[0] == "gap"] == []


async def test_a_call_outside_every_scope_is_a_gap_at_the_client() -> None:
    line = Line()
    async with line.stub() as stub:
        await asyncio.create_task(use(stub, "Converse"))
    assert operations(line.sent) == [("gap", "web"), ("call", "Converse")]


async def test_concurrent_streams_keep_their_scopes() -> None:
    line = Line()

    async def one(stub: Any, number: int) -> None:
        with line.client.scope(key=f"{number:032x}"):
            call = stub.Converse()
            for index in range(3):
                await call.write(Said(text=f"{number}/{index}"))
                assert (await call.read()).text == f"{number}/{index}"
            await call.done_writing()
            assert await call.read() is grpc.aio.EOF

    async with line.stub() as stub:
        await asyncio.gather(*(one(stub, number) for number in range(1, 6)))
    by_key = {record.key: [] for record in line.got.records if record.key}  # type: ignore[var-annotated]
    for record in line.got.records:
        if record.key:
            by_key[record.key].append((record.site.op, record.scope))
    assert set(by_key) == {f"{number:032x}" for number in range(1, 6)}
    assert all(len(found) == 10 and len({scope for _, scope in found}) == 1 for found in by_key.values())
    assert len(operations(line.sent)) == 5


@pytest.mark.parametrize("name", ["Watch", "Upload", "Converse"])
async def test_every_stream_has_a_deadline(name: str) -> None:
    line = Line()
    async with line.stub() as stub:
        with line.client.scope(key=KEY):
            await use(stub, name)
    assert line.talk.left is not None
    assert 5 < line.talk.left < 62


async def test_a_stream_over_its_deadline_is_one_call() -> None:
    line = Line()
    async with line.stub() as stub:
        with line.client.scope(key=KEY), pytest.raises(grpc.aio.AioRpcError) as late:
            call = stub.Converse(timeout=0.1)
            await call.write(Said(text="hi"))
            while True:
                await call.read()
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert call_of(line.sent)[1] == {"error": "AioRpcError", "messages": {"sent": 1, "received": 1}}


@pytest.mark.parametrize("reading", [True, False])
async def test_a_cancelled_stream_is_one_call_and_its_handler_is_closed(reading: bool) -> None:
    line = Line()
    unraisable: list[Any] = []
    hook, sys.unraisablehook = sys.unraisablehook, unraisable.append
    try:
        async with line.stub() as stub:
            with line.client.scope(key=KEY):
                call = stub.Converse()
                await call.write(Said(text="hi"))
                await call.read()
                waiting = asyncio.create_task(call.read()) if reading else None
                await asyncio.sleep(0.01)
                call.cancel()
                if waiting is not None:
                    with pytest.raises(asyncio.CancelledError):
                        await waiting
            for _ in range(200):
                if line.talk.ended:
                    break
                await asyncio.sleep(0.01)
    finally:
        sys.unraisablehook = hook
    assert call_of(line.sent)[1] == {"error": "CancelledError", "messages": {"sent": 1, "received": 1}}
    assert line.talk.ended == ["Converse"]
    assert unraisable == []
    # The handler's last words too are in the RPC's scope.
    assert operations(line.got) == [("read", "Converse.request"), ("write", "Converse.response"), ("read", "file:own"),
                                    ("read", "file:own")]
    assert {record.key for record in line.got.records if record.site.op == "read"} == {KEY}


async def test_a_stream_that_is_dropped_is_over_and_one_call() -> None:
    line = Line()
    async with line.stub() as stub:
        with line.client.scope(key=KEY):
            async for _ in stub.Watch(Said(text="1000000")):
                break
        for _ in range(200):
            if line.talk.ended and operations(line.sent):
                break
            await asyncio.sleep(0.01)
        assert line.talk.ended == ["Watch"]
        assert call_of(line.sent)[1]["error"] == "CancelledError"
    assert ("gap", "inference") not in operations(line.got)


async def test_an_aborted_stream_is_one_call() -> None:
    line = Line()
    async with line.stub() as stub:
        with line.client.scope(key=KEY), pytest.raises(grpc.aio.AioRpcError) as aborted:
            async for _ in stub.Converse([Said(text="hi"), Said(text="abort")]):
                pass
    assert aborted.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert call_of(line.sent)[1] == {"error": "AioRpcError", "messages": {"sent": 2, "received": 1}}


@pytest.mark.parametrize("name", ["Watch", "Upload", "Converse"])
async def test_a_stream_to_nobody_is_one_call(name: str) -> None:
    sink = MemorySink()
    client = PrivacyLib("web", [Capture(sink)])
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        with client.scope(key=KEY), pytest.raises(grpc.aio.AioRpcError) as away:
            await use(TalkStub(client.channel(channel)), name)
    assert away.value.code() is grpc.StatusCode.UNAVAILABLE
    assert operations(sink) == [("call", name)]
    assert call_of(sink)[1]["messages"]["received"] == 0


@pytest.mark.parametrize("name", ["Watch", "Upload", "Converse"])
async def test_a_refused_request_never_leaves(name: str) -> None:
    line = Line(client=(Refuse("call", "3" if name == "Watch" else "1"),))
    async with line.stub() as stub:
        with line.client.scope(key=KEY), pytest.raises(PolicyDenied):
            await use(stub, name)
    texts = [op for op in operations(line.got) if op == ("read", f"{name}.request")]
    if name == "Watch":
        assert operations(line.sent) == [] and texts == []  # the RPC never began
    else:
        assert call_of(line.sent)[1]["messages"]["sent"] == 1
        assert call_of(line.sent)[1]["error"] == "PolicyDenied"
        assert len(texts) <= 1


async def test_a_refused_write_ends_the_stream() -> None:
    line = Line(client=(Refuse("call", "secret"),))
    async with line.stub() as stub:
        with line.client.scope(key=KEY):
            call = stub.Converse(sources=SOURCES)
            await call.write(Said(text="hi"))
            assert (await call.read()).text == "hi"
            for _ in range(2):
                with pytest.raises(PolicyDenied):
                    await call.write(Said(text="secret"))
            with pytest.raises(PolicyDenied):
                await call.write(Said(text="harmless"))
            with pytest.raises(PolicyDenied):
                await call.read()
    assert call.cancelled()
    assert call_of(line.sent)[1] == {"error": "PolicyDenied", "messages": {"sent": 1, "received": 1}}


async def test_a_refused_first_message_leaves_a_call_without_links() -> None:
    line = Line(client=(Refuse("call", "0"),))
    async with line.stub() as stub:
        with line.client.scope(key=KEY), pytest.raises(PolicyDenied):
            await use(stub, "Converse", sources=SOURCES)
    call, _ = call_of(line.sent)
    assert (call.site.links, call.site.linked, call.site.fields, call.rows) == ((), True, (), 0)


@pytest.mark.parametrize("name", ["Watch", "Converse", "Upload"])
async def test_a_refused_response_ends_the_stream_with_permission_denied(name: str) -> None:
    line = Line(server=(Refuse("write", "3" if name == "Upload" else "1"),))
    back = []
    async with line.stub() as stub:
        with line.client.scope(key=KEY), pytest.raises(grpc.aio.AioRpcError) as refused:
            if name == "Upload":
                await use(stub, name)
            async for response in getattr(stub, name)(said(3) if name == "Converse" else Said(text="3")):
                back.append(response.text)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert json.loads(refused.value.details() or "")["code"] == "PAI302"
    assert back == ([] if name == "Upload" else ["0"])
    assert operations(line.got).count(("write", f"{name}.response")) == len(back)


@pytest.mark.parametrize("goes_on", [True, False])
async def test_a_refused_read_ends_the_stream_although_the_handler_caught_it(goes_on: bool) -> None:
    line = Line(server=(Refuse("read", "1"),))
    line.talk.goes_on = goes_on
    back = []
    async with line.stub() as stub:
        with line.client.scope(key=KEY), pytest.raises(grpc.aio.AioRpcError) as refused:
            async for response in stub.Converse(said(3)):
                back.append(response.text)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert line.talk.caught
    assert back == ["0"]


class ReaderWriter(Talk):
    async def Watch(self, request: Any, context: Any) -> None:  # type: ignore[override]
        for number in range(int(request.text)):
            await context.write(Heard(text=str(number)))
            self.note()

    async def Upload(self, requests: Any, context: Any) -> Any:
        count = 0
        while await context.read() is not grpc.aio.EOF:
            count += 1
            self.note()
        return Heard(text=str(count))

    async def Converse(self, requests: Any, context: Any) -> None:  # type: ignore[override]
        assert context.peer()
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(Heard(text=request.text))
            self.note()


class Plain(Talk):
    """Plain functions, which an aio server runs in threads."""

    def Ask(self, request: Any, context: Any) -> Any:  # type: ignore[override]
        self.note()
        return Heard(text=request.text)

    def Watch(self, request: Any, context: Any) -> Any:  # type: ignore[override]
        for number in range(int(request.text)):
            yield Heard(text=str(number))
            self.note()

    def Upload(self, requests: Any, context: Any) -> Any:  # type: ignore[override]
        return Heard(text=str(sum(1 for _ in requests)))



@pytest.mark.parametrize(("servicer", "name"), [
    (ReaderWriter, "Watch"), (ReaderWriter, "Upload"), (ReaderWriter, "Converse"), (Plain, "Ask"), (Plain, "Watch")])
async def test_handlers_of_every_style_are_in_their_scope(servicer: type[Talk], name: str) -> None:
    if servicer is Plain:
        servicer = type("Some", (Servicer,), {name: getattr(Plain, name)})
    line = Line(servicer)
    async with line.stub() as stub:
        with line.client.scope(key=KEY):
            back = await use(stub, name)
    assert back == (["0", "1", "2"] if name in ("Watch", "Converse") else ["3"])
    assert ("gap", "inference") not in operations(line.got)
    assert {record.key for record in line.got.records if record.site.op in ("read", "write")} == {KEY}
    assert ("read", "file:own") in operations(line.got)


async def test_what_a_response_brings_floats_before_the_next_request_leaves() -> None:
    floating = Floating()
    line = Line(client=(floating,))
    async with line.stub() as stub:
        with line.client.scope(key=KEY):
            call = stub.Converse()
            for text in ("first", "second"):
                await call.write(Said(text=text))
                await call.read()
            await call.done_writing()
            await call.read()
    assert floating.before_text == {"first": set(), "second": {"GLASSES_INTERACTION", "response.text"}}


async def test_each_message_may_have_sources_of_its_own() -> None:
    line = Line()
    async with line.stub() as stub:
        with line.client.scope(key=KEY):
            call = stub.Converse(sources={"text": ["web:talk#a"]}, via="web:session")
            await call.write(Said(text="a"))
            await call.write(Said(text="b"), sources={"text": ["web:talk#b"]})
            await call.done_writing()
            assert [response.text async for response in call] == ["a", "b"]
            unlinked = stub.Upload()
            await unlinked.write(Said(text="a"), sources={"text": ["web:talk#a"]})
            await unlinked.write(Said(text="b"))
            await unlinked.done_writing()
            assert (await unlinked).text == "2"
            assert (await unlinked).text == "2"
    first, second = (record.site for record in line.sent.records if record.site.op == "call")
    assert (first.links, first.linked, first.via) == ((("text", ("web:talk#a", "web:talk#b")),), True, "web:session")
    assert (second.links, second.linked) == ((), False)


async def test_an_upload_that_nobody_awaits_is_one_call() -> None:
    line = Line()
    async with line.stub() as stub:
        with line.client.scope(key=KEY):
            stub.Upload(said(2))
        for _ in range(200):
            if operations(line.sent):
                break
            await asyncio.sleep(0.01)
    call, detail = call_of(line.sent)
    assert detail == {"messages": {"sent": 2, "received": 1}}
    assert call.site.fields == ("request.text", "response.text")


async def test_an_upload_whose_waiter_is_cancelled_is_cancelled() -> None:
    line = Line()
    async with line.stub() as stub:
        with line.client.scope(key=KEY):
            call = stub.Upload()
            await call.write(Said(text="x"))

            async def wait() -> Any:
                return await call

            waiting = asyncio.create_task(wait())
            await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await asyncio.sleep(0)
        assert call.cancelled()
    assert call_of(line.sent)[1]["error"] == "CancelledError"


async def test_a_row_keeps_its_key_and_a_schema_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MAX_KEPT", 3)
    line = Line()
    async with line.stub() as stub:
        with line.client.scope(key=KEY):
            await stub.Ship([carrying("k1", "k2"), carrying("k3", "k2", "k4")])
    call, detail = call_of(line.sent)
    assert (call.rows, detail["keys"], detail["left_out"]) == (5, ["k1", "k2", "k3"], 1)
    assert "request.session.utterance" in call.site.fields
    reads = [record for record in line.got.records if record.site.asset == "rpc:talk.Ship.request"
             and record.site.op == "read"]
    assert [json.loads(record.detail)["keys"] for record in reads] == [["k1", "k2"], ["k3", "k2", "k4"]]
