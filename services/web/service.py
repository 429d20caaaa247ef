"""[A] and [C] Web: from the app's question to the model, to the logger, and back with the answer.

An answer whose event is not durable is not given: what a wearer was told is always on record.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from lineage.privacylib import PrivacyLib
from protos.inference_pb2 import GenerateResponse
from services.errors import calling
from services.seams import Clock
from services.web import ingest, log, prompt, respond
from services.web.app import create_app

# Seconds.
GENERATE_DEADLINE = 10.0
LOG_DEADLINE = 5.0


class WebService:
    """``inference`` and ``logger``: stubs.  ``app`` is the ASGI app, to be wrapped by PrivacyLib."""

    name = "web"

    def __init__(self, lib: PrivacyLib, clock: Clock, *, inference: Any, logger: Any) -> None:
        self._lib = lib
        self._inference = inference
        self._logger = logger
        self.app = create_app(self)

    def register(self, server: Any) -> None:
        """Web serves HTTP; it has no RPC of its own."""

    async def start(self) -> None:
        """Declares the flows between web's components."""
        lib = self._lib
        lib.declare("rpc:inference.Generate.request", prompt.FLOWS, "web:prompt")
        lib.declare("rpc:logger.Append.request",
                    {f"{log.CATEGORY}.{field}": names for field, names in log.FLOWS.items()}, "web:log")
        lib.declare("response:ask", respond.FLOWS, "web:respond")

    async def stop(self) -> None:
        """Nothing is kept."""

    async def ask(self, request: Request) -> Response:
        """Raises SightlineError."""
        lib = self._lib
        asked = await ingest.receive(request, lib)
        with calling("inference"):
            generated: GenerateResponse = await self._inference.Generate(
                prompt.build(asked), sources=prompt.sources(asked), via="web:prompt", timeout=GENERATE_DEADLINE)
        session = respond.session_of(lib.context.key, request.headers.get("traceparent", ""))
        event = log.event(asked, generated, session, lib.context.key)
        with calling("logger"):
            await self._logger.Append(event, sources=log.sources(asked), via="web:log", timeout=LOG_DEADLINE)
        return respond.answer(lib, generated, session)
