"""[A] The HTTP surface of web: ``POST /v1/ask``, ``/v1/overlay`` and ``/v1/profile``, the WebSocket ``/v1/converse``,
``GET /healthz``.

Every error is JSON with a code, never a traceback.  There are no pages with scripts from elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Protocol

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from lineage.errors import InputError, PolicyDenied, RunError, SightlineError
from lineage.privacylib.refusal import close_reason
from services.debug import DebugLog
from services.web.card import Card
from services.web.fields import MAX_TEXT, MAX_UTTERANCE
from services.web.place import GESTURES
from services.web.respond import Answer, Problem, problem

_TEXT = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
_BODY = {
    "type": "object",
    "required": ["photo", "utterance", "wearer", "region", "device", "asked_at"],
    "additionalProperties": False,
    "properties": {
        "photo": {"type": "string", "format": "binary", "description": "JPEG, PNG or WebP; at most 10 MB"},
        "utterance": {"type": "string", "minLength": 1, "maxLength": MAX_UTTERANCE},
        "location": {"type": "string", "description": "latitude,longitude in degrees, or empty"},
        "wearer": _TEXT,
        "region": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "device": _TEXT,
        "asked_at": {"type": "string", "format": "date-time"},
        "overheard": {"type": "string", "maxLength": MAX_UTTERANCE, "description": "what somebody near by said"},
        "faces": {"type": "string", "format": "binary", "description": "of people near by, side by side in a picture"},
    },
}
_OVERLAY = {
    "type": "object",
    "required": ["location", "region"],
    "additionalProperties": False,
    "properties": {
        "location": {"type": "string", "description": "latitude,longitude in degrees"},
        "region": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "gesture": {"type": "string", "enum": list(GESTURES), "description": "made at the card that is shown"},
        "shown": {"type": "string", "description": "the title of the card that is shown"},
    },
}
_PROFILE = {
    "type": "object",
    "required": ["wearer", "name", "language", "region", "updated_at"],
    "additionalProperties": False,
    "properties": {
        "wearer": _TEXT,
        "name": _TEXT,
        "language": {"type": "string", "pattern": "^[a-z]{2,3}(-[A-Za-z]{2,4})?$", "description": "BCP 47"},
        "region": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "updated_at": {"type": "string", "format": "date-time"},
    },
}
# RFC 6455, 7.4.1: what a message holds is not acceptable; the service failed.  A refusal is 1008, by PrivacyLib.
_UNACCEPTABLE, _FAILED = 1007, 1011
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": meaning}
    for status, meaning in ((403, "a requirement forbids it"), (413, "the request is too large"),
                            (422, "a part is missing or malformed"), (500, "the service failed"),
                            (503, "a service that is needed did not answer"))}


class Stored(BaseModel):
    """As protos/web.proto's ProfileResponse."""

    stored: bool


class Asking(Protocol):
    async def ask(self, request: Request) -> Response: ...

    async def overlay(self, request: Request) -> Response: ...

    async def profile(self, request: Request) -> Response: ...

    async def converse(self, socket: WebSocket) -> None: ...


def create_app(service: Asking, debug: DebugLog) -> FastAPI:
    app = FastAPI(title="sightline web", version="1", docs_url=None, redoc_url=None)

    @app.post("/v1/ask", response_model=Answer, responses=_PROBLEMS,
              openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _BODY}}}})
    async def ask(request: Request) -> Response:
        """A question with a photo, asked through the glasses; its answer."""
        return await _answered(service.ask(request), debug)

    @app.post("/v1/overlay", response_model=Card, responses=_PROBLEMS,
              openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _OVERLAY}}}})
    async def overlay(request: Request) -> Response:
        """A card about a place near by, for the glasses to show; nobody asked."""
        return await _answered(service.overlay(request), debug)

    @app.post("/v1/profile", response_model=Stored, responses=_PROBLEMS,
              openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _PROFILE}}}})
    async def profile(request: Request) -> Response:
        """What a wearer says of herself when she sets up the glasses."""
        return await _answered(service.profile(request), debug)

    @app.websocket("/v1/converse")
    async def converse(socket: WebSocket) -> None:
        try:
            await service.converse(socket)
        except (PolicyDenied, WebSocketDisconnect):
            raise
        except SightlineError as error:
            await _closed(socket, error)
        except Exception as error:
            debug.unforeseen(error)
            await _closed(socket, RunError("PAI031", "web failed in this conversation; its log says why", where="web"))

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Alive."""
        return {"status": "ok"}

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        what = InputError("PAI004", f"{request.method} {request.url.path[:80]}: {error.detail}", where="web",
                          next="POST /v1/ask; /openapi.json says how")
        return problem(what, error.status_code, dict(error.headers or {}))

    return app


async def _answered(answer: Awaitable[Response], debug: DebugLog) -> Response:
    try:
        return await answer
    except SightlineError as error:
        return problem(error)
    except Exception as error:
        debug.unforeseen(error)
        return problem(RunError("PAI031", "web failed on this request; its log says why", where="web"), 500)


async def _closed(socket: WebSocket, error: SightlineError) -> None:
    """The code and as much of the text as fits, in the reason; nothing where the app has left already."""
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.close(_UNACCEPTABLE if isinstance(error, InputError) else _FAILED, close_reason(error))
