"""[A] and [C] The third component of web: what inference is asked."""

from __future__ import annotations

import unicodedata

from lineage.privacylib import PrivacyLib
from lineage.privacylib.contract import labels_of
from lineage.privacylib.probes import hand_over
from protos.inference_pb2 import GenerateRequest
from services.web.ingest import Ask
from services.web.memory import Remembered
from services.web.session import Session

ASSET = "web:prompt"
MODEL = "assistant"
REQUEST = "rpc:inference.Generate.request"
LABELS = labels_of(GenerateRequest.DESCRIPTOR)
# Field of the component → what it is made from.
FLOWS: dict[str, list[str]] = {"model": [], "prompt": ["web:ask#utterance"], "image": ["web:ask#photo"],
                               "location": ["web:session#location"], "overheard": ["web:ask#overheard"],
                               "faces": ["web:ask#faces"]}
# The field that is there only where something is remembered of the wearer.
MEMORY = "memory"
# Field of the request → what it is made from; the model is named by the code.
SENT = {field: [f"{ASSET}#{field}"] for field in ("prompt", "image", "location", "overheard", "faces")}
# What a question may lack.
_OPTIONAL = ("location", "overheard", "faces")


def build(lib: PrivacyLib, ask: Ask, session: Session, recalled: Remembered | None = None) -> GenerateRequest:
    """The utterance in Unicode's composed form and with single spaces; photo, location and memory as they are."""
    prompt = " ".join(unicodedata.normalize("NFC", ask.utterance).split())
    payload: dict[str, object] = {"model": MODEL, "prompt": prompt, "image": ask.photo, "location": session.location,
                                  "overheard": ask.overheard, "faces": ask.faces}
    flows = {**FLOWS, **{field: [] for field in _OPTIONAL if not payload[field]}}
    if recalled is not None:
        payload[MEMORY] = "\n".join(value for _, value in recalled.memory.ListFields())
        flows[MEMORY] = recalled.sources
    hand_over(lib, ASSET, payload, flows)
    return GenerateRequest(model=MODEL, prompt=prompt, image=ask.photo, location=session.location,
                           overheard=ask.overheard, faces=ask.faces,
                           memory=recalled.memory if recalled is not None else None)


def sources(question: GenerateRequest, recalled: Remembered | None = None) -> dict[str, list[str]]:
    found = {**SENT, **{field: [] for field in _OPTIONAL if not getattr(question, field)}}
    return found if recalled is None else {**found, MEMORY: [f"{ASSET}#{MEMORY}"]}
