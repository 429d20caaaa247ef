"""ASGI: a route's request is read, its response written, in the request's own scope."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import Capture, Extension, MemorySink, Operation, PrivacyLib
from lineage.privacylib.asgi import Route

KEY = "0af7651916cd43dd8448eb211c80319c"
ROUTES = {("POST", "/v1/ask"): Route("web:ask", "response:ask", {"utterance": Label("user.utterance")},
                                     {"answer": Label("user.answer")}, purpose="assistance")}


async def ask(headers: dict[str, str], method: str = "POST", path: str = "/v1/ask",
              *extensions: Extension) -> tuple[MemorySink, httpx.Response]:
    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink), *extensions], family="A")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/v1/ask" and scope["method"] == "POST":
            lib.respond({"answer": ["web:ask#utterance"]})
            body = f"{lib.context.key} {lib.context.purpose}".encode()
        else:
            body = b"other"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    wrapped: Any = lib.asgi(app, ROUTES)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(wrapped), base_url="http://web") as client:
        return sink, await client.request(method, path, headers=headers)


def ops(sink: MemorySink) -> list[tuple[str, str]]:
    return [(record.site.op, record.site.asset) for record in sink.records if record.site.op != "asset"]


async def test_a_request_is_a_read_and_a_write_under_its_key() -> None:
    sink, response = await ask({"traceparent": f"00-{KEY}-b7ad6b7169203331-01"})
    assert response.text == f"{KEY} assistance"
    assert ops(sink) == [("read", "web:ask"), ("write", "response:ask")]
    assert sink.records[-1].site.links == (("answer", ("web:ask#utterance",)),)
    assert {record.key for record in sink.records[-2:]} == {KEY}


async def test_a_request_without_or_with_a_malformed_context_is_answered_and_a_gap() -> None:
    for headers in ({}, {"traceparent": "00-nonsense"}, {"traceparent": "x" * 9000}):
        sink, response = await ask(headers)
        assert response.status_code == 200
        assert ops(sink)[0] == ("gap", "web:ask")


async def test_other_routes_are_left_alone() -> None:
    sink, response = await ask({}, "GET", "/healthz")
    assert response.text == "other"
    assert ops(sink) == []


class Refuse(Extension):
    guards = True

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def before(self, op: Operation) -> None:
        if op.kind == self.kind:
            raise PolicyDenied("PAI302", "not this one", where=op.asset)


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_a_refused_request_or_response_is_answered_with_403_and_none_of_its_data(kind: str) -> None:
    sink, response = await ask({"traceparent": f"00-{KEY}-b7ad6b7169203331-01"}, "POST", "/v1/ask", Refuse(kind))
    assert response.status_code == 403
    assert response.json()["code"] == "PAI302"
    assert KEY not in response.text
    said = sink.records[-1]
    assert (said.site.op, said.site.asset, said.site.linked, said.site.links, said.site.fields) == (
        "write", "response:ask", True, (), ())
    assert ops(sink).count(("write", "response:ask")) == 1
