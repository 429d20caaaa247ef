"""[A] The texts of a request, checked one by one.  ``asset``: where an error says that it is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime

from lineage.errors import InputError

MAX_UTTERANCE = 2000
MAX_TEXT = 200
_REGION = re.compile(r"[A-Z]{2}")
_LOCATION = re.compile(r"\s*([+-]?\d{1,3}(?:\.\d{1,12})?)\s*,\s*([+-]?\d{1,3}(?:\.\d{1,12})?)\s*", re.ASCII)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def utterance(text: str, asset: str) -> str:
    """Raises InputError (PAI003) for an empty or over-long one."""
    if not text.strip():
        raise InputError("PAI003", "the question is empty", where=f"{asset}#utterance")
    if len(text) > MAX_UTTERANCE:
        raise InputError("PAI003", f"the question has {len(text)} characters; at most {MAX_UTTERANCE} are taken",
                         where=f"{asset}#utterance")
    return text


def overheard(text: str, asset: str) -> str:
    """What somebody else said; empty for nothing.  Raises InputError (PAI003) for an over-long one."""
    if len(text) > MAX_UTTERANCE:
        raise InputError("PAI003", f"what was overheard has {len(text)} characters; at most {MAX_UTTERANCE} are taken",
                         where=f"{asset}#overheard")
    return text


def location(text: str, asset: str) -> str:
    """"latitude,longitude" in degrees, or empty.  Raises InputError (PAI004), as all below do."""
    if not text.strip():
        return ""
    match = _LOCATION.fullmatch(text)
    latitude, longitude = (float(match[1]), float(match[2])) if match else (math.nan, math.nan)
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise InputError("PAI004", "the location is latitude,longitude in degrees, or empty",
                         where=f"{asset}#location")
    return text.strip()


def name(texts: Mapping[str, str], field: str, asset: str) -> str:
    text = texts[field]
    if not text.strip() or len(text) > MAX_TEXT or not text.isprintable():
        raise InputError("PAI004", f"the {field} is a text of 1 to {MAX_TEXT} printable characters",
                         where=f"{asset}#{field}")
    return text


def region(text: str, asset: str) -> str:
    if not _REGION.fullmatch(text):
        raise InputError("PAI004", "the region is a country code of two capital letters", where=f"{asset}#region")
    return text


def moment(text: str, asset: str, field: str = "asked_at") -> str:
    """A time as in RFC 3339, as it is."""
    try:
        if not _RFC3339.fullmatch(text):
            raise ValueError(text)
        datetime.fromisoformat(text.upper())
    except ValueError:
        raise InputError("PAI004", f"{field} is a time as in RFC 3339: 2026-03-01T09:30:00+01:00",
                         where=f"{asset}#{field}") from None
    return text
