"""[A] What the app sends as JSON, a message of a conversation or a request: an object of known, typed keys."""

from __future__ import annotations

import json
from collections.abc import Mapping

from lineage.errors import InputError

MAX_BYTES = 16 * 1024


def parse(data: str | bytes, kinds: Mapping[str, type[str] | type[bool]], asset: str) -> dict[str, str | bool]:
    """Each key that is there; what is left out is empty.  Raises InputError (PAI004)."""
    if len(data) > MAX_BYTES:
        raise InputError("PAI004", f"the JSON is larger than {MAX_BYTES // 1024} kB", where=asset)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise InputError("PAI004", "the body is not JSON in UTF-8", where=asset) from None
    if not isinstance(found, dict):
        raise InputError("PAI004", "the body is JSON, but no object", where=asset)
    for key, value in found.items():
        if key not in kinds:
            raise InputError("PAI004", f"the key {key[:40]!r} is none of {', '.join(kinds)}", where=asset)
        if type(value) is not kinds[key] or not _is_unicode(value):
            kind = "true or false" if kinds[key] is bool else "a text"
            raise InputError("PAI004", f"the {key} is {kind}", where=f"{asset}#{key}")
    return found


def held(data: object, kinds: Mapping[str, object]) -> tuple[str, ...]:
    """The names of the fields that a message holds; all of them where it cannot be read, to be refused later."""
    try:
        found = json.loads(data) if isinstance(data, str | bytes) and len(data) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        found = None
    return tuple(key for key in kinds if found.get(key)) if isinstance(found, dict) else tuple(kinds)


def _is_unicode(value: object) -> bool:
    """JSON can write half a character, which no message can carry on."""
    return not isinstance(value, str) or not any("\ud800" <= character <= "\udfff" for character in value)
