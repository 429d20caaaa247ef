"""[A] The first component of a conversation (``web:converse``): one message from the app, parsed and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from lineage.errors import InputError
from lineage.privacylib import PrivacyLib
from services.web import body, fields

ASSET = "web:converse"
SPEAKER = ("wearer", "region", "device", "asked_at")
_TEXTS = ("utterance", "location", "gaze", *SPEAKER)
KINDS: dict[str, type[str] | type[bool]] = {**dict.fromkeys(_TEXTS, str), "heard": bool, "over": bool}
GAZES = ("", "left", "ahead", "right")


@dataclass(frozen=True)
class Speech:
    """``heard`` and ``over`` stand alone; otherwise a turn, of which all but the utterance may be empty."""

    utterance: str = ""
    location: str = ""
    gaze: str = ""
    wearer: str = ""
    region: str = ""
    device: str = ""
    asked_at: str = ""
    heard: bool = False
    over: bool = False


def parse(data: str | bytes, lib: PrivacyLib, *, first: bool) -> Speech:
    """``first``: the message has to say who speaks.  Raises InputError (PAI003, PAI004)."""
    found = body.parse(data, KINDS, ASSET)
    if found.get("heard") or found.get("over"):
        if len(found) > 1:
            raise InputError("PAI004", "heard and over stand alone in their message", where=ASSET)
        return Speech(heard=bool(found.get("heard")), over=bool(found.get("over")))
    texts = {key: cast(str, found.get(key, "")) for key in _TEXTS}
    fields.utterance(texts["utterance"], ASSET)
    texts["location"] = fields.location(texts["location"], ASSET)
    if texts["gaze"] not in GAZES:
        raise InputError("PAI004", "the gaze is left, ahead or right", where=f"{ASSET}#gaze")
    if first:
        fields.name(texts, "wearer", ASSET)
        fields.name(texts, "device", ASSET)
        fields.region(texts["region"], ASSET)
        fields.moment(texts["asked_at"], ASSET)
    lib.source(ASSET, {key: text for key, text in texts.items() if text})
    return Speech(**texts)
