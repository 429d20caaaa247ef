"""[A] The last component of web: the answer for the app, and the form of every error."""

from __future__ import annotations

import hashlib

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from lineage.errors import InputError, PolicyDenied, SightlineError
from lineage.privacylib import PrivacyLib
from protos.inference_pb2 import GenerateResponse

FLOWS: dict[str, list[str]] = {"session": [], "answer": ["rpc:inference.Generate.response#answer"],
                               "checkpoint": ["rpc:inference.Generate.response#checkpoint"]}


class Answer(BaseModel):
    """As protos/web.proto's AskResponse."""

    session: str = Field(description="identifies this question and its answer")
    answer: str
    checkpoint: str = Field(description="what answered: assistant@2")


class Problem(BaseModel):
    """Every error: what is wrong, where, and what to do next."""

    code: str = Field(description="see `sightline explain CODE`", pattern="^PAI[0-9]{3}$")
    what: str
    where: str
    next: str


def answer(lib: PrivacyLib, generated: GenerateResponse, session: str) -> JSONResponse:
    said = Answer(session=session, answer=generated.answer, checkpoint=generated.checkpoint).model_dump()
    lib.respond(FLOWS, payload=said)
    return JSONResponse(said)


def problem(error: SightlineError, status: int = 0, headers: dict[str, str] | None = None) -> JSONResponse:
    """The error as JSON; the status is that of its kind where none is given."""
    if not status:
        status = 403 if isinstance(error, PolicyDenied) else 422 if isinstance(error, InputError) else 503
        status = 413 if error.code == "PAI002" and "larger than" in error.what else status
    return JSONResponse(error.to_dict(), status, headers)


def session_of(key: str, traceparent: str) -> str:
    """From the correlation key, and from the caller's span: one trace may hold several questions."""
    span = traceparent.split("-")[2] if traceparent.count("-") >= 3 else ""
    return hashlib.sha256(f"session/{key}/{span}".encode()).hexdigest()[:16]
