"""[A] The third component of a conversation: a part of the answer, on its way to the app."""

from __future__ import annotations

import json

from lineage.privacylib import PrivacyLib
from lineage.privacylib.contract import labels_of
from lineage.privacylib.probes import hand_over
from protos.inference_pb2 import ConverseResponse
from protos.web_pb2 import ConverseReply
from services.web.dialogue import GENERATED

ASSET = "web:reply"
RESPONSE = "response:converse"
LABELS = labels_of(ConverseReply.DESCRIPTOR)
# Field of the component → what it is made from.
FLOWS: dict[str, list[str]] = {field: [f"{GENERATED}#{field}"] for field in ("turn", "part", "last", "checkpoint")}
# Field of the message → what it is made from.
SENT = {field: [f"{ASSET}#{field}"] for field in FLOWS}


def message(lib: PrivacyLib, made: ConverseResponse) -> str:
    """The message as JSON; what is sent next is said to be made from it."""
    content = {"turn": made.turn, "part": made.part, "last": made.last, "checkpoint": made.checkpoint}
    lib.source(GENERATED, {"part": made.part})
    hand_over(lib, ASSET, content, FLOWS)
    lib.respond(SENT, payload=content)
    return json.dumps(content, ensure_ascii=False)
