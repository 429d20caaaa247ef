"""[A] The fourth component of web: the answer for the app, and the form of every error."""

from __future__ import annotations

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from lineage.errors import InputError, PolicyDenied, SightlineError
from lineage.privacylib import PrivacyLib
from lineage.privacylib.contract import labels_of
from lineage.privacylib.probes import hand_over
from protos.inference_pb2 import GenerateResponse
from protos.web_pb2 import AskResponse
from services.web.session import Session

ASSET = "web:respond"
GENERATED = "rpc:inference.Generate.response"
LABELS = labels_of(AskResponse.DESCRIPTOR)
# Field of the component → what it is made from.
FLOWS: dict[str, list[str]] = {"session": ["web:session#session"], "answer": [f"{GENERATED}#answer"],
                               "checkpoint": [f"{GENERATED}#checkpoint"], "aside": [f"{GENERATED}#aside"]}
# Field of the response → what it is made from.
SENT = {field: [f"{ASSET}#{field}"] for field in FLOWS}


class Answer(BaseModel):
    """As protos/web.proto's AskResponse."""

    session: str = Field(description="identifies this question and its answer")
    answer: str
    checkpoint: str = Field(description="what answered: assistant@2")
    aside: str = Field("", description="of the people near by; empty where nothing is to be said")


class Problem(BaseModel):
    """Every error: what is wrong, where, and what to do next."""

    code: str = Field(description="see `sightline explain CODE`", pattern="^PAI[0-9]{3}$")
    what: str
    where: str
    next: str


def answer(lib: PrivacyLib, generated: GenerateResponse, session: Session) -> Answer:
    """What inference said is a source from here on."""
    lib.source(GENERATED, {"answer": generated.answer, "scene": generated.scene, "aside": generated.aside})
    said = Answer(session=session.session, answer=generated.answer, checkpoint=generated.checkpoint,
                  aside=generated.aside)
    hand_over(lib, ASSET, said.model_dump(), {**FLOWS, "aside": FLOWS["aside"] if said.aside else []})
    return said


def given(lib: PrivacyLib, said: Answer) -> JSONResponse:
    """The answer on its way to the app."""
    content = said.model_dump()
    lib.respond({**SENT, "aside": SENT["aside"] if said.aside else []}, payload=content)
    return JSONResponse(content)


def problem(error: SightlineError, status: int = 0, headers: dict[str, str] | None = None) -> JSONResponse:
    """The error as JSON; the status is that of its kind where none is given."""
    if not status:
        status = 403 if isinstance(error, PolicyDenied) else 422 if isinstance(error, InputError) else 503
        status = 413 if error.code == "PAI002" and "larger than" in error.what else status
    return JSONResponse(error.to_dict(), status, headers)
