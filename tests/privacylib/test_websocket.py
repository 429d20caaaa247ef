"""WebSockets: one scope per connection, a read per message that arrives, a write per message that leaves."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import Capture, Extension, MemorySink, Operation, PrivacyLib
from lineage.privacylib.asgi import Route

KEY = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {"traceparent": f"00-{KEY}-b7ad6b7169203331-01"}
ROUTES = {("WS", "/v1/talk"): Route("web:talk", "response:talk", {"text": Label("user.utterance")},
                                    {"text": Label("user.answer")}, purpose="assistance")}


def service(*extensions: Extension,
            routes: dict[tuple[str, str], Route] = ROUTES) -> tuple[PrivacyLib, MemorySink, TestClient]:
    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink), *extensions], family="A")
    app = FastAPI()

    @app.websocket("/v1/talk")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            if text == "bye":
                return
            if text == "linked":
                lib.respond({"text": ["web:talk#text"]})
            answers: asyncio.Queue[str] = asyncio.Queue()

            async def think(text: str = text, answers: asyncio.Queue[str] = answers) -> None:
                with lib.read("file:own"):
                    await answers.put(f"{text}!")

            await asyncio.create_task(think())
            await socket.send_text(await answers.get())

    @app.exception_handler(PolicyDenied)
    async def problem(socket: Any, denied: PolicyDenied) -> None:
        """An app that thinks it has dealt with the refusal."""

    @app.websocket("/healthz")
    async def health(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("well")
        await socket.close()

    return lib, sink, TestClient(lib.asgi(app, routes))


def operations(sink: MemorySink) -> list[tuple[str, str]]:
    return [(record.site.op, record.site.asset) for record in sink.records if record.site.op != "asset"]


EXCHANGE = [("read", "web:talk"), ("read", "file:own"), ("write", "response:talk")]


def test_a_connection_is_one_scope_and_each_message_an_operation() -> None:
    _, sink, client = service()
    with client.websocket_connect("/v1/talk", headers=HEADERS) as socket:
        for text in ("hello", "linked"):
            socket.send_text(text)
            assert socket.receive_text() == f"{text}!"
        socket.send_text("bye")
    assert operations(sink) == [*EXCHANGE, *EXCHANGE, ("read", "web:talk")]
    records = [record for record in sink.records if record.site.op != "asset"]
    assert {(record.key, record.purpose, record.site.family) for record in records} == {(KEY, "assistance", "A")}
    assert len({record.scope for record in records}) == 1
    first, second = (record.site for record in records if record.site.op == "write")
    assert (first.linked, first.fields) == (False, ("text",))
    assert (second.linked, second.links) == (True, (("text", ("web:talk#text",)),))


@pytest.mark.parametrize("headers", [{}, {"traceparent": "00-nonsense"}, {"traceparent": "x" * 9000}])
def test_a_handshake_without_or_with_a_malformed_context_is_one_gap_and_served(headers: dict[str, str]) -> None:
    _, sink, client = service()
    with client.websocket_connect("/v1/talk", headers=headers) as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello!"
    assert operations(sink) == [("gap", "web:talk"), *EXCHANGE]


def test_a_message_reads_the_fields_that_it_holds_where_the_route_can_tell() -> None:
    ((place, route),) = ROUTES.items()
    _, sink, client = service(routes={place: route._replace(held=lambda message: tuple(message["text"].split()))})
    with client.websocket_connect("/v1/talk", headers=HEADERS) as socket:
        for text in ("text gaze", "text", ""):
            socket.send_text(text)
            socket.receive_text()
    reads = [record.site.fields for record in sink.records
             if (record.site.op, record.site.asset) == ("read", "web:talk")]
    assert reads == [("text", "gaze"), ("text",), ()]


def test_other_places_are_left_alone() -> None:
    _, sink, client = service()
    with client.websocket_connect("/healthz") as socket:
        assert socket.receive_text() == "well"
    assert operations(sink) == []


def test_connections_at_a_time_keep_their_keys() -> None:
    _, sink, client = service()
    heads = [{"traceparent": f"00-{number:032x}-b7ad6b7169203331-01"} for number in (1, 2)]
    with client.websocket_connect("/v1/talk", headers=heads[0]) as one:
        with client.websocket_connect("/v1/talk", headers=heads[1]) as other:
            for socket in (one, other, one):
                socket.send_text("hello")
                assert socket.receive_text() == "hello!"
    keys = [record.key for record in sink.records if record.site.op == "write"]
    assert keys == [f"{number:032x}" for number in (1, 2, 1)]


class Refuse(Extension):
    guards = True

    def __init__(self, kind: str, after: int) -> None:
        self.kind = kind
        self.left = after

    def before(self, op: Operation) -> None:
        if op.kind == self.kind and op.asset != "file:own":
            self.left -= 1
            if self.left < 0:
                raise PolicyDenied("PAI302", "not this one " + "é" * 100, where=op.asset)


@pytest.mark.parametrize("kind", ["read", "write"])
def test_a_refused_message_does_not_pass_and_closes_the_connection(kind: str) -> None:
    _, sink, client = service(Refuse(kind, 1))
    with client.websocket_connect("/v1/talk", headers=HEADERS) as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello!"
        socket.send_text("again")
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
    assert closed.value.code == 1008
    assert closed.value.reason.startswith("PAI302: not this one é")
    assert len(closed.value.reason.encode()) <= 123
    assert operations(sink) == EXCHANGE + (EXCHANGE[:2] if kind == "write" else [])


def test_a_refusal_that_the_app_lets_through_closes_too() -> None:
    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink), Refuse("read", 0)])
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.receive", "text": "x"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/v1/talk", "headers": [(b"traceparent", HEADERS["traceparent"].encode())]}
    asyncio.run(lib.asgi(app, ROUTES)(scope, receive, send))
    assert [(message["type"], message["code"]) for message in sent] == [("websocket.close", 1008)]
    assert operations(sink) == []
    assert json.dumps(sent)
