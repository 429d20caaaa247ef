"""[A] The first component of web (``web:ask``): the multipart request, parsed and checked part by part.

The body is read into memory and never to a temporary file, so that no copy of a photo is left
where no operation of PrivacyLib has seen it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from lineage.errors import InputError
from lineage.privacylib import PrivacyLib
from services.web import fields
from services.web.photo import MAX_BYTES, inspect

# Room for the parts beside the photo, and for the multipart frame.
MAX_BODY = MAX_BYTES + 64 * 1024
PARTS = ("photo", "utterance", "location", "wearer", "region", "device", "asked_at", "overheard", "faces")
_PICTURES = ("photo", "faces")
ASSET = "web:ask"


@dataclass(frozen=True)
class Ask:
    """One question, as it was asked.  ``location`` comes from ``location_source``: the part, or the photo."""

    photo: bytes
    utterance: str
    location: str
    wearer: str
    region: str
    device: str
    asked_at: str
    location_source: str
    overheard: str = ""
    faces: bytes = b""


class _Parser(MultiPartParser):
    spool_max_size = MAX_BODY


async def receive(request: Request, lib: PrivacyLib) -> Ask:
    """Raises InputError: PAI002 (photo), PAI003 (utterance), PAI004 (anything else)."""
    parts = await _parts(request)
    photo, faces = parts.get("photo", b""), parts.get("faces", b"")
    texts = {name: _text(parts, name) for name in PARTS if name not in _PICTURES}
    # In a thread of its own: a large picture takes a while to decode.
    taken_at = await asyncio.to_thread(inspect, photo)
    if faces:
        await asyncio.to_thread(inspect, faces, "web:ask#faces")
    ask = Ask(
        photo=photo, utterance=fields.utterance(texts["utterance"], ASSET),
        location=fields.location(texts["location"], ASSET) or taken_at, wearer=fields.name(texts, "wearer", ASSET),
        region=fields.region(texts["region"], ASSET), device=fields.name(texts, "device", ASSET),
        asked_at=fields.moment(texts["asked_at"], ASSET),
        location_source="web:ask#location" if texts["location"].strip() else "web:ask#photo.exif.gps",
        overheard=fields.overheard(texts["overheard"], ASSET), faces=faces)
    lib.source(ASSET, {"photo": ask.photo, "utterance": ask.utterance,
                       "location": fields.location(texts["location"], ASSET), "wearer": ask.wearer,
                       "region": ask.region, "device": ask.device, "asked_at": ask.asked_at,
                       "overheard": ask.overheard, "faces": ask.faces})
    return ask


async def _parts(request: Request) -> dict[str, bytes]:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise InputError("PAI004", "the request is not multipart/form-data", where="web:ask")
    try:
        form = await _Parser(_bytewise(request.headers), _limited(request), max_files=3, max_fields=len(PARTS) + 4,
                             max_part_size=MAX_BODY).parse()
        parts: dict[str, bytes] = {}
        for name, value in form.multi_items():
            if name not in PARTS:
                raise InputError("PAI004", f"the part {name[:40]!r} is none of {', '.join(PARTS)}", where="web:ask")
            if name in parts:
                raise InputError("PAI004", f"the part {name!r} is given twice", where=f"web:ask#{name}")
            parts[name] = await value.read() if isinstance(value, UploadFile) else value.encode("latin-1")
    except (MultiPartException, UnicodeError, KeyError, ValueError, AssertionError) as error:
        what = error.message if isinstance(error, MultiPartException) else "a part is cut off or not UTF-8"
        raise InputError("PAI004", f"the multipart body cannot be read: {what}", where="web:ask") from None
    except ClientDisconnect:
        raise InputError("PAI004", "the request ended before its body did", where="web:ask") from None
    return parts


def _bytewise(headers: Headers) -> Headers:
    """The headers with a charset of one byte a character, which gives each part's bytes as they came.

    (Left to itself the parser takes what is not UTF-8 for another charset instead of refusing it.)
    """
    kind = re.sub(r";\s*charset=[^;]*", "", headers["content-type"], flags=re.IGNORECASE)
    return Headers({"content-type": f"{kind}; charset=latin-1"})


async def _limited(request: Request) -> AsyncGenerator[bytes, None]:
    """The body; refused as soon as it is larger than any request may be."""
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise InputError("PAI002", f"the request is larger than {MAX_BODY / 2**20:.1f} MB; a photo has at most "
                                       "10 MB", where="web:ask#photo")
        yield chunk


def _text(parts: dict[str, bytes], name: str) -> str:
    try:
        return parts.get(name, b"").decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("PAI004", f"the part {name!r} is not UTF-8", where=f"web:ask#{name}") from None
