"""[A] and [B] What a wearer says of herself when she sets up the glasses (``web:profile``), for the logger."""

from __future__ import annotations

import re
from typing import cast

from fastapi.responses import JSONResponse
from starlette.requests import Request

from lineage.errors import InputError
from lineage.privacylib import PrivacyLib
from lineage.privacylib.contract import labels_of
from lineage.privacylib.probes import hand_over
from protos.logger_pb2 import LogRequest
from protos.web_pb2 import ProfileRequest
from services import rows as typed
from services.web import body, fields

RECEIVED = "web:profile"
ASSET = "web:enrolment"
CATEGORY = "wearer_profile"
LABELS = labels_of(ProfileRequest.DESCRIPTOR)
KINDS: dict[str, type[str] | type[bool]] = dict.fromkeys(LABELS, str)
# Field of the component → what it is made from.
FLOWS = {field: [f"{RECEIVED}#{field}"] for field in LABELS}
# Field of the event → what it is made from.
SENT = {f"{CATEGORY}.{field}": [f"{ASSET}#{field}"] for field in LABELS}
# BCP 47, as far as a language with a script or a region goes.
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{2,4})?")


async def receive(request: Request, lib: PrivacyLib) -> dict[str, str]:
    """The fields of ProfileRequest.  Raises InputError (PAI004)."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > body.MAX_BYTES:
            break  # which the parser refuses
    found = body.parse(data, KINDS, RECEIVED)
    texts = {key: cast(str, found.get(key, "")) for key in KINDS}
    for field in ("wearer", "name"):
        fields.name(texts, field, RECEIVED)
    if not _LANGUAGE.fullmatch(texts["language"]):
        raise InputError("PAI004", "the language is one of BCP 47: nb, or pt-BR", where=f"{RECEIVED}#language")
    fields.region(texts["region"], RECEIVED)
    fields.moment(texts["updated_at"], RECEIVED, "updated_at")
    lib.source(RECEIVED, texts)
    return texts


def event(lib: PrivacyLib, told: dict[str, str]) -> LogRequest:
    """The correlation key stays with the row through every batch."""
    hand_over(lib, ASSET, told, FLOWS)
    return LogRequest(events=typed.make(CATEGORY, tuple(told), [(lib.context.key, tuple(told.values()))]))


def stored(lib: PrivacyLib) -> JSONResponse:
    """Durable in the logger's queue by now."""
    lib.respond({"stored": []})
    return JSONResponse({"stored": True})
