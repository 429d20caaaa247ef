"""[A] and [C] The second component of web: what inference is asked."""

from __future__ import annotations

import unicodedata

from protos.inference_pb2 import GenerateRequest
from services.web.ingest import Ask

MODEL = "assistant"
# Where each field of the request comes from; what the photo gives instead of the location is said per request.
FLOWS = {"prompt": ["web:ask#utterance"], "image": ["web:ask#photo"],
         "location": ["web:ask#location", "web:ask#photo.exif.gps"]}


def build(ask: Ask) -> GenerateRequest:
    """The utterance in Unicode's composed form and with single spaces; photo and location as they are."""
    prompt = " ".join(unicodedata.normalize("NFC", ask.utterance).split())
    return GenerateRequest(model=MODEL, prompt=prompt, image=ask.photo, location=ask.location)


def sources(ask: Ask) -> dict[str, list[str]]:
    return {**FLOWS, "location": [ask.location_source] if ask.location else []}
