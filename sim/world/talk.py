"""The companion app in a conversation [A]: what the wearer says goes up, parts of answers come down, at once.

One scope per conversation.  A part is heard when the glasses have it, and each that was heard lets one more be
made (the service keeps at most AHEAD parts under way).  A wearer who has heard enough speaks again: the rest of
the answer is cut off.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from lineage.codes import CODES
from lineage.errors import InputError, PolicyDenied, RunError, SightlineError
from protos.web_pb2 import ConverseMessage
from sim.world.app import NEXT, Answer, CompanionApp, HungUp, Line
from sim.world.device import GLASSES
from sim.world.glasses import View
from sim.world.memory import Memory

PATH = "/v1/converse"
OUTBOX = "app:converse"
WEB = "web:converse"
RESPONSE = "response:converse"
AHEAD = 2
_REFUSED, _UNACCEPTABLE = 1008, 1007


@dataclass(frozen=True, slots=True)
class Turn:
    """``cut``: after so many parts of the answer the wearer goes on to the next turn; 0 hears all of it."""

    utterance: str
    location: str = ""
    gaze: str = ""
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Talk:
    """What came of a conversation.  ``closed``: how the web service ended it; ``refused``: why, if it did."""

    answers: tuple[Answer, ...]
    cut: int
    closed: int
    refused: SightlineError | None = None


class Talker:
    """One conversation of one wearer, through the companion app."""

    def __init__(self, app: CompanionApp, memory: Memory, view: View) -> None:
        self._app = app
        self._memory = memory
        self._view = view
        self._answers: list[Answer] = []
        self._cut = 0

    async def hold(self, turns: Sequence[Turn]) -> Talk:
        """Every turn, until a requirement refuses one.

        Raises InputError for what the web service cannot accept, RunError (PAI031) when it cannot be reached or fails.
        """
        app, view = self._app, self._view
        with app.lib.scope(traceparent=view.traceparent, purpose="assistance", principal="app", region=view.region,
                           family="A"):
            async with AsyncExitStack() as resources:
                line: Line | None = None
                try:
                    for number, turn in enumerate(turns, 1):
                        line = await self._say(line, resources, turn)
                        await self._listen(line, turn.cut, f"{view.wearer}-{number}")
                    if line is not None:
                        await self._tell(line, {"over": True})
                        await line.receive()
                except HungUp as ended:
                    return self._ended(ended)
        raise RunError("PAI031", "the web service went on after the end of the conversation", where=WEB, next=NEXT)

    async def _say(self, line: Line | None, resources: AsyncExitStack, turn: Turn) -> Line:
        """From the glasses into the outbox, and up; the first message makes the connection that it goes by."""
        app, view = self._app, self._view
        said = {"utterance": turn.utterance, "location": turn.location, "gaze": turn.gaze}
        if line is None:
            said |= {"wearer": view.wearer, "region": view.region, "device": view.device, "asked_at": view.asked_at}
        said = {field: text for field, text in said.items() if text}
        self._memory.sense(GLASSES, **{field: text.encode() for field, text in said.items()})
        held = app.port.read(self._memory, GLASSES, tuple(said))
        message: dict[str, Any] = {field: value.decode() for field, value in held.items()}
        with app.lib.write(OUTBOX, sources={field: [f"device:{GLASSES}#{field}"] for field in message}):
            app.store.write("app/converse", ConverseMessage(**message).SerializeToString())
        with app.lib.call(WEB, sources={field: [f"{OUTBOX}#{field}"] for field in message}):
            if line is None:
                assert app.dial is not None
                line = await resources.enter_async_context(app.dial(PATH, app.lib.headers()))
            await line.send(json.dumps(message, ensure_ascii=False))
        return line

    async def _tell(self, line: Line, message: dict[str, bool]) -> None:
        with self._app.lib.call(WEB, fields=tuple(f"request.{field}" for field in message), sources={}):
            await line.send(json.dumps(message))

    async def _listen(self, line: Line, cut: int, session: str) -> None:
        """The answer, or as much of it as the wearer wants to hear."""
        answer, given = Answer(session, "", ""), 0
        while True:
            part, last, checkpoint = _reply(await line.receive())
            given += 1
            if not cut or given <= cut:
                answer = replace(answer, answer=f"{answer.answer} {part}".strip(), checkpoint=checkpoint)
                self._app.port.write(self._memory, GLASSES, {"answer": part.encode()},
                                     {"answer": [f"{RESPONSE}#part"]})
                if not last:
                    await self._tell(line, {"heard": True})
            if last or (cut and given == cut + AHEAD):
                self._cut += not last
                self._answers.append(answer)
                return

    def _ended(self, ended: HungUp) -> Talk:
        if ended.code == 1000:
            return Talk(tuple(self._answers), self._cut, ended.code)
        error = _error(ended)
        if not isinstance(error, PolicyDenied):
            raise error
        return Talk(tuple(self._answers), self._cut, ended.code, error)


def _reply(text: str) -> tuple[str, bool, str]:
    """(part, is it the last, checkpoint).  Raises RunError (PAI031) for what is no reply."""
    try:
        found = json.loads(text)
        part, last, checkpoint = found["part"], found["last"], found["checkpoint"]
    except (ValueError, KeyError, TypeError):
        part = last = checkpoint = None
    if not isinstance(part, str) or not isinstance(last, bool) or not isinstance(checkpoint, str):
        raise RunError("PAI031", "the web service sent what is no part of an answer", where=WEB, next=NEXT)
    return part, last, checkpoint


def _error(ended: HungUp) -> SightlineError:
    """The service's own error where the reason of the close gives one ("PAI302: …"), else PAI031."""
    code, _, what = ended.reason.partition(": ")
    if code not in CODES:
        return RunError("PAI031", f"the web service ended the conversation ({ended.code})", where=WEB, next=NEXT)
    kind = {_REFUSED: PolicyDenied, _UNACCEPTABLE: InputError}.get(ended.code, RunError)
    return kind(code, what or CODES[code].title, where=WEB)
