"""[A] and [B] The third component of web: the event that the logger is given."""

from __future__ import annotations

from protos.inference_pb2 import GenerateResponse
from protos.logger_pb2 import LogRequest
from services import rows as typed
from services.web.ingest import Ask

CATEGORY = "glasses_session"
_RESPONSE = "rpc:inference.Generate.response"
# Field of the event → what it is made from.
FLOWS: dict[str, list[str]] = {
    "session": [],  # from the correlation key
    "wearer": ["web:ask#wearer"],
    "device": ["web:ask#device"],
    "region": ["web:ask#region"],
    "utterance": ["web:ask#utterance"],
    "answer": [f"{_RESPONSE}#answer"],
    "location": ["web:ask#location", "web:ask#photo.exif.gps"],
    "scene": [f"{_RESPONSE}#scene"],
    "checkpoint": [f"{_RESPONSE}#checkpoint"],
    "asked_at": ["web:ask#asked_at"],
}


def event(ask: Ask, generated: GenerateResponse, session: str, key: str) -> LogRequest:
    """``key``: the correlation key, which stays with the row through every batch."""
    values: dict[str, typed.Cell] = {
        "session": session, "wearer": ask.wearer, "device": ask.device, "region": ask.region,
        "utterance": ask.utterance, "answer": generated.answer, "location": ask.location or None,
        "scene": generated.scene or None, "checkpoint": generated.checkpoint, "asked_at": ask.asked_at}
    return LogRequest(events=typed.make(CATEGORY, tuple(values), [(key, tuple(values.values()))]))


def sources(ask: Ask) -> dict[str, list[str]]:
    """Named by the carried schema: "glasses_session.utterance"."""
    found = {**FLOWS, "location": [ask.location_source] if ask.location else []}
    return {f"{CATEGORY}.{field}": names for field, names in found.items()}
