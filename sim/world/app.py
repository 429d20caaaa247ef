"""The companion app [A]: takes a capture from the glasses, asks the web service, gives back the answer.

One scope per question, under the correlation key that the glasses gave it.  The app keeps the question
in its outbox until the next one takes its place.  Conversations are in talk.py, overlays in overlay.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import httpx

from lineage.codes import CODES
from lineage.errors import InputError, PolicyDenied, RunError, SightlineError
from lineage.privacylib import PrivacyLib
from protos.web_pb2 import AskRequest
from services.seams import Store, Tap
from sim.world.device import PREPROCESSED, OnDevice, Port
from sim.world.glasses import Capture
from sim.world.photo import media_type

PATH = "/v1/ask"
DEVICE = "device:glasses"
PREPARED = f"device:{PREPROCESSED}"
OUTBOX = "app:ask"
WEB = "web:ask"
RESPONSE = "response:ask"
NEXT = "read the web service's log in the run folder, or run again with --topology inproc"


class Line(Protocol):
    """An open WebSocket.  ``receive`` and ``send`` raise :class:`HungUp` when the other side has closed."""

    async def send(self, text: str) -> None: ...

    async def receive(self) -> str: ...


class HungUp(Exception):
    """``code`` as in RFC 6455, 7.4; 1006 where the connection just ended."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


# (path, headers) → the connection.
Dial = Callable[[str, Mapping[str, str]], AbstractAsyncContextManager[Line]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.  ``checkpoint`` answered: "assistant@2".  ``aside``: of the people near by."""

    session: str
    answer: str
    checkpoint: str
    aside: str = ""


class CompanionApp:
    """``client`` has the web service's base address; ``tap`` sees what physically goes to and from the glasses;
    ``dial`` opens a WebSocket to the web service; ``device``: what the glasses do by themselves."""

    def __init__(self, lib: PrivacyLib, client: httpx.AsyncClient, store: Store, tap: Tap | None = None, *,
                 dial: Dial | None = None, device: OnDevice | None = None) -> None:
        self.lib = lib
        self.client = client
        self.store = store
        self._tap = tap
        self.dial = dial
        self.device = device

    @property
    def port(self) -> Port:
        """The app's way to the places on what the wearer wears."""
        assert self._tap is not None
        return Port(self.lib, self._tap)

    async def ask(self, capture: Capture, *, prepared: bool = False) -> Answer:
        """One question, all the way round.  ``prepared``: the glasses have worked on the capture before.

        Raises InputError or PolicyDenied with the code that the web service answered, and RunError (PAI031)
        when it cannot be reached, fails, or answers what is no answer.
        """
        with self.lib.scope(traceparent=capture.traceparent, purpose="assistance", principal="app",
                             region=capture.region, family="A"):
            sent = self._take(capture, prepared)
            with self.lib.call(WEB, sources={field: [f"{OUTBOX}#{field}"] for field in sent}):
                answer = await self._post(capture)
            given = ("answer", "aside") if answer.aside else ("answer",)
            with self.lib.write(DEVICE, fields=given, sources={field: [f"{RESPONSE}#{field}"] for field in given}):
                self._touch("write", len(f"{answer.answer}{answer.aside}".encode()))
            return answer

    def _take(self, capture: Capture, prepared: bool) -> tuple[str, ...]:
        """From the glasses into the outbox; the names of the fields that hold something."""
        payload = {field: value for field, value in _fields(capture).items() if value}
        device = PREPARED if prepared else DEVICE
        # Said again where it is read: the inventory finds the asset at the call.
        with self.lib.read(PREPARED if prepared else DEVICE, fields=tuple(payload), payload=payload):
            self._touch("read", sum(len(value.encode() if isinstance(value, str) else value)
                                    for value in payload.values()), device)
        with self.lib.write(OUTBOX, sources={field: [f"{device}#{field}"] for field in payload}):
            self.store.write("app/ask", _message(capture))
        return tuple(payload)

    def _touch(self, op: str, size: int, device: str = DEVICE) -> None:
        if self._tap is not None:
            self._tap.device("read" if op == "read" else "write", size, device.partition(":")[2])

    async def _post(self, capture: Capture) -> Answer:
        form = {field: value for field, value in _fields(capture).items()
                if isinstance(value, str) and (value or field != "overheard")}
        pictures = {field: (name, value, kind) for field, value in _fields(capture).items()
                    if isinstance(value, bytes) and value for name, kind in (media_type(value),)}
        try:
            response = await self.client.post(PATH, data=form, files=pictures, headers=self.lib.headers())
        except httpx.HTTPError as error:
            raise RunError("PAI031", f"the web service did not answer: {type(error).__name__}", where=WEB,
                           next=NEXT) from error
        body = body_of(response)
        if not response.is_success:
            raise error_of(response.status_code, body)
        said = [body.get(field, "" if field == "aside" else None)
                for field in ("session", "answer", "checkpoint", "aside")]
        session, answer, checkpoint, aside = said
        if (isinstance(session, str) and isinstance(answer, str) and isinstance(checkpoint, str)
                and isinstance(aside, str)):
            return Answer(session, answer, checkpoint, aside)
        raise RunError("PAI031", f"HTTP {response.status_code} without session, answer and checkpoint", where=WEB,
                       next=NEXT)


def _fields(capture: Capture) -> dict[str, str | bytes]:
    """The fields of AskRequest (protos/web.proto): the capture without its trace context."""
    fields = asdict(capture)
    del fields["traceparent"]
    return fields


def _message(capture: Capture) -> bytes:
    fields: dict[str, Any] = dict(_fields(capture))
    return AskRequest(**fields).SerializeToString()


def body_of(response: httpx.Response) -> Mapping[str, object]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def error_of(status: int, body: Mapping[str, object], where_: str = WEB) -> SightlineError:
    """The service's own error ({"code", "what", "where", "next"}) where it gave one, else PAI031."""
    code = str(body.get("code", ""))
    if code not in CODES:
        return RunError("PAI031", f"the web service answered HTTP {status}", where=where_, next=NEXT)
    if code.startswith("PAI3"):
        kind: type[SightlineError] = PolicyDenied
    else:
        kind = InputError if status < 500 else RunError
    what, where, next_ = (str(body.get(key) or "") for key in ("what", "where", "next"))
    return kind(code, what or CODES[code].title, where=where or where_, next=next_)
