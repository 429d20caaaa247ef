"""[A] The second component of web: whose question this is, and from where and when."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

from lineage.model import Label
from lineage.privacylib import PrivacyLib
from lineage.privacylib.contract import labels_of
from lineage.privacylib.probes import hand_over
from protos.web_pb2 import AskRequest
from services.web.ingest import Ask

ASSET = "web:session"
_KEPT = ("wearer", "region", "device", "asked_at")
LABELS = {"session": Label(operational="identifier"),
          **{field: label for field, label in labels_of(AskRequest.DESCRIPTOR).items()
             if field in (*_KEPT, "location")}}
# Which of the two gave the location is said per request; the session's own id is from the correlation key.
FLOWS: dict[str, list[str]] = {"session": [], **{field: [f"web:ask#{field}"] for field in _KEPT},
                               "location": ["web:ask#location", "web:ask#photo.exif.gps"]}


@dataclass(frozen=True)
class Session:
    """One question and its answer.  ``location``: as the wearer or else the photo gave it, or empty."""

    session: str
    wearer: str
    region: str
    device: str
    asked_at: str
    location: str


def opened(lib: PrivacyLib, ask: Ask, traceparent: str) -> Session:
    session = Session(identifier(lib.context.key, traceparent), ask.wearer, ask.region, ask.device, ask.asked_at,
                      ask.location)
    hand_over(lib, ASSET, asdict(session), {**FLOWS, "location": [ask.location_source] if ask.location else []})
    return session


def identifier(key: str, traceparent: str) -> str:
    """From the correlation key, and from the caller's span: one trace may hold several questions."""
    span = traceparent.split("-")[2] if traceparent.count("-") >= 3 else ""
    return hashlib.sha256(f"session/{key}/{span}".encode()).hexdigest()[:16]
