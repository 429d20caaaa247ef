"""[A] and [C] Web: from the app's question to the model, to the logger, and back with the answer.

An answer whose event is not durable is not given: what a wearer was told is always on record.  That holds for
each turn of a conversation (``conversation.py``); an overlay, which nobody asked for, is not logged.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from lineage.privacylib import PrivacyLib
from protos.inference_pb2 import GenerateResponse, PlaceResponse
from services.debug import DebugLog
from services.errors import calling
from services.seams import Clock, Store
from services.web import card, dialogue, ingest, log, memory, minutes, place, profile, prompt, reply, respond, session
from services.web.app import create_app
from services.web.conversation import Conversation
from services.web.memory import Recall

COMPONENTS: tuple[Any, ...] = (session, prompt, respond, log, dialogue, reply, minutes, card, profile)
# Seconds.
GENERATE_DEADLINE = 10.0
LOG_DEADLINE = log.DEADLINE


class WebService:
    """``inference`` and ``logger``: stubs.  ``app`` is the ASGI app, to be wrapped by PrivacyLib.  ``recall``: what is
    remembered of a wearer, if anything is.  ``store``: of the debug log."""

    name = "web"

    def __init__(self, lib: PrivacyLib, clock: Clock, *, inference: Any, logger: Any,
                 recall: Recall | None = None, store: Store | None = None) -> None:
        self._lib = lib
        self._inference = inference
        self._logger = logger
        self._recall = recall
        self.app = create_app(self, DebugLog(lib, store))

    def register(self, server: Any) -> None:
        """Web serves HTTP; it has no RPC of its own."""

    async def start(self) -> None:
        """Registers web's components, and declares the flows between them: ingest → session → … → log."""
        lib = self._lib
        for component in COMPONENTS:
            lib.register(component.ASSET, component.LABELS)
            lib.declare(component.ASSET, component.FLOWS)
        lib.register(place.PLACE, place.LABELS)
        lib.declare(place.PLACE, place.FLOWS)
        for asset, sent in ((prompt.REQUEST, prompt.SENT), ("response:ask", respond.SENT), (log.REQUEST, log.SENT),
                            (dialogue.REQUEST, dialogue.SENT), (reply.RESPONSE, reply.SENT),
                            (log.REQUEST, minutes.SENT), (place.REQUEST, place.SENT),
                            ("response:overlay", card.SENT), (log.REQUEST, profile.SENT)):
            lib.declare(asset, sent)
        if self._recall is not None:
            for asset, sent in (("rpc:warehouse.Read.request", memory.ASKED), (prompt.ASSET, memory.FLOWS),
                                (prompt.REQUEST, {prompt.MEMORY: [f"{prompt.ASSET}#{prompt.MEMORY}"]})):
                lib.declare(asset, sent)

    async def stop(self) -> None:
        """Nothing is kept."""

    async def ask(self, request: Request) -> Response:
        """Raises SightlineError."""
        lib = self._lib
        asked = await ingest.receive(request, lib)
        opened = session.opened(lib, asked, request.headers.get("traceparent", ""))
        recalled = await self._recall.of(opened.wearer) if self._recall is not None else None
        question = prompt.build(lib, asked, opened, recalled)
        with calling("inference"):
            generated: GenerateResponse = await self._inference.Generate(
                question, sources=prompt.sources(question, recalled), timeout=GENERATE_DEADLINE)
        said = respond.answer(lib, generated, opened)
        await log.append(lib, self._logger, asked, opened, generated, said)
        return respond.given(lib, said)

    async def profile(self, request: Request) -> Response:
        """Raises SightlineError."""
        lib = self._lib
        told = await profile.receive(request, lib)
        with calling("logger"):
            await self._logger.Append(profile.event(lib, told), sources=profile.SENT, timeout=LOG_DEADLINE)
        return profile.stored(lib)

    async def converse(self, socket: WebSocket) -> None:
        """Raises SightlineError."""
        await Conversation(self._lib, socket, inference=self._inference, logger=self._logger).hold()

    async def overlay(self, request: Request) -> Response:
        """Raises SightlineError."""
        lib = self._lib
        seen = await place.receive(request, lib)
        with calling("inference"):
            made: PlaceResponse = await self._inference.Overlay(
                place.build(lib, seen), sources=place.sources(seen), timeout=GENERATE_DEADLINE)
        return card.given(lib, made)
