"""Sync gRPC: a server with a pool of threads, blocking stubs, and requests sent by a thread of gRPC's."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

from lineage.errors import PolicyDenied
from lineage.privacylib import Capture, Extension, MemorySink, PrivacyLib
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
    operations,
    said,
)


class Talk(Servicer):
    """Answers each message with its text."""

    def __init__(self, lib: PrivacyLib) -> None:
        super().__init__(lib)
        self.ended = threading.Event()

    def Ask(self, request: Any, context: Any) -> Any:
        self.left = context.time_remaining()
        self.note()
        if request.text == "abort":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")
        return Heard(text=request.text)

    def Watch(self, request: Any, context: Any) -> Iterator[Any]:
        self.left = context.time_remaining()
        try:
            for number in range(int(request.text)):
                self.lib.respond({"text": ["rpc:talk.Watch.request#text"]})
                yield Heard(text=str(number))
                self.note()
        finally:
            self.note()
            self.ended.set()

    def Upload(self, requests: Any, context: Any) -> Any:
        self.left = context.time_remaining()
        count = 0
        for request in requests:
            count += 1
            self.note()
            if request.text == "abort":
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")
        return Heard(text=str(count))

    def Converse(self, requests: Any, context: Any) -> Iterator[Any]:
        self.left = context.time_remaining()
        try:
            for request in requests:
                if request.text == "abort":
                    context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")
                yield Heard(text=request.text)
                self.note()
        except PolicyDenied as denied:  # a handler that thinks it may go on
            self.caught.append(denied)
        finally:
            self.ended.set()


class Line:
    """A client's and a server's library, with a real server between them."""

    def __init__(self, *, client: tuple[Extension, ...] = (), server: tuple[Extension, ...] = ()) -> None:
        self.sent, self.got = MemorySink(), MemorySink()
        self.client = PrivacyLib("web", [Capture(self.sent), *client], family="A")
        self.server = PrivacyLib("inference", [Capture(self.got), *server], family="B")
        self.talk = Talk(self.server)

    @contextmanager
    def stub(self, workers: int = 4) -> Iterator[Any]:
        server = grpc.server(futures.ThreadPoolExecutor(workers))
        add_to_server(self.talk, self.server.server(server))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            self.raw: Any = TalkStub(channel)
            yield TalkStub(self.client.channel(channel))
        server.stop(None).wait()


def use(stub: Any, name: str, count: int = 3, **options: Any) -> list[str]:
    """Calls one method, with ``count`` messages wherever it streams; the texts that came back."""
    request: Any = iter(said(count)) if STYLES[name].startswith("stream") else Said(text=str(count))
    if name in ("Ask", "Upload"):
        return [getattr(stub, name)(request, **options).text]
    return [response.text for response in getattr(stub, name)(request, **options)]


def waited(condition: Callable[[], object]) -> bool:
    for _ in range(400):
        if condition():
            return True
        threading.Event().wait(0.01)
    return False


@pytest.mark.parametrize(("name", "reads", "writes"), [("Ask", 1, 1), ("Watch", 1, 3), ("Upload", 3, 1),
                                                      ("Converse", 3, 3)])
def test_each_message_is_an_operation_and_the_rpc_one_call(name: str, reads: int, writes: int) -> None:
    line = Line()
    with line.stub() as stub, line.client.scope(key=KEY, purpose="assistance"):
        back = use(stub, name, sources=SOURCES)
    assert len(back) == writes
    server = [op for op in operations(line.got) if op[1] != "file:own"]
    assert sorted(server) == [("read", f"{name}.request")] * reads + [("write", f"{name}.response")] * writes
    got = [record for record in line.got.records if record.site.op in ("read", "write")]
    assert {(record.key, record.purpose, record.site.family) for record in got} == {(KEY, "assistance", "C")}
    assert len({record.scope for record in got}) == 1
    assert operations(line.sent) == [("call", name)]
    call, detail = call_of(line.sent)
    assert (call.key, call.site.family, call.site.links, call.rows) == (KEY, "C", LINKS, reads)
    assert call.site.fields == ("request.text", "response.text")
    assert name == "Ask" or detail["messages"] == {"sent": reads, "received": writes}


@pytest.mark.parametrize("name", STYLES)
def test_a_stripped_context_is_one_gap_and_an_intact_one_is_none(name: str) -> None:
    line = Line()
    with line.stub() as stub:
        use(line.raw, name, timeout=5)
        assert [op for op in operations(line.got) if op[0] == "gap"] == [("gap", name)]
        with line.client.scope(key=KEY):
            use(stub, name)
    assert [op for op in operations(line.got) if op[0] == "gap"] == [("gap", name)]
    assert [op for op in operations(line.sent) if op[0] == "gap"] == []


def test_a_pools_thread_keeps_nothing_of_a_request() -> None:
    line = Line()
    with line.stub(workers=1) as stub:
        for number, name in enumerate(STYLES, start=1):
            with line.client.scope(key=f"{number:032x}"):
                use(stub, name)
    keys: dict[str, set[str]] = {}
    for record in line.got.records:
        if record.site.op in ("read", "write"):
            keys.setdefault(record.scope, set()).add(record.key)
    assert sorted(keys.values(), key=str) == [{f"{number:032x}"} for number in range(1, 5)]


def test_the_iterator_of_requests_is_in_the_callers_scope() -> None:
    line = Line()

    def requests() -> Iterator[Any]:
        for request in said(2):
            with line.client.read("file:own"):
                yield request

    with line.stub() as stub, line.client.scope(key=KEY):
        stub.Upload(requests())
    assert operations(line.sent) == [("read", "file:own"), ("read", "file:own"), ("call", "Upload")]
    assert {record.key for record in line.sent.records if record.site.op == "read"} == {KEY}


@pytest.mark.parametrize("name", STYLES)
def test_every_call_has_a_deadline(name: str) -> None:
    line = Line()
    with line.stub() as stub, line.client.scope(key=KEY):
        use(stub, name)
    assert line.talk.left is not None
    assert 0 < line.talk.left < (6 if name == "Ask" else 62)


def test_the_ways_to_make_a_unary_call() -> None:
    line = Line()
    with line.stub() as stub, line.client.scope(key=KEY):
        response, rpc = stub.Ask.with_call(Said(text="a"), 5, (("more", "metadata"),), sources=SOURCES)
        assert (response.text, rpc.code()) == ("a", grpc.StatusCode.OK)
        future = stub.Ask.future(Said(text="b"), sources=SOURCES)
        assert future.result(timeout=5).text == "b"
        assert future.result().text == "b"
        response, rpc = stub.Upload.with_call(iter(said(2)), sources=SOURCES)
        assert (response.text, rpc.code()) == ("2", grpc.StatusCode.OK)
    calls = [record for record in line.sent.records if record.site.op == "call"]
    assert [(record.site.links, record.site.fields, record.rows) for record in calls] == [
        (LINKS, ("request.text", "response.text"), rows) for rows in (1, 1, 2)]


def test_a_future_that_nobody_asks_is_one_call() -> None:
    line = Line()
    with line.stub() as stub:
        with line.client.scope(key=KEY):
            stub.Ask.future(Said(text="a"))
        assert waited(lambda: operations(line.sent))
    assert call_of(line.sent)[1] == {"messages": {"sent": 1, "received": 1}}


@pytest.mark.parametrize("name", ["Ask", "Upload", "Converse"])
def test_an_aborted_call_is_one_call(name: str) -> None:
    line = Line()
    abort: Any = Said(text="abort") if name == "Ask" else iter([Said(text="abort")])
    with line.stub() as stub, line.client.scope(key=KEY), pytest.raises(grpc.RpcError) as aborted:
        list(getattr(stub, name)(abort))
    assert aborted.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # type: ignore[attr-defined]
    assert call_of(line.sent)[1]["error"]
    assert ("write", f"{name}.response") not in operations(line.got)


@pytest.mark.parametrize("name", STYLES)
def test_a_call_to_nobody_is_one_call(name: str) -> None:
    sink = MemorySink()
    client = PrivacyLib("web", [Capture(sink)])
    with grpc.insecure_channel("127.0.0.1:1") as channel, client.scope(key=KEY), pytest.raises(grpc.RpcError):
        use(TalkStub(client.channel(channel)), name)
    assert operations(sink) == [("call", name)]
    assert call_of(sink)[1]["error"]


def test_a_cancelled_stream_is_one_call_and_its_handler_is_closed() -> None:
    line = Line()
    with line.stub() as stub:
        with line.client.scope(key=KEY):
            call = stub.Watch(Said(text="1000000"))
            assert next(call).text == "0"
            call.cancel()
            with pytest.raises(grpc.RpcError):
                list(call)
        assert line.talk.ended.wait(5)
    assert ("gap", "inference") not in operations(line.got)
    assert {record.key for record in line.got.records if record.site.op == "read"} == {KEY}
    detail = call_of(line.sent)[1]
    assert detail["error"]
    assert detail["messages"]["sent"] == 1


def test_a_stream_that_is_dropped_is_over_and_one_call() -> None:
    line = Line()
    with line.stub() as stub:
        with line.client.scope(key=KEY):
            for _ in stub.Watch(Said(text="1000000")):
                break
        assert line.talk.ended.wait(5)
        assert waited(lambda: operations(line.sent))
    assert call_of(line.sent)[1]["messages"] == {"sent": 1, "received": 1}


@pytest.mark.parametrize("name", STYLES)
def test_a_refused_request_never_leaves(name: str) -> None:
    line = Line(client=(Refuse("call", "1" if STYLES[name].startswith("stream") else "3"),))
    with line.stub() as stub, line.client.scope(key=KEY), pytest.raises(PolicyDenied):
        use(stub, name)
    if not STYLES[name].startswith("stream"):
        assert operations(line.sent) == operations(line.got) == []
    else:
        assert call_of(line.sent)[1]["messages"]["sent"] == 1
        assert call_of(line.sent)[1]["error"] == "PolicyDenied"
        assert operations(line.got).count(("read", f"{name}.request")) <= 1


@pytest.mark.parametrize("name", STYLES)
def test_a_refused_response_ends_the_rpc_with_permission_denied(name: str) -> None:
    line = Line(server=(Refuse("write", "3" if name in ("Ask", "Upload") else "1"),))
    back = []
    with line.stub() as stub, line.client.scope(key=KEY), pytest.raises(grpc.RpcError) as refused:
        if name in ("Ask", "Upload"):
            use(stub, name)
        for response in getattr(stub, name)(iter(said(3)) if name == "Converse" else Said(text="3")):
            back.append(response.text)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED  # type: ignore[attr-defined]
    assert json.loads(refused.value.details())["code"] == "PAI302"  # type: ignore[attr-defined]
    assert back == ([] if name in ("Ask", "Upload") else ["0"])
    assert operations(line.got).count(("write", f"{name}.response")) == len(back)


def test_a_refused_read_ends_the_stream_although_the_handler_caught_it() -> None:
    line = Line(server=(Refuse("read", "1"),))
    with line.stub() as stub, line.client.scope(key=KEY), pytest.raises(grpc.RpcError) as refused:
        use(stub, "Converse")
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED  # type: ignore[attr-defined]
    assert line.talk.caught


def test_what_a_response_brings_floats_before_the_next_request_leaves() -> None:
    floating = Floating()
    line = Line(client=(floating,))
    answered = threading.Event()

    def requests() -> Iterator[Any]:
        yield Said(text="first")
        assert answered.wait(5)
        yield Said(text="second")

    with line.stub() as stub, line.client.scope(key=KEY):
        for _ in stub.Converse(requests()):
            answered.set()
    assert floating.before_text == {"first": set(), "second": {"GLASSES_INTERACTION", "response.text"}}


def test_a_call_outside_every_scope_is_one_gap_and_its_key_travels_all_the_same() -> None:
    line = Line()
    with line.stub() as stub, futures.ThreadPoolExecutor(1) as executor:
        for name in STYLES:
            executor.submit(use, stub, name).result()
    assert operations(line.sent) == [item for name in STYLES for item in (("gap", "web"), ("call", name))]
    sent = {record.key for record in line.sent.records if record.site.op == "call"}
    assert {record.key for record in line.got.records if record.site.op == "write"} == sent
    assert len(sent) == 4
