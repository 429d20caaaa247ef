"""HTTP clients: every request that leaves is a call, and the next service finds its context."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import Capture, Extension, MemorySink, Operation, PrivacyLib
from lineage.privacylib.asgi import Route

KEY = "0af7651916cd43dd8448eb211c80319c"
LABELS = {"utterance": Label("user.utterance")}
ASK = Route("web:ask", "response:ask", LABELS, {"answer": Label("user.answer")}, purpose="assistance")
ROUTES = {("POST", "/v1/ask"): ASK}


def libraries(*extensions: Extension) -> tuple[PrivacyLib, MemorySink, PrivacyLib, MemorySink]:
    sent, got = MemorySink(), MemorySink()
    return (PrivacyLib("app", [Capture(sent), *extensions], family="A"), sent,
            PrivacyLib("web", [Capture(got)], family="A"), got)


def ops(sink: MemorySink) -> list[tuple[str, str]]:
    return [(record.site.op, record.site.asset) for record in sink.records if record.site.op != "asset"]


def serving(web: PrivacyLib) -> httpx.ASGITransport:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        status = 500 if scope["query_string"] == b"fail" else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    instrumented: Any = web.asgi(app, ROUTES)
    return httpx.ASGITransport(instrumented)


async def test_a_request_is_a_call_and_the_server_finds_its_context() -> None:
    app, sent, web, got = libraries()
    async with httpx.AsyncClient(transport=app.http(serving(web), ROUTES), base_url="http://web") as client:
        with app.scope(key=KEY):
            response = await client.post("/v1/ask", json={}, headers={"traceparent": "00-nonsense"}, extensions={
                "sources": {"utterance": ["app:ask#utterance"]}, "via": "app:form"})
    assert response.json() == {}
    assert ops(sent) == [("call", "web:ask")]
    call = sent.records[-1]
    assert (call.key, call.site.via, call.site.links) == (KEY, "app:form", (("utterance", ("app:ask#utterance",)),))
    assert call.site.fields == ("request.utterance", "response.answer")
    assert ops(got) == [("read", "web:ask"), ("write", "response:ask")]
    assert {record.key for record in got.records if record.site.op == "read"} == {KEY}


async def test_without_it_the_context_is_lost_and_a_gap() -> None:
    app, sent, web, got = libraries()
    async with httpx.AsyncClient(transport=serving(web), base_url="http://web") as client:
        with app.scope(key=KEY):
            await client.post("/v1/ask", json={})
    assert ops(got)[0] == ("gap", "web:ask")
    assert ops(sent) == []


async def test_a_place_that_no_route_names_is_a_gap_and_gets_no_traceparent() -> None:
    app, sent, _, _ = libraries()
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    routes = {**ROUTES, ("GET", "/healthz"): None}
    async with httpx.AsyncClient(transport=app.http(httpx.MockTransport(answer), routes)) as client:
        with app.scope(key=KEY):
            await client.get("http://web/healthz")
            await client.get("http://elsewhere/secret/person")
    assert ops(sent) == [("gap", "app")]
    assert json.loads(sent.records[-1].detail) == {
        "code": "PAI202", "why": "GET to a place at elsewhere that no route names"}
    assert all("traceparent" not in request.headers for request in seen)


async def test_an_error_has_none_of_the_responses_fields_and_a_failure_is_told() -> None:
    app, sent, web, _ = libraries()
    async with httpx.AsyncClient(transport=app.http(serving(web), ROUTES), base_url="http://web") as client:
        with app.scope(key=KEY):
            await client.post("/v1/ask?fail")
    assert sent.records[-1].site.fields == ("request.utterance",)
    away = app.http(httpx.AsyncHTTPTransport(), ROUTES)
    async with httpx.AsyncClient(transport=away, base_url="http://127.0.0.1:1") as client:
        with app.scope(key=KEY), pytest.raises(httpx.ConnectError):
            await client.post("/v1/ask")
    assert json.loads(sent.records[-1].detail) == {"error": "ConnectError"}


class Refusing(Extension):
    guards = True

    def before(self, op: Operation) -> None:
        raise PolicyDenied("PAI302", "not this one", where=op.asset)


def test_a_sync_client_and_a_refusal_before_anything_left() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(307, headers={"location": "/v1/ask"}) if len(seen) == 1 else httpx.Response(200)

    app, sent, _, _ = libraries()
    with httpx.Client(transport=app.http(httpx.MockTransport(answer), ROUTES), base_url="http://web",
                      follow_redirects=True) as client, app.scope(key=KEY):
        assert client.post("/v1/ask").status_code == 200
    assert ops(sent) == [("call", "web:ask")] * 2  # a redirect is one more request
    assert all(KEY in request.headers["traceparent"] for request in seen)
    app, sent, _, _ = libraries(Refusing())
    with httpx.Client(transport=app.http(httpx.MockTransport(answer), ROUTES), base_url="http://web") as client:
        with app.scope(key=KEY), pytest.raises(PolicyDenied):
            client.post("/v1/ask")
    assert len(seen) == 2
    assert ops(sent) == []
