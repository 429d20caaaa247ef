"""A model behind an OpenAI-compatible endpoint: whole answers, streams, and every way in which one can fail."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from lineage.errors import InputError, PolicyDenied, RunError
from lineage.model import Label
from lineage.privacylib import Extension, PrivacyLib
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc
from services.errors import from_rpc
from services.inference import endpoint as endpoints
from services.inference.endpoint import ASSET, Endpoint
from services.inference.remote import MAX_ANSWER, MAX_LINE, Remote
from services.inference.service import InferenceService
from tests.services import fakes
from tests.services.fakes import GATED, META, FakeClock, FakeStore, Recorder, stub

FILE = ("model: assistant\nurl: http://127.0.0.1:8080/v1/\nserves: llama-3.2-1b\nowner: assistant-quality\n"
        "annotations: [GLASSES_INTERACTION]\ndeadline: 3\n")
ASKED = "rpc:inference.Generate.request"


def event(text: str | None) -> str:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}}]})}\n\n"


class Endpoints:
    """``how``: what this server does with the next request; ``heard``: the bodies and headers of those so far."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.app.post("/v1/chat/completions")(self.complete)
        self.how = "streams"
        self.heard: list[tuple[dict[str, Any], dict[str, str]]] = []
        self.closed = 0

    async def complete(self, request: Request) -> Response:
        self.heard.append((await request.json(), dict(request.headers)))
        if self.how == "refuses":
            return JSONResponse({"error": "no"}, 401)
        if self.how == "whole":
            return JSONResponse({"choices": [{"message": {"role": "assistant", "content": "It is a bridge."}}]})
        if self.how == "whole garbage":
            return Response("<html>", media_type="text/html")
        if self.how == "redirects":
            return Response(status_code=302, headers={"location": "http://127.0.0.1:1/"})
        if self.how == "bad gzip":
            return Response(b"no gzip", media_type="text/event-stream", headers={"content-encoding": "gzip"})
        if self.how == "is silent":
            await asyncio.sleep(60)
        return StreamingResponse(self.stream(), media_type="text/event-stream")

    async def stream(self) -> AsyncIterator[str | bytes]:
        try:
            yield event(None) + event("It is") + ": a comment\n\n" + event(" a sus")
            if self.how == "hangs":
                await asyncio.sleep(60)
            if self.how == "dies":
                raise RuntimeError("the model is gone")
            if self.how == "drips":
                while True:
                    yield ": still here\n\n"
                    await asyncio.sleep(0.05)
            if self.how == "garbage":
                yield "data: {no json\n\n"
            if self.how == "bytes":
                yield b"data: \xff\xfe\x00\n\n"
            if self.how == "half a character":
                yield event("\ud83c")
            if self.how == "no text":
                yield "data: {\"choices\": [{\"delta\": {\"content\": {\"a\": 1}}}]}\n\n"
            if self.how == "deep":
                yield f"data: {'[' * 60_000}\n\n"
            if self.how == "one line":
                while True:
                    yield "data: " + "x" * 10_000
                    await asyncio.sleep(0)
            if self.how == "other":
                yield "data: {\"choices\": [{\"text\": 1}]}\n\n"
            if self.how == "endless":
                while True:
                    yield event("more " * 1000)
                    await asyncio.sleep(0)  # a gone client is noticed between two events
            if self.how == "ends":
                return
            if self.how == "ends without a newline":
                yield event("pension bridge.") + "data: [DONE]"
                return
            yield event("pension bridge.\n") + "data: {\"choices\": [], \"usage\": {}}\n\n" + "data: [DONE]\n\n"
        finally:
            self.closed += 1


@asynccontextmanager
async def serving(extensions: list[Extension] | None = None, **changes: Any) -> AsyncIterator[tuple[Endpoints, Remote]]:
    served = Endpoints()
    server = uvicorn.Server(uvicorn.Config(served.app, host="127.0.0.1", port=0, log_level="critical",
                                           timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(30):
        while not server.started:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    at = replace(endpoints.parse(FILE, "f"), url=f"http://127.0.0.1:{port}/v1", **changes)
    lib = PrivacyLib("inference", extensions or [])
    lib.register(ASKED, {"prompt": Label("user.utterance", ("GLASSES_INTERACTION",))})
    remote = Remote(lib, at, lib.http(httpx.AsyncHTTPTransport(), dict([at.route])))
    try:
        with lib.scope(key="0" * 31 + "1", purpose="assistance"):
            yield served, remote
    finally:
        await remote.stop()
        server.should_exit = True
        await task


async def said(remote: Remote, prompt: str = "What is that?") -> list[str]:
    return [word async for word in remote.words(prompt, ["Golden Gate Bridge"], [f"{ASKED}#prompt"])]


@pytest.mark.parametrize(("how", "words"), [
    ("streams", "It is a suspension bridge."), ("whole", "It is a bridge."),
    ("ends without a newline", "It is a suspension bridge.")])
async def test_an_answer_comes_word_by_word(how: str, words: str) -> None:
    seen = Recorder()
    async with serving([seen]) as (served, remote):
        served.how = how
        assert await said(remote) == words.split()
        body, headers = served.heard[0]
        assert body["model"] == "llama-3.2-1b" and body["stream"] and "authorization" not in headers
        assert body["messages"][-1]["content"] == "What is that?\n(Golden Gate Bridge)"
        assert headers["traceparent"].startswith("00-" + "0" * 31 + "1")
        call = seen.of("call", ASSET)[0]
        assert dict(call.links)["prompt"] == (f"{ASKED}#prompt",)


@pytest.mark.parametrize(("how", "what"), [
    ("refuses", "401"), ("dies", "Error"), ("garbage", "no JSON"), ("other", "no chat completion"),
    ("ends", "before its end"), ("endless", str(MAX_ANSWER)), ("whole garbage", "no JSON"), ("redirects", "302"),
    ("bad gzip", "Error"), ("bytes", "no JSON"), ("half a character", "no chat completion"),
    ("no text", "no chat completion"), ("deep", "no JSON"), ("one line", str(MAX_LINE))])
async def test_an_endpoint_that_fails_is_told_of(how: str, what: str) -> None:
    async with serving() as (served, remote):
        served.how = how
        with pytest.raises(RunError) as caught:
            await said(remote)
        assert caught.value.code == "PAI035" and what in caught.value.what and caught.value.next.startswith("curl http")


@pytest.mark.parametrize("how", ["hangs", "is silent", "drips"])
async def test_an_endpoint_that_hangs_is_given_up_at_its_deadline(how: str) -> None:
    async with serving(deadline=1) as (served, remote):
        served.how = how
        began = time.monotonic()
        with pytest.raises(RunError) as caught:
            await said(remote)
        assert caught.value.code == "PAI035" and "within 1 s" in caught.value.what
        assert time.monotonic() - began < 30, "the server would have gone on for a minute"


@pytest.mark.parametrize("how", ["dies", "garbage", "hangs"])
async def test_of_an_answer_that_failed_nothing_is_kept_and_the_next_one_comes(how: str, tmp_path: Path) -> None:
    """Through the service: an error with its code, no response, nothing in the cache of answers, no half a reply."""
    kept: dict[Any, Any] = {}
    question = pb.GenerateRequest(model="assistant", prompt="What is that?")
    seen = Recorder()
    async with serving([seen], deadline=1) as (served, remote):
        lib = PrivacyLib("inference", [seen])
        service = InferenceService(lib, FakeStore(tmp_path), FakeClock(), **GATED, answers=kept, remote=remote)
        async with (fakes.serving(lambda server: service.register(lib.server(server))) as own,
                    stub(inference_pb2_grpc.InferenceStub, own) as inference):
            await service.start()
            served.how = how
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await inference.Generate(question, metadata=META, timeout=10)
            error = from_rpc(caught.value)
            assert error.code == "PAI035" and error.next.startswith("curl http")
            assert not kept and not seen.of("write", "rpc:inference.Generate.response")
            served.how = "streams"
            answer = await inference.Generate(question, metadata=META, timeout=10)
            assert answer.answer == "It is a suspension bridge." and len(kept) == 1


async def test_who_waits_no_longer_ends_the_call_of_the_endpoint(tmp_path: Path) -> None:
    async with serving(deadline=20) as (served, remote):
        lib = PrivacyLib("inference", [])
        service = InferenceService(lib, FakeStore(tmp_path), FakeClock(), **GATED, remote=remote)
        async with (fakes.serving(lambda server: service.register(lib.server(server))) as own,
                    stub(inference_pb2_grpc.InferenceStub, own) as inference):
            await service.start()
            served.how = "drips"
            question = pb.GenerateRequest(model="assistant", prompt="What?")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await inference.Generate(question, metadata=META, timeout=1)
            assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            for _ in range(500):
                if served.closed:
                    break
                await asyncio.sleep(0.01)
            assert served.closed == 1


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"data: {text}\n\n".encode())
       | st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
                      | st.dictionaries(st.sampled_from(["choices", "delta", "content"]), inner, max_size=3),
                      max_leaves=8).map(lambda value: f"data: {json.dumps(value)}\n\n".encode()))
async def test_whatever_a_stream_holds_it_is_an_answer_or_a_clear_error(body: bytes) -> None:
    lib = PrivacyLib("inference", [])
    at = endpoints.parse(FILE, "f")
    sent = httpx.MockTransport(lambda request: httpx.Response(200, content=body,
                                                              headers={"content-type": "text/event-stream"}))
    remote = Remote(lib, at, lib.http(sent, dict([at.route])))
    with lib.scope(key="0" * 31 + "1"):
        try:
            for word in await said(remote):
                word.encode()
        except RunError as error:
            assert error.code == "PAI035"
    await remote.stop()


async def test_an_endpoint_that_is_away() -> None:
    lib = PrivacyLib("inference")
    at = replace(endpoints.parse(FILE, "f"), url="http://127.0.0.1:1/v1")
    remote = Remote(lib, at, lib.http(httpx.AsyncHTTPTransport(), dict([at.route])))
    with lib.scope(key="0" * 31 + "1"), pytest.raises(RunError) as caught:
        await said(remote)
    assert caught.value.code == "PAI035"


async def test_who_stops_listening_ends_the_stream() -> None:
    async with serving() as (served, remote):
        served.how = "endless"
        words = remote.words("What?", [], [])
        assert await anext(words) == "It"
        await words.aclose()
        for _ in range(200):
            if served.closed:
                break
            await asyncio.sleep(0.01)
        assert served.closed == 1


async def test_nothing_leaves_for_an_endpoint_that_no_contract_covers() -> None:
    rules = Rules([Requirement("r", 1, "o", "z", "enforcement", frozenset(["GLASSES_INTERACTION"]),
                               frozenset(["assistance"]))])
    async with serving([Guard(rules)], annotations=()) as (served, remote):
        with pytest.raises(PolicyDenied) as caught:
            await said(remote)
        assert caught.value.code == "PAI302" and not served.heard
    async with serving([Guard(rules)]) as (served, remote):  # the control: with the contract it goes
        assert await said(remote) and served.heard


async def test_the_key_is_sent_and_missed_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(key="SIGHTLINE_TEST_KEY") as (served, remote):
        with pytest.raises(InputError) as caught:
            await said(remote)
        assert caught.value.code == "PAI022" and not served.heard
        for wrong in ("s3crét", "s3\ncret", "s3cret "):
            monkeypatch.setenv("SIGHTLINE_TEST_KEY", wrong)
            with pytest.raises(InputError, match="SIGHTLINE_TEST_KEY; it has other characters") as caught:
                await said(remote)
            assert caught.value.code == "PAI022" and "s3" not in str(caught.value) and not served.heard
        monkeypatch.setenv("SIGHTLINE_TEST_KEY", "s3cret")
        await said(remote)
        assert served.heard[0][1]["authorization"] == "Bearer s3cret"


@pytest.mark.parametrize("path", ["v1%20x", "v 1", "ü", "a/../v1"])
async def test_the_call_is_by_its_route_however_the_url_is_spelled(path: str) -> None:
    seen = Recorder()
    lib = PrivacyLib("inference", [seen])
    at = endpoints.parse(FILE.replace("/v1/", f"/{path}/"), "f")
    sent = httpx.MockTransport(lambda request: httpx.Response(200, content=b"data: [DONE]",
                                                              headers={"content-type": "text/event-stream"}))
    remote = Remote(lib, at, lib.http(sent, dict([at.route])))
    with lib.scope(key="0" * 31 + "1"):
        assert await said(remote) == []
    await remote.stop()
    assert seen.of("call", ASSET), "it is captured, and guarded, as what is sent to the endpoint"


async def test_a_url_that_the_client_refuses_is_told_of() -> None:
    lib = PrivacyLib("inference")
    at = replace(endpoints.parse(FILE, "f"), url="http://h:abc/v1")
    remote = Remote(lib, at, httpx.MockTransport(lambda request: httpx.Response(200)))
    with lib.scope(key="0" * 31 + "1"), pytest.raises(RunError, match="Invalid port") as caught:
        await said(remote)
    assert caught.value.code == "PAI035"


def test_that_its_training_is_unknown_is_a_finding() -> None:
    seen = Recorder()
    lib = PrivacyLib("inference", [seen])
    Remote(lib, endpoints.parse(FILE, "f"), httpx.MockTransport(lambda request: httpx.Response(200))).start()
    assert [op.detail["code"] for op in seen.seen if op.kind == "finding"] == ["PAI216"]


def test_an_endpoint_is_read_from_its_file() -> None:
    assert endpoints.parse(FILE, "f") == Endpoint(
        "assistant", "http://127.0.0.1:8080/v1", "llama-3.2-1b", "assistant-quality", ("GLASSES_INTERACTION",), "", 3)


@pytest.mark.parametrize(("old", "new", "line", "what"), [
    ("http:", "ftp:", 2, "it is like http"), ("llama-3.2-1b", "a b", 3, "letters, digits"),
    ("owner: assistant-quality\n", "", 1, "'owner' is missing"), ("serves", "server", 3, "did you mean 'serves'"),
    ("deadline: 3", "deadline: soon", 6, "whole number"),
    ("http://127.0.0.1:8080", "http://[::1", 2, "it is like http"), ("8080", "abc", 2, "it is like http"),
    ("8080", "99999", 2, "it is like http"), ("8080", "0", 2, "it is like http"),
    ("127.0.0.1", "xn--", 2, "it is like http"), ("/v1/", "/v1?key=1", 2, "it is like http"),
    ("/v1/", "/v1#1", 2, "it is like http"), ("model: assistant", 'model: "as sistant#x@2"', 1, "small letters"),
    ("model: assistant", "model: assistant@2", 1, "small letters")])
def test_a_malformed_file_is_refused_with_its_line(old: str, new: str, line: int, what: str) -> None:
    with pytest.raises(InputError) as caught:
        endpoints.parse(FILE.replace(old, new, 1), "llm.yaml")
    assert caught.value.code == "PAI022" and caught.value.where == f"llm.yaml:{line}" and what in caught.value.what


@given(st.text(max_size=200))
def test_any_file_is_an_endpoint_or_an_input_error(text: str) -> None:
    try:
        endpoints.parse(text, "llm.yaml")
    except InputError as error:
        assert error.code == "PAI022"
