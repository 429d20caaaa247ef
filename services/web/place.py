"""[A] and [C] The first components of an overlay (``web:overlay``, ``web:place``): where the glasses are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import cast

from starlette.requests import Request

from lineage.errors import InputError
from lineage.privacylib import PrivacyLib
from lineage.privacylib.contract import labels_of
from lineage.privacylib.probes import hand_over
from protos.inference_pb2 import PlaceRequest
from services.web import body, fields, prompt

ASSET = "web:overlay"
PLACE = "web:place"
REQUEST = "rpc:inference.Overlay.request"
KINDS: dict[str, type[str] | type[bool]] = dict.fromkeys(("location", "gesture", "shown", "region"), str)
GESTURES = ("", "pinch", "swipe")
LABELS = labels_of(PlaceRequest.DESCRIPTOR)
_CARRIED = ("location", "gesture", "shown")
# Field of the component → what it is made from.
FLOWS: dict[str, list[str]] = {"model": [], **{field: [f"{ASSET}#{field}"] for field in _CARRIED}}
# Field of the request → what it is made from.
SENT = {field: [f"{PLACE}#{field}"] for field in _CARRIED}


@dataclass(frozen=True)
class Place:
    """``gesture`` was made at the card ``shown``; both are empty for a first look."""

    location: str
    gesture: str
    shown: str


async def receive(request: Request, lib: PrivacyLib) -> Place:
    """Raises InputError (PAI004)."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > body.MAX_BYTES:
            break  # which the parser refuses
    found = body.parse(data, KINDS, ASSET)
    texts = {key: cast(str, found.get(key, "")) for key in KINDS}
    fields.region(texts["region"], ASSET)
    place = Place(fields.location(texts["location"], ASSET), texts["gesture"], texts["shown"][:fields.MAX_TEXT])
    if not place.location:
        raise InputError("PAI004", "the location is missing", where=f"{ASSET}#location")
    if place.gesture not in GESTURES:
        raise InputError("PAI004", "the gesture is pinch, swipe or empty", where=f"{ASSET}#gesture")
    lib.source(ASSET, {field: text for field, text in asdict(place).items() if text})
    return place


def build(lib: PrivacyLib, place: Place) -> PlaceRequest:
    request = PlaceRequest(model=prompt.MODEL, **asdict(place))
    held = {field: getattr(request, field) for field in FLOWS if getattr(request, field)}
    hand_over(lib, PLACE, held, {field: FLOWS[field] for field in held})
    return request


def sources(place: Place) -> dict[str, list[str]]:
    return {field: names for field, names in SENT.items() if getattr(place, field)}
