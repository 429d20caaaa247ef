"""[A] and [C] The second component of a conversation: the turn as inference gets it, and what was said before.

The memory is this connection's alone: at most MEMORY characters of the latest turns, gone when it is closed.
"""

from __future__ import annotations

import unicodedata

from lineage.privacylib import PrivacyLib
from lineage.privacylib.contract import labels_of
from lineage.privacylib.probes import hand_over
from protos.inference_pb2 import ConverseRequest
from services.web import prompt, speech
from services.web.speech import Speech

ASSET = "web:dialogue"
REQUEST = "rpc:inference.Converse.request"
GENERATED = "rpc:inference.Converse.response"
MEMORY = 2000
LABELS = {field: label for field, label in labels_of(ConverseRequest.DESCRIPTOR).items() if field != "heard"}
# Field of the component → what it is made from.
FLOWS: dict[str, list[str]] = {
    "model": [], "prompt": [f"{speech.ASSET}#utterance", f"{speech.ASSET}#gaze"],
    "location": [f"{speech.ASSET}#location"], "history": [f"{speech.ASSET}#utterance", f"{GENERATED}#part"]}
# Field of the request → what it is made from.
SENT = {field: [f"{ASSET}#{field}"] for field in ("prompt", "history", "location")}


class Dialogue:
    def __init__(self, lib: PrivacyLib) -> None:
        self._lib = lib
        self._turns: list[str] = []

    def turn(self, said: Speech) -> ConverseRequest:
        """The utterance with single spaces, and behind it where the wearer looks, where they let that be known."""
        text = " ".join(unicodedata.normalize("NFC", said.utterance).split())
        text = f"{text} (looking {said.gaze})" if said.gaze else text
        request = ConverseRequest(model=prompt.MODEL, prompt=text, history=self._history(), location=said.location)
        payload = {"model": request.model, "prompt": request.prompt, "location": request.location}
        made = {field: FLOWS[field] for field, text in payload.items() if text}
        made["prompt"] = [name for name in FLOWS["prompt"] if said.gaze or not name.endswith("#gaze")]
        hand_over(self._lib, ASSET, {field: payload[field] for field in made}, made)
        return request

    def sources(self, request: ConverseRequest) -> dict[str, list[str]]:
        return {field: names for field, names in SENT.items() if getattr(request, field)}

    def remember(self, utterance: str, answer: str) -> None:
        """A turn that is over, as far as it was answered."""
        self._turns += [utterance, answer]
        hand_over(self._lib, ASSET, {"history": self._history()}, {"history": FLOWS["history"]})

    def _history(self) -> str:
        return "\n".join(self._turns)[-MEMORY:]
