"""[A] The HTTP surface of web: ``POST /v1/ask`` and ``GET /healthz``.

Every error is JSON with a code, never a traceback.  There are no pages with scripts from elsewhere.
"""

from __future__ import annotations

import logging
from typing import Any, Protocol

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lineage.errors import InputError, RunError, SightlineError
from services.web.ingest import MAX_TEXT, MAX_UTTERANCE
from services.web.respond import Answer, Problem, problem

_log = logging.getLogger("sightline.web")

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
    },
}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": meaning}
    for status, meaning in ((403, "a requirement forbids it"), (413, "the request is too large"),
                            (422, "a part is missing or malformed"), (500, "the service failed"),
                            (503, "a service that is needed did not answer"))}


class Asking(Protocol):
    async def ask(self, request: Request) -> Response: ...


def create_app(service: Asking) -> FastAPI:
    app = FastAPI(title="sightline web", version="1", docs_url=None, redoc_url=None)

    @app.post("/v1/ask", response_model=Answer, responses=_PROBLEMS,
              openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _BODY}}}})
    async def ask(request: Request) -> Response:
        """A question with a photo, asked through the glasses; its answer."""
        try:
            return await service.ask(request)
        except SightlineError as error:
            return problem(error)
        except Exception:
            _log.exception("web: a request failed")
            return problem(RunError("PAI031", "web failed on this request; its log says why", where="web"), 500)

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
