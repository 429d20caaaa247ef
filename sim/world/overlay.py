"""Contextual overlays [A]: the glasses say where they are, the app gets a card about the place, the glasses show it.

A gesture at the wrist band acts on the card: "pinch" asks for all of it, "swipe" for the next place, and "fist"
puts it away, for which nothing leaves the app.  What goes up of a gesture is its name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from lineage.errors import RunError
from protos.web_pb2 import OverlayRequest
from sim.world.app import NEXT, CompanionApp, body_of, error_of
from sim.world.device import BAND, GLASSES, OVERLAY
from sim.world.glasses import View
from sim.world.memory import Memory

PATH = "/v1/overlay"
OUTBOX = "app:overlay"
WEB = "web:overlay"
RESPONSE = "response:overlay"
# Gestures that ask something of the web service, and the one that does not.
ASKING, DISMISS = ("pinch", "swipe"), "fist"


@dataclass(frozen=True, slots=True)
class Card:
    """What the glasses show: nothing where all is empty."""

    title: str
    text: str
    checkpoint: str


class Overlays:
    """One wearer's overlays, through the companion app."""

    def __init__(self, app: CompanionApp, memory: Memory) -> None:
        self._app = app
        self._memory = memory

    async def look(self, view: View, *, gesture: bool = False, raw: bool = False) -> Card:
        """A card for where the glasses are, or what a gesture (as the band holds it) makes of the one shown.

        ``raw``: a faulty app, which sends the muscle signal up beside the gesture.  Raises PolicyDenied,
        InputError, and RunError (PAI031) when the web service cannot be reached or fails.
        """
        app, memory = self._app, self._memory
        memory.sense(GLASSES, location=view.location.encode(), region=view.region.encode())
        with app.lib.scope(traceparent=view.traceparent, purpose="assistance", principal="app", region=view.region,
                           family="A"):
            sources: dict[str, list[str]] = {}
            message = self._taken(GLASSES, {"location": "location", "region": "region"}, sources)
            if gesture:
                message |= self._taken(BAND, {"gesture": "gesture"}, sources)
                message |= self._taken(OVERLAY, {"title": "shown"}, sources)
            if raw:
                signal = app.port.read(memory, BAND, ("emg",))["emg"]
                message["gesture"] = f"{message.get('gesture', '')} {signal.hex()}"
                sources.setdefault("gesture", []).append(f"device:{BAND}#emg")
            if message.get("gesture") == DISMISS:
                return self._shown(Card("", "", ""), {field: [f"device:{BAND}#gesture"] for field in ("title", "text")})
            with app.lib.write(OUTBOX, sources=sources):
                app.store.write("app/overlay", OverlayRequest(**message).SerializeToString())
            with app.lib.call(WEB, sources={field: [f"{OUTBOX}#{field}"] for field in message}):
                card = await self._post(message)
            return self._shown(card, {field: [f"{RESPONSE}#{field}"] for field in ("title", "text")})

    def _taken(self, place: str, fields: Mapping[str, str], sources: dict[str, list[str]]) -> dict[str, str]:
        """Fields of a place on the device, under the names that the message has for them."""
        held = self._app.port.read(self._memory, place, tuple(fields))
        sources.update({fields[field]: [f"device:{place}#{field}"] for field in held})
        return {fields[field]: value.decode() for field, value in held.items()}

    def _shown(self, card: Card, sources: Mapping[str, list[str]]) -> Card:
        held = {"title": card.title.encode(), "text": card.text.encode()}
        self._app.port.write(self._memory, OVERLAY, held, sources)
        return card

    async def _post(self, message: Mapping[str, str]) -> Card:
        content = json.dumps(message, ensure_ascii=False).encode()
        headers = {**self._app.lib.headers(), "content-type": "application/json"}
        try:
            response = await self._app.client.post(PATH, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise RunError("PAI031", f"the web service did not answer: {type(error).__name__}", where=WEB,
                           next=NEXT) from error
        body = body_of(response)
        if not response.is_success:
            raise error_of(response.status_code, body, WEB)
        title, text, checkpoint = (body.get(field) for field in ("title", "text", "checkpoint"))
        if not isinstance(title, str) or not isinstance(text, str) or not isinstance(checkpoint, str):
            raise RunError("PAI031", "the web service gave no card", where=WEB, next=NEXT)
        return Card(title, text, checkpoint)
