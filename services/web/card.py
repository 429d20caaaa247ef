"""[A] The last component of an overlay: the card for the glasses."""

from __future__ import annotations

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from lineage.privacylib import PrivacyLib
from lineage.privacylib.contract import labels_of
from lineage.privacylib.probes import hand_over
from protos.inference_pb2 import PlaceResponse
from protos.web_pb2 import OverlayResponse

ASSET = "web:card"
GENERATED = "rpc:inference.Overlay.response"
LABELS = labels_of(OverlayResponse.DESCRIPTOR)
# Field of the component → what it is made from.
FLOWS: dict[str, list[str]] = {field: [f"{GENERATED}#{field}"] for field in ("title", "text", "checkpoint")}
# Field of the response → what it is made from.
SENT = {field: [f"{ASSET}#{field}"] for field in FLOWS}


class Card(BaseModel):
    """As protos/web.proto's OverlayResponse."""

    title: str = Field(description="the place that it is about; empty where none is near")
    text: str
    checkpoint: str = Field(description="what wrote the text: assistant@2")


def given(lib: PrivacyLib, made: PlaceResponse) -> JSONResponse:
    """The card on its way to the app."""
    content = {"title": made.title, "text": made.text, "checkpoint": made.checkpoint}
    lib.source(GENERATED, {"title": made.title, "text": made.text})
    hand_over(lib, ASSET, content, FLOWS)
    lib.respond(SENT, payload=content)
    return JSONResponse(content)
