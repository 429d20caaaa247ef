"""[A] and [C] One conversation: a WebSocket to the app on one side, a stream to inference on the other.

Two directions at once: parts of the answer go out while messages come in.  A new turn cuts off the answer that
is still being given.  The last part of an answer is given when its turn's event is durable; earlier parts are
given as they are made, and what was given of a turn that was cut off is logged when the next one begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from starlette.websockets import WebSocket, WebSocketDisconnect

from lineage.privacylib import PrivacyLib
from protos.inference_pb2 import ConverseRequest
from services.errors import calling
from services.web import minutes, reply, speech
from services.web.dialogue import Dialogue
from services.web.speech import Speech

# Seconds: of a whole conversation, and of one event.
DEADLINE = 600.0
LOG_DEADLINE = 5.0
_DONE = 1000


class Turn(NamedTuple):
    number: int
    utterance: str
    location: str
    parts: list[str]
    checkpoint: list[str]


class Conversation:
    """``inference`` and ``logger``: stubs."""

    def __init__(self, lib: PrivacyLib, socket: WebSocket, *, inference: Any, logger: Any) -> None:
        self._lib = lib
        self._socket = socket
        self._inference = inference
        self._logger = logger
        self._dialogue = Dialogue(lib)
        self._speaker: Speech | None = None
        self._turns = 0
        self._open: Turn | None = None

    async def hold(self) -> None:
        """Until one side ends it.  Raises SightlineError."""
        await self._socket.accept()
        async with self._stream() as answers:
            while not answers.done():
                data = await self._next(answers)
                if data is None or await self._heard(data):
                    break
            await self._logged()
            with suppress(asyncio.InvalidStateError):  # inference has ended the stream before
                await self._call.done_writing()
            await answers
        if data is not None:
            await self._socket.close(_DONE)

    @asynccontextmanager
    async def _stream(self) -> AsyncIterator[asyncio.Task[None]]:
        """The stream to inference, with the task that passes its answers on; both are over at the end."""
        self._call = self._inference.Converse(sources={}, timeout=DEADLINE)
        answers = asyncio.create_task(self._answers())
        try:
            yield answers
        finally:
            self._call.cancel()
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            # Until then its signal is not out.
            await self._call.code()

    async def _next(self, answers: asyncio.Task[None]) -> str | bytes | None:
        """The app's next message, None when it has left.  Raises what ended the answers, if that comes first."""
        incoming = asyncio.create_task(self._socket.receive())
        await asyncio.wait((incoming, answers), return_when=asyncio.FIRST_COMPLETED)
        if not incoming.done():
            incoming.cancel()
            await asyncio.gather(incoming, return_exceptions=True)
            answers.result()
            return None
        message = incoming.result()
        if message["type"] == "websocket.disconnect":
            return None
        found: str | bytes = message.get("text") or message.get("bytes") or ""
        return found

    async def _heard(self, data: str | bytes) -> bool:
        """Passes one message on; True when it was the last."""
        said = speech.parse(data, self._lib, first=self._speaker is None)
        if said.over:
            return True
        if said.heard:
            await self._send(ConverseRequest(heard=True), {})
            return False
        await self._logged()
        self._speaker = self._speaker or said
        request = self._dialogue.turn(said)
        self._turns += 1
        self._open = Turn(self._turns, said.utterance, said.location, [], [])
        await self._send(request, self._dialogue.sources(request))
        return False

    async def _send(self, request: ConverseRequest, sources: dict[str, list[str]]) -> None:
        with calling("inference"):
            # A stream that has ended says why to the task that reads it.
            with suppress(asyncio.InvalidStateError):
                await self._call.write(request, sources=sources)

    async def _answers(self) -> None:
        with calling("inference"), suppress(WebSocketDisconnect):
            async for made in self._call:
                if self._open is None or made.turn != self._open.number:
                    continue  # of an answer that has been cut off
                self._open.parts.append(made.part)
                self._open.checkpoint[:] = [made.checkpoint]
                if made.last:
                    await self._logged()
                await self._socket.send_text(reply.message(self._lib, made))

    async def _logged(self) -> None:
        """The open turn, if any, is durable and remembered when this returns."""
        turn, self._open = self._open, None
        if turn is None or self._speaker is None:
            return
        answer = " ".join(turn.parts)
        self._dialogue.remember(turn.utterance, answer)
        event = minutes.event(self._lib, self._speaker, turn.number, turn.utterance, answer, turn.location,
                              "".join(turn.checkpoint))
        with calling("logger"):
            await self._logger.Append(event, sources=minutes.sources(turn.location), timeout=LOG_DEADLINE)
