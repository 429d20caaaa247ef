"""[A] and [B] The last component of a conversation: each turn as an event for the logger, like a question.

A turn that was cut off is logged with as much of its answer as was given.
"""

from __future__ import annotations

import hashlib

from lineage.privacylib import PrivacyLib
from lineage.privacylib.probes import hand_over
from protos.logger_pb2 import LogRequest
from services import rows as typed
from services.web import dialogue, log, speech
from services.web.speech import Speech

ASSET = "web:minutes"
LABELS = {field: label for field, label in log.LABELS.items() if field != "scene"}
# Field of the event → what it is made from.
FLOWS: dict[str, list[str]] = {
    "session": [], **{field: [f"{speech.ASSET}#{field}"] for field in (*speech.SPEAKER, "utterance")},
    "location": [f"{speech.ASSET}#location"], "answer": [f"{dialogue.GENERATED}#part"],
    "checkpoint": [f"{dialogue.GENERATED}#checkpoint"]}
# Named by the carried schema: "glasses_session.utterance".
SENT = {f"{log.CATEGORY}.{field}": [f"{ASSET}#{field}"] for field in FLOWS}


def event(lib: PrivacyLib, speaker: Speech, turn: int, utterance: str, answer: str, location: str,
          checkpoint: str) -> LogRequest:
    """``speaker``: who began the conversation.  One session per turn; the key is the conversation's."""
    session = hashlib.sha256(f"turn/{lib.context.key}/{turn}".encode()).hexdigest()[:16]
    values: dict[str, typed.Cell] = {
        "session": session, "wearer": speaker.wearer, "device": speaker.device, "region": speaker.region,
        "utterance": utterance, "answer": answer, "location": location or None, "checkpoint": checkpoint,
        "asked_at": speaker.asked_at}
    hand_over(lib, ASSET, values, {field: names for field, names in FLOWS.items() if values[field] is not None})
    return LogRequest(events=typed.make(log.CATEGORY, tuple(values), [(lib.context.key, tuple(values.values()))]))


def sources(location: str) -> dict[str, list[str]]:
    key = f"{log.CATEGORY}.location"
    return {**SENT, key: SENT[key] if location else []}
