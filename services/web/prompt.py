"""[A] and [C] The third component of web: what inference is asked."""

from __future__ import annotations

import unicodedata

from lineage.privacylib import PrivacyLib
from lineage.privacylib.contract import labels_of
from lineage.privacylib.probes import hand_over
from protos.inference_pb2 import GenerateRequest
from services.web.ingest import Ask
from services.web.session import Session

ASSET = "web:prompt"
MODEL = "assistant"
REQUEST = "rpc:inference.Generate.request"
LABELS = labels_of(GenerateRequest.DESCRIPTOR)
# Field of the component → what it is made from.
FLOWS: dict[str, list[str]] = {"model": [], "prompt": ["web:ask#utterance"], "image": ["web:ask#photo"],
                               "location": ["web:session#location"]}
# Field of the request → what it is made from; the model is named by the code.
SENT = {field: [f"{ASSET}#{field}"] for field in ("prompt", "image", "location")}


def build(lib: PrivacyLib, ask: Ask, session: Session) -> GenerateRequest:
    """The utterance in Unicode's composed form and with single spaces; photo and location as they are."""
    prompt = " ".join(unicodedata.normalize("NFC", ask.utterance).split())
    hand_over(lib, ASSET, {"model": MODEL, "prompt": prompt, "image": ask.photo, "location": session.location},
              {**FLOWS, "location": FLOWS["location"] if session.location else []})
    return GenerateRequest(model=MODEL, prompt=prompt, image=ask.photo, location=session.location)


def sources(session: Session) -> dict[str, list[str]]:
    return {**SENT, "location": SENT["location"] if session.location else []}
