"""[C] A contextual card: nobody asked, the position alone says which place it is about.

A gesture at the card that is shown changes what comes next: "pinch" says all that is known of the place,
"swipe" goes on to the next one by distance, however far.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lineage.errors import InputError
from protos.inference_pb2 import PlaceRequest
from services.inference import scene
from services.inference.speaker import Speaker

REQUEST = "rpc:inference.Overlay.request"
RESPONSE = "rpc:inference.Overlay.response"
# The title is a known place's name, chosen by these; the checkpoint's weights are added to the text.
FLOWS = {"title": ("location", "gesture", "shown"), "text": ("location", "gesture", "shown")}
GESTURES = ("", "pinch", "swipe")
# Words on a card that nobody has pinched.
GLANCE = 8
_QUESTION = "What is that building?"


class Card(NamedTuple):
    """Both empty where no landmark is near."""

    title: str
    text: str


async def card(request: PlaceRequest, speaker: Speaker, sources: Sequence[str] = ()) -> Card:
    """``sources``: what the title is made of.  Raises InputError (PAI004) for a location or a gesture that is none."""
    if request.gesture not in GESTURES:
        raise InputError("PAI004", f"{request.gesture[:40]!r} is no gesture; they are pinch and swipe",
                         where=f"{REQUEST}#gesture")
    here = scene.position(request.location, f"{REQUEST}#location")
    title = scene.nearest(*here) if request.gesture != "swipe" else _next(scene.by_distance(*here), request.shown)
    if request.gesture == "pinch" and request.shown:
        title = request.shown if any(place.name == request.shown for place in scene.landmarks()) else ""
    words = [word async for word in speaker.words(_QUESTION, [title], sources)] if title else []
    if request.gesture == "pinch" or len(words) <= GLANCE:
        return Card(title, " ".join(words))
    return Card(title, " ".join([*words[:GLANCE], "…"]))


def _next(names: list[str], shown: str) -> str:
    """The one after ``shown``; the nearest after the farthest, and where nothing known is shown."""
    return names[(names.index(shown) + 1) % len(names)] if shown in names else names[0]
