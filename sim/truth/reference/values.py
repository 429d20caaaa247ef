"""Where a value that left the app turns up again: field by field, in the messages between the services.

Truth.  What a wearer sends is known by what it says, not by what anybody calls it: a value of eight bytes or more is
found inside any field, a shorter one only as the whole of it.  Not found: what was translated, counted or learned from
(``influence`` asks that of twins), and who is asking, which the services know without being told.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from itertools import count
from typing import Any

from google.protobuf.message import Message

LONG = 8
# A longer field is a picture or a model, in which no text is looked for.
_MOST = 8192
_ANY = 1 << 30
_KNOWN_ANYWAY = frozenset({"wearer", "region", "device", "asked_at", "heard", "over"})
_PART = re.compile(rb'name="(\w+)"(?:\r\n[^\r\n]+)*\r\n\r\n(.*?)\r\n--', re.DOTALL)


class Values:
    """Shared by the taps of one run in one process; thread-safe.  Keeps what was said, in memory and for the run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[bytes, dict[str, None]] = {}
        self._ticks = count(1)

    def tick(self) -> int:
        """Numbers what happens in the whole run, where a journal numbers what happens in its process."""
        return next(self._ticks)

    def http(self, path: str, body: bytes) -> None:
        """What the app sends: the fields of a form, or of JSON."""
        route = path.removeprefix("/v1/").strip("/")
        with self._lock:
            for field, value in _sent(body):
                if field not in _KNOWN_ANYWAY and 2 < len(value) <= _MOST:
                    self._held.setdefault(value, {})[f"web:{route}#{field}"] = None

    @staticmethod
    def digests(message: Message) -> dict[str, str]:
        """Of each field, or column of rows: what tells it from another value, and does not tell it."""
        found: dict[str, Any] = {}
        for field, text in _fields(message, _ANY):
            found.setdefault(field, hashlib.sha256()).update(len(text).to_bytes(8, "big") + text)
        return {field: digest.hexdigest()[:16] for field, digest in sorted(found.items())}

    def found(self, message: Message) -> dict[str, list[str]]:
        """Field of the message, or ``schema.column`` of the rows that it carries → what was sent and stands there."""
        found: dict[str, set[str]] = {}
        with self._lock:
            for field, text in _fields(message):
                names = {name for value, names in self._held.items()
                         if value == text or (len(value) >= LONG and value in text) for name in names}
                if names:
                    found.setdefault(field, set()).update(names)
        return {field: sorted(names) for field, names in sorted(found.items())}


def _sent(body: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        said = json.loads(body)
    except ValueError:
        yield from ((match[1].decode(), match[2]) for match in _PART.finditer(body))
        return
    if isinstance(said, dict):
        yield from ((str(name), value.encode()) for name, value in said.items() if isinstance(value, str))


def _fields(message: Message, most: int = _MOST) -> Iterator[tuple[str, bytes]]:
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.full_name == "sightline.Rows":
            yield from _cells(value, most)
        else:
            for one in (value,) if isinstance(value, (str, bytes, Message, int, float)) else value:
                if (text := _bytes(one)) and len(text) <= most:
                    yield field.name, text


def _cells(rows: Any, most: int) -> Iterator[tuple[str, bytes]]:
    for row in rows.rows:
        for column, value in zip(rows.columns, row.values, strict=False):
            kind = value.WhichOneof("kind")
            if kind in ("text", "blob") and (text := _bytes(getattr(value, kind))) and len(text) <= most:
                yield f"{rows.schema}.{column}", text


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, Message):
        return value.SerializeToString()
    return value if isinstance(value, bytes) else b""
