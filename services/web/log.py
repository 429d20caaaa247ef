"""[A] and [B] The last component of web: the event that the logger is given."""

from __future__ import annotations

from typing import Any

from lineage.privacylib import PrivacyLib
from lineage.privacylib.contract import labels_of
from lineage.privacylib.probes import hand_over
from protos.inference_pb2 import GenerateResponse
from protos.logger_pb2 import LogRequest
from protos.web_pb2 import AskRequest
from services import rows as typed
from services.errors import calling
from services.web import respond, session
from services.web.ingest import Ask
from services.web.respond import Answer
from services.web.session import Session

ASSET = "web:log"
CATEGORY = "glasses_session"
REQUEST = "rpc:logger.Append.request"
LABELS = {**session.LABELS, "utterance": labels_of(AskRequest.DESCRIPTOR)["utterance"],
          "answer": respond.LABELS["answer"], "checkpoint": respond.LABELS["checkpoint"],
          "scene": labels_of(GenerateResponse.DESCRIPTOR)["scene"]}
# Field of the event → what it is made from.
FLOWS: dict[str, list[str]] = {
    **{field: [f"{session.ASSET}#{field}"] for field in session.LABELS},
    "utterance": ["web:ask#utterance"],
    "answer": [f"{respond.ASSET}#answer"],
    "checkpoint": [f"{respond.ASSET}#checkpoint"],
    "scene": ["rpc:inference.Generate.response#scene"],
}
# Named by the carried schema: "glasses_session.utterance".
SENT = {f"{CATEGORY}.{field}": [f"{ASSET}#{field}"] for field in FLOWS}
# Seconds.
DEADLINE = 5.0


async def append(lib: PrivacyLib, logger: Any, ask: Ask, opened: Session, generated: GenerateResponse,
                 said: Answer) -> None:
    """Durable when it returns.  Raises SightlineError.

    The event is made and sent here, and of the values named here: that nothing of a bystander's is among them can be
    reviewed in this one place, and a reclassification may rest on it (scenario 72)."""
    with calling("logger"):
        await logger.Append(event(lib, ask, opened, generated, said), sources=sources(opened), timeout=DEADLINE)


def event(lib: PrivacyLib, ask: Ask, opened: Session, generated: GenerateResponse, said: Answer) -> LogRequest:
    """The correlation key stays with the row through every batch."""
    values: dict[str, typed.Cell] = {
        "session": opened.session, "wearer": opened.wearer, "device": opened.device, "region": opened.region,
        "utterance": ask.utterance, "answer": said.answer, "location": opened.location or None,
        "scene": generated.scene or None, "checkpoint": said.checkpoint, "asked_at": opened.asked_at}
    hand_over(lib, ASSET, values, {field: names for field, names in FLOWS.items() if values[field] is not None})
    return LogRequest(events=typed.make(CATEGORY, tuple(values), [(lib.context.key, tuple(values.values()))]))


def sources(opened: Session) -> dict[str, list[str]]:
    location = f"{CATEGORY}.location"
    return {**SENT, location: SENT[location] if opened.location else []}
