"""The companion app against a fake web service: what it sends, what it reports, how it fails."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import httpx
import pytest

from lineage.errors import InputError, PolicyDenied, RunError, SightlineError
from lineage.model import Links
from lineage.privacylib import Extension, Operation, PrivacyLib
from sim.world.app import Answer, CompanionApp
from sim.world.glasses import Capture

CAPTURE = Capture(photo=b"\xff\xd8\xff photo", utterance="Hva er det der, på norsk?", location="59.9075,10.7531",
                  wearer="w-0007", region="NO", device="SG-1 0badcafe", asked_at="2026-01-05T09:01:00Z",
                  traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
ANSWER = {"session": "s-1", "answer": "Operaen på Bjørvika", "checkpoint": "assistant@2"}
FIELDS = ("photo", "utterance", "location", "wearer", "region", "device", "asked_at")


class Record(Extension):
    def __init__(self) -> None:
        self.seen: list[tuple[str, str, tuple[str, ...], Links]] = []
        self.operations: list[Operation] = []

    def after(self, op: Operation) -> None:
        self.seen.append((op.kind, op.asset, op.fields, op.links))
        self.operations.append(op)


class DeviceTap:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def device(self, op: str, size: int, name: str) -> None:
        assert name == "glasses"
        self.seen.append((op, size))


class Web:
    """What the service received, and what it answers."""

    def __init__(self, answer: Callable[[], httpx.Response] | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self.answer = answer or (lambda: httpx.Response(200, json=ANSWER))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer()

    @property
    def parts(self) -> dict[str, Message]:
        (request,) = self.requests
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        payload = BytesParser().parsebytes(head + request.content).get_payload()
        assert isinstance(payload, list)
        parts = [part for part in payload if isinstance(part, Message)]
        return {str(part.get_param("name", header="content-disposition")): part for part in parts}


class Outbox:
    """As much of a Store as the app uses."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def write(self, path: str, data: bytes) -> None:
        self.files[path] = data


async def ask(web: Web, capture: Capture = CAPTURE) -> tuple[Answer, Record, DeviceTap]:
    record, tap = Record(), DeviceTap()
    async with httpx.AsyncClient(transport=httpx.MockTransport(web), base_url="http://web") as client:
        app = CompanionApp(PrivacyLib("app", [record]), client, Outbox(), tap)  # type: ignore[arg-type]
        return await app.ask(capture), record, tap


async def test_the_request_fits_the_contract() -> None:
    web = Web()
    answer, _, _ = await ask(web)
    assert answer == Answer(**ANSWER)
    (request,) = web.requests
    assert (request.method, request.url.path) == ("POST", "/v1/ask")
    assert request.headers["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    parts = web.parts
    assert set(parts) == set(FIELDS)
    assert (parts["photo"].get_filename(), parts["photo"].get_content_type()) == ("photo.jpg", "image/jpeg")
    assert parts["photo"].get_payload(decode=True) == CAPTURE.photo
    for field in FIELDS[1:]:
        body = parts[field].get_payload(decode=True)
        assert isinstance(body, bytes)
        assert body.decode() == getattr(CAPTURE, field)


async def test_four_operations_in_one_scope_with_their_links() -> None:
    _, record, tap = await ask(Web())
    assert record.seen == [
        ("read", "device:glasses", FIELDS, ()),
        ("write", "app:ask", tuple(sorted(FIELDS)),
         tuple((field, (f"device:glasses#{field}",)) for field in sorted(FIELDS))),
        ("call", "web:ask", tuple(sorted(FIELDS)), tuple((field, (f"app:ask#{field}",)) for field in sorted(FIELDS))),
        ("write", "device:glasses", ("answer",), (("answer", ("response:ask#answer",)),)),
    ]
    contexts = {(op.context.key, op.context.scope, op.context.purpose, op.context.principal, op.context.region,
                 op.family) for op in record.operations}
    assert len(contexts) == 1
    key, _, *rest = contexts.pop()
    assert (key, rest) == ("0af7651916cd43dd8448eb211c80319c", ["assistance", "app", "NO", "A"])
    assert record.operations[0].payload["photo"] == CAPTURE.photo
    size = len(CAPTURE.photo) + sum(len(getattr(CAPTURE, field).encode()) for field in FIELDS[1:])
    assert tap.seen == [("read", size), ("write", len(ANSWER["answer"].encode()))]


async def test_an_empty_field_is_sent_but_linked_to_nothing() -> None:
    web = Web()
    _, record, _ = await ask(web, replace(CAPTURE, location=""))
    assert "location" in web.parts
    assert "location" not in record.seen[0][2]
    assert "location" not in dict(record.seen[1][3])
    assert "location" not in dict(record.seen[2][3])


async def test_without_a_tap() -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(Web()), base_url="http://web") as client:
        app = CompanionApp(PrivacyLib("app"), client, Outbox())  # type: ignore[arg-type]
        assert (await app.ask(CAPTURE)).session == "s-1"


def away() -> httpx.Response:
    raise httpx.ConnectError("refused")


ERROR = {"code": "PAI004", "what": "device is missing", "where": "web:ask#device", "next": "add it"}


@pytest.mark.parametrize(("answer", "kind", "code", "where"), [
    (lambda: httpx.Response(422, json=ERROR), InputError, "PAI004", "web:ask#device"),
    (lambda: httpx.Response(400, json=ERROR | {"where": None}), InputError, "PAI004", "web:ask"),
    (lambda: httpx.Response(503, json=ERROR | {"code": "PAI031"}), RunError, "PAI031", "web:ask#device"),
    (lambda: httpx.Response(403, json=ERROR | {"code": "PAI301"}), PolicyDenied, "PAI301", "web:ask#device"),
    (lambda: httpx.Response(422, json={"detail": []}), RunError, "PAI031", "web:ask"),
    (lambda: httpx.Response(400, json={"code": "NOPE"}), RunError, "PAI031", "web:ask"),
    (lambda: httpx.Response(500, text="Internal Server Error"), RunError, "PAI031", "web:ask"),
    (lambda: httpx.Response(404, json=["x"]), RunError, "PAI031", "web:ask"),
    (lambda: httpx.Response(200, text="<html>"), RunError, "PAI031", "web:ask"),
    (lambda: httpx.Response(200, json=ANSWER | {"answer": None}), RunError, "PAI031", "web:ask"),
    (away, RunError, "PAI031", "web:ask"),
])
async def test_a_failure_is_a_clear_error_and_the_glasses_get_no_answer(
        answer: Callable[[], httpx.Response], kind: type[SightlineError], code: str, where: str) -> None:
    record, tap = Record(), DeviceTap()
    async with httpx.AsyncClient(transport=httpx.MockTransport(Web(answer)), base_url="http://web") as client:
        app = CompanionApp(PrivacyLib("app", [record]), client, Outbox(), tap)  # type: ignore[arg-type]
        with pytest.raises(kind) as caught:
            await app.ask(CAPTURE)
    assert (caught.value.code, caught.value.where) == (code, where)
    assert caught.value.what
    assert caught.value.next
    assert [seen[:2] for seen in record.seen] == [("read", "device:glasses"), ("write", "app:ask"), ("call", "web:ask")]
    assert record.operations[2].detail["error"] == kind.__name__
    assert [op for op, _ in tap.seen] == ["read"]


def test_the_world_imports_no_service_but_its_seams() -> None:
    room = Path(__file__).parents[2] / "sim" / "world"
    imported: set[str] = set()
    for path in room.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
            elif isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
    assert {name for name in imported if name.split(".")[0] == "services"} == {"services.seams"}
    assert not {name for name in imported if name.startswith("sim.") and not name.startswith("sim.world")}
