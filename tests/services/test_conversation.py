"""A conversation in the web service and in inference, over a real stream; the WebSocket is the ASGI one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.errors import InputError, PolicyDenied, SightlineError
from lineage.privacylib import Extension, Operation, PrivacyLib, Probes
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc, logger_pb2_grpc
from services.errors import from_rpc
from services.inference.dialogue import WINDOW, WORDS
from services.inference.service import InferenceService
from services.web import body, speech
from services.web.service import WebService
from sim.stack.http import ROUTES
from tests.services.fakes import (
    GATED,
    KEY,
    META,
    TRACEPARENT,
    FakeClock,
    FakeStore,
    Recorder,
    serving,
    stub,
)
from tests.services.test_inference import put
from tests.services.test_web import FakeLogger

FIRST = {"utterance": "What is that building?", "location": "40.7484,-73.9857", "wearer": "w1", "region": "US",
         "device": "g1", "asked_at": "2026-03-01T09:30:00Z"}
STATE = "That is the Empire State Building: a tower of 102 floors in Manhattan, finished in 1931."
HEARD, OVER = {"heard": True}, {"over": True}


class Line:
    """The other end of one WebSocket, in this loop."""

    def __init__(self, app: Any) -> None:
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {"type": "websocket", "path": "/v1/converse", "headers": [(b"traceparent", TRACEPARENT.encode())],
                 "query_string": b"", "subprotocols": []}
        self._in.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(app(scope, self._in.get, self._out.put))

    def say(self, message: Any) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self._in.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self) -> None:
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def next(self) -> dict[str, Any]:
        """The next message to the app; the close where that is what comes."""
        message = await asyncio.wait_for(self._out.get(), 10)
        return json.loads(message["text"]) if message["type"] == "websocket.send" else message

    async def answer(self) -> str:
        """All parts of one answer, each acknowledged."""
        parts: list[str] = []
        while True:
            reply = await self.next()
            parts.append(reply["part"])
            if reply["last"]:
                return " ".join(parts)
            self.say(HEARD)


class Bench:
    def __init__(self, line: Any, logger: FakeLogger, web: Recorder, inference: Recorder) -> None:
        self.line, self.logger, self.web, self.inference = line, logger, web, inference

    @property
    def calls(self) -> list[Operation]:
        """The streams; what the hooks see of single messages is silent."""
        return [op for op in self.web.of("call", "rpc:inference.Converse") if not op.silent]

    async def open(self) -> Line:
        line: Line = self.line()
        assert (await line.next())["type"] == "websocket.accept"
        return line


@asynccontextmanager
async def bench(folder: Path, *extensions: Extension) -> AsyncIterator[Bench]:
    put(folder)
    logger, seen, answering = FakeLogger(), Recorder(), Recorder()
    own, lib = PrivacyLib("inference", [answering]), PrivacyLib("web", [seen, Probes(), *extensions], family="A")
    inference = InferenceService(own, FakeStore(folder), FakeClock(), **GATED)
    async with serving(lambda s: inference.register(own.server(s)),
                       lambda s: logger_pb2_grpc.add_LoggerServicer_to_server(logger, s)) as address:
        await inference.start()
        async with (stub(inference_pb2_grpc.InferenceStub, address, lib) as to_inference,
                    stub(logger_pb2_grpc.LoggerStub, address, lib) as to_logger):
            web = WebService(lib, FakeClock(), inference=to_inference, logger=to_logger)
            await web.start()
            app = lib.asgi(web.app, ROUTES)
            yield Bench(lambda: Line(app), logger, seen, answering)


async def test_turns_go_both_ways_and_each_is_logged(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        line = await b.open()
        line.say(FIRST)
        assert await line.answer() == STATE
        line.say({"utterance": "Tell me  more"})
        # Only what was said before can tell which building.
        assert await line.answer() == STATE
        line.say(OVER)
        assert (await line.next())["code"] == 1000
        await line.task
        assert [(one["utterance"], one["answer"], one["location"]) for one in b.logger.events] == [
            (FIRST["utterance"], STATE, FIRST["location"]), ("Tell me  more", STATE, None)]
        assert len({one["session"] for one in b.logger.events}) == 2 and set(b.logger.keys) == {KEY}
        (call,) = b.calls
        assert dict(call.links) == {field: (f"web:dialogue#{field}",) for field in ("prompt", "history", "location")}
        assert not b.web.of("gap") and not b.inference.of("gap")
        flows = {(source, f"{op.asset}#{field}") for op in b.web.of("asset") if "declares" in op.detail
                 for field, names in op.detail["declares"] for source in names}
        seen = {(source, sink) for op in b.web.of("probe") for source, sink, result, _ in op.detail.get("pairs", ())
                if result == "sources"}
        assert ("rpc:inference.Converse.response#part", "web:dialogue#history") in seen <= flows


async def test_a_new_turn_cuts_off_the_answer(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        line = await b.open()
        line.say(FIRST)
        first = [(await line.next())["part"] for _ in range(WINDOW)]
        # Nothing was heard, so nothing more is made; then the wearer speaks again.
        line.say({"utterance": "Never mind. What is that building?"})
        assert await line.answer() == STATE
        line.say(OVER)
        await line.task
        assert b.logger.events[0]["answer"] == " ".join(first) != STATE
        made = b.inference.of("write", "rpc:inference.Converse.response")
        assert len(made) == len(first) + -(-len(STATE.split()) // WORDS)


async def test_memory_belongs_to_one_conversation(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        for said in (FIRST, {**FIRST, "location": "", "utterance": "Tell me more"}):
            line = await b.open()
            line.say(said)
            answer = await line.answer()
            line.say(OVER)
            await line.task
        assert answer != STATE
        # The second is no reading of the first's answers.
        assert b.logger.events[1]["answer"] == answer


async def test_who_leaves_in_the_middle_is_logged_as_far_as_it_went(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        line = await b.open()
        line.say(FIRST)
        part = (await line.next())["part"]
        await line.next()
        line.leave()
        await line.task
        assert b.logger.events[0]["answer"].startswith(part)
        (call,) = b.calls
        assert call.detail["messages"] == {"sent": 1, "received": 2}


class RefuseAt(Extension):
    """Refuses the n-th turn on its way to inference; an acknowledgement is made from nothing."""

    guards = True

    def __init__(self, at: int) -> None:
        self._left = at

    def before(self, op: Operation) -> None:
        if op.kind == "call" and op.asset == "rpc:inference.Converse" and "prompt" in dict(op.links):
            self._left -= 1
            if not self._left:
                raise PolicyDenied("PAI302", "it may not go on")


async def test_a_refusal_ends_the_conversation_and_nothing_after_it_moves(tmp_path: Path) -> None:
    async with bench(tmp_path, RefuseAt(2)) as b:
        line = await b.open()
        line.say(FIRST)
        await line.answer()
        before = len(b.inference.of("read", "rpc:inference.Converse.request"))
        line.say({"utterance": "And that?"})
        line.say({"utterance": "And that one there?"})
        closed = await line.next()
        assert (closed["type"], closed["code"]) == ("websocket.close", 1008)
        assert closed["reason"] == "PAI302: it may not go on"
        await line.task
        assert len(b.inference.of("read", "rpc:inference.Converse.request")) == before
        assert len(b.logger.events) == 1
        # The third was never read.
        assert len([op for op in b.web.of("read", "web:converse") if "utterance" in op.fields]) == 2


@pytest.mark.parametrize(("said", "code"), [
    ("no JSON", "PAI004"), ("[]", "PAI004"), ({"utterance": "Hi", "photo": "x"}, "PAI004"),
    ({"utterance": 3}, "PAI004"), ({"heard": 1}, "PAI004"), ({**FIRST, "heard": True}, "PAI004"),
    ({**FIRST, "location": "there"}, "PAI004"), ({**FIRST, "gaze": "up"}, "PAI004"),
    ({**FIRST, "wearer": ""}, "PAI004"),
    ({**FIRST, "region": "usa"}, "PAI004"), ({**FIRST, "asked_at": "now"}, "PAI004"),
    ({**FIRST, "utterance": " "}, "PAI003"), ({**FIRST, "utterance": "x" * 2001}, "PAI003"),
    ('{"utterance": "\\ud800"}', "PAI004"), ("[" * 5000, "PAI004"), ("x" * 20_000, "PAI004")])
async def test_what_is_no_turn_closes_with_1007(tmp_path: Path, said: Any, code: str) -> None:
    async with bench(tmp_path) as b:
        line = await b.open()
        line.say(said)
        closed = await line.next()
        assert (closed["type"], closed["code"]) == ("websocket.close", 1007) and closed["reason"].startswith(code)
        await line.task
        assert not b.logger.events


async def test_a_failure_elsewhere_closes_with_1011(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.logger.away = True
        line = await b.open()
        line.say(FIRST)
        with pytest.raises(KeyError):  # parts, and then the close
            await line.answer()
        await line.task
        (call,) = b.calls
        assert call.detail["messages"]["sent"] >= 1


@given(st.text(max_size=200) | st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_message_is_a_turn_or_an_input_error(data: str | bytes) -> None:
    held = body.held(data, speech.KINDS)
    try:
        said = speech.parse(data, PrivacyLib("web"), first=False)
        assert all(getattr(said, field) for field in held)
    except InputError as error:
        assert error.code in ("PAI003", "PAI004")


def test_what_cannot_be_read_is_said_to_hold_everything() -> None:
    assert body.held("{", speech.KINDS) == body.held("[1]", speech.KINDS) == tuple(speech.KINDS)
    assert body.held('{"utterance": "Hi", "gaze": "", "heard": false}', speech.KINDS) == ("utterance",)


@pytest.mark.parametrize(("requests", "code"), [
    ([pb.ConverseRequest(model="assistant")], "PAI004"),
    ([pb.ConverseRequest(model="nobody", prompt="Hi")], "PAI031"),
    ([pb.ConverseRequest(model="assistant", prompt="Hi", location="there")], "PAI004")])
async def test_inference_says_what_is_wrong(tmp_path: Path, requests: list[Any], code: str) -> None:
    async with bench(tmp_path), serving() as _:
        own = PrivacyLib("inference", [Recorder()])
        service = InferenceService(own, FakeStore(tmp_path), FakeClock(), **GATED)
        async with serving(lambda s: service.register(own.server(s))) as address:
            await service.start()
            async with stub(inference_pb2_grpc.InferenceStub, address) as inference:
                with pytest.raises(SightlineError) as caught:
                    try:
                        async for _ in inference.Converse(iter(requests), metadata=META, timeout=5):
                            pass
                    except grpc.aio.AioRpcError as error:
                        raise from_rpc(error, "inference") from None
        assert caught.value.code == code
