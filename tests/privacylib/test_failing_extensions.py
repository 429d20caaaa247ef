"""An extension, a probe or a sink that raises: the request goes on and it is counted; a failing guard refuses."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import grpc
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import Capture, Extension, MemorySink, Operation, PrivacyLib, Probes
from lineage.privacylib.asgi import Route
from lineage.privacylib.probes import hand_over
from protos import inference_pb2 as pb
from tests.privacylib import talk
from tests.privacylib.test_grpc import Pair

KEY = "0af7651916cd43dd8448eb211c80319c"


class Failing(Extension):
    """Raises at the hooks and kinds that it is told; its message quotes what it saw."""

    def __init__(self, *hooks: str, kinds: str = "read write call probe source asset", guards: bool = False,
                 enforcing: bool = True) -> None:
        self._hooks, self._kinds = hooks, kinds.split()
        self.guards, self.enforcing = guards, enforcing
        self.hits = 0

    def before(self, op: Operation) -> None:
        self._fail("before", op)

    def after(self, op: Operation) -> None:
        self._fail("after", op)

    def _fail(self, hook: str, op: Operation) -> None:
        if hook in self._hooks and op.kind in self._kinds:
            self.hits += 1
            raise KeyError(f"secret {op.payload}")


class Watching(Extension):
    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def before(self, op: Operation) -> None:
        self.seen.append(("before", op.kind))

    def after(self, op: Operation) -> None:
        self.seen.append(("after", op.kind))


def gaps(sink: MemorySink) -> Counter[tuple[str, str]]:
    details = [json.loads(record.detail) for record in sink.records if record.site.op == "gap"]
    return Counter((detail["code"], detail["why"]) for detail in details)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_operation_and_the_other_extensions_go_on(place: int) -> None:
    sink, watching, failing = MemorySink(), Watching(), Failing("before", "after")
    extensions: list[Extension] = [Capture(sink), watching]
    extensions.insert(place, failing)
    lib = PrivacyLib("web", extensions)
    done = False
    with lib.scope(key=KEY), lib.read("web:ask", fields=("utterance",), payload={"utterance": "a lighthouse"}):
        done = True
    assert done
    assert failing.hits == 2
    assert [kind for hook, kind in watching.seen if kind != "gap"] == ["read", "read"]
    assert [record.site.op for record in sink.records if record.site.op != "gap"] == ["read"]
    assert gaps(sink) == {("PAI205", "Failing failed: KeyError"): 2}
    assert lib.failures == {"Failing failed: KeyError": 2}
    assert "lighthouse" not in str(sink.records)


@given(st.lists(st.sampled_from(["watch", "before", "after", "both"]), max_size=6))
def test_whichever_fail_each_other_hook_runs_once_and_in_order(given: list[str]) -> None:
    hooks = {"watch": (), "before": ("before",), "after": ("after",), "both": ("before", "after")}
    extensions: list[Any] = [Watching() if one == "watch" else Failing(*hooks[one]) for one in given]
    sink = MemorySink()
    lib = PrivacyLib("web", [*extensions, Capture(sink)])
    with lib.scope(key=KEY), lib.write("logger:x", sources={}):
        pass
    for one, extension in zip(given, extensions, strict=True):
        if one == "watch":
            assert [seen for seen in extension.seen if seen[1] == "write"] == [("before", "write"), ("after", "write")]
        else:
            assert extension.hits == len(hooks[one])
    assert sum(lib.failures.values()) == sum(gaps(sink).values()) == sum(len(hooks[one]) for one in given)


class BrokenSink(MemorySink):
    def append(self, *_: Any) -> None:
        raise OSError("no room")


def test_a_sink_that_raises_is_counted_where_no_signal_can_say_so() -> None:
    lib = PrivacyLib("web", [Capture(BrokenSink())])
    with lib.scope(key=KEY), lib.read("web:ask"):
        pass
    with lib.write("logger:x"):  # outside every scope: a gap that cannot be told either
        pass
    assert lib.failures == {"Capture failed: OSError": 5}  # two operations, a lost scope, two gaps that say so


def test_a_detail_that_cannot_be_said_is_a_gap_and_no_error() -> None:
    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink)])
    with lib.scope(key=KEY), lib.read("web:ask", detail={"bytes": b"no JSON"}):
        pass
    assert gaps(sink) == {("PAI205", "Capture failed: TypeError"): 1}


def test_a_note_of_a_probe_that_an_extension_fails_of_is_no_error() -> None:
    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink), Failing("after", kinds="probe"), Probes(key=b"of this run")])
    with lib.scope(key=KEY):
        lib.source("web:ask", {"utterance": "What is that building?"})
        hand_over(lib, "web:prompt", {"prompt": "What is that building?"}, {"prompt": ["web:ask#utterance"]})
    assert [record.site.op for record in sink.records].count("probe") == 2
    assert sum(gaps(sink).values()) == 2


@pytest.mark.parametrize("hook", ["before", "after"])
def test_a_guard_that_fails_refuses_where_it_enforces(hook: str) -> None:
    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink), Failing(hook, guards=True)])
    with pytest.raises(PolicyDenied) as refused, lib.scope(key=KEY, purpose="assistance"):
        with lib.call("rpc:inference.Generate"):
            assert hook == "after", "the I/O happened"
    assert refused.value.code == "PAI308"
    decision = next(json.loads(record.detail) for record in sink.records if record.site.op == "decision")
    assert (decision["verdict"], decision["code"], decision["inputs"], decision["purpose"]) == (
        "blocked", "PAI308", ["rpc:inference.Generate"], "assistance")
    assert "secret" not in str(sink.records)


def test_a_guard_that_fails_in_logging_mode_is_counted_and_refuses_nothing() -> None:
    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink), Failing("before", guards=True, enforcing=False)])
    with lib.scope(key=KEY), lib.read("web:ask"):
        pass
    assert gaps(sink) == {("PAI205", "Failing failed: KeyError"): 1}
    assert [record.site.op for record in sink.records] == ["gap", "read"]


@pytest.mark.parametrize("mode", ["enforcement", "logging"])
def test_the_real_guard_fails_closed_in_enforcement_mode_only(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Rules, *_: object) -> list[Any]:
        raise RuntimeError("the rules are broken")

    sink = MemorySink()
    requirement = Requirement("glasses", 1, "owner", "zone", mode, frozenset({"G"}),  # type: ignore[arg-type]
                              frozenset({"assistance"}))
    lib = PrivacyLib("warehouse", [Capture(sink), Guard(Rules([requirement]))])
    lib.register("warehouse:core.a", {"said": Label("user.utterance", ("G",))})
    monkeypatch.setattr(Rules, "forbidden", broken)
    touched = False
    with lib.scope(key=KEY, activity="query:ads", purpose="ads_ranking"):
        try:
            with lib.read("warehouse:core.a", fields=("said",)):
                touched = True
        except PolicyDenied as denied:
            assert (denied.code, mode) == ("PAI308", "enforcement")
    assert touched is (mode == "logging")
    assert gaps(sink) == {("PAI205", "Guard failed: RuntimeError"): 1}


@pytest.mark.parametrize("guards", [False, True])
async def test_over_real_grpc_the_caller_gets_an_answer_or_a_refusal(guards: bool) -> None:
    pair = Pair(Failing("before", "after", guards=guards))
    async with pair.stub() as stub:
        with pair.client.scope(key=KEY):
            if guards:
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await stub.Generate(pb.GenerateRequest(prompt="What is that?"))
                assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
                assert json.loads(error.value.details() or "")["code"] == "PAI308"
            else:
                answer = await stub.Generate(pb.GenerateRequest(prompt="What is that?"))
                assert answer.answer.startswith(KEY)
    assert pair.server.failures


async def test_a_stream_goes_on_too() -> None:
    sent, got = MemorySink(), MemorySink()
    client = PrivacyLib("web", [Capture(sent), Failing("before", "after")])
    lib = PrivacyLib("talk", [Capture(got), Failing("before", "after")])

    class Talk:
        async def Converse(self, requests: Any, context: Any) -> Any:
            async for request in requests:
                yield talk.Heard(text=request.text)

    server = grpc.aio.server()
    talk.add_to_server(Talk(), lib.server(server))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        with client.scope(key=KEY):
            call = talk.TalkStub(client.channel(channel)).Converse(talk.said(3))
            assert [message.text async for message in call] == ["0", "1", "2"]
    await server.stop(0)
    assert client.failures
    assert lib.failures


@pytest.mark.parametrize(("guards", "status"), [(False, 200), (True, 403)])
async def test_over_http_too(guards: bool, status: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    web = PrivacyLib("web", [Capture(MemorySink()), Failing("before", "after", guards=guards)])
    route = Route("web:ask", "response:ask", {"utterance": Label("user.utterance")}, {"answer": Label("user.answer")})
    instrumented: Any = web.asgi(app, {("POST", "/v1/ask"): route})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(instrumented), base_url="http://web") as client:
        assert (await client.post("/v1/ask", json={})).status_code == status
