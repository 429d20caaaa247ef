"""[B] How records stand in a queue's file: each in a frame with its number and checksum.

A frame is ``magic, length, crc32, kind, first, count`` and the payload.  After a damaged place the next whole frame
is looked for; the numbers then say exactly which events lay between.

>>> data = frame(EVENTS, 7, 2, b"two events") + b"torn"
>>> found, rest = scan(data)
>>> [(one.first, one.events, one.payload) for one in found], rest
([(7, 2, b'two events')], 4)
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

EVENTS, MARK = 1, 2
_MAGIC = b"\xf5SLQ"
_HEAD = struct.Struct("<4sII")
_BODY = struct.Struct("<BQI")
OVERHEAD = _HEAD.size + _BODY.size


class Frame(NamedTuple):
    """``start``, ``size``: where it lies.  EVENTS: so many ``events``, numbered from ``first``; MARK: the first
    ``first`` events are delivered."""

    kind: int
    first: int
    events: int
    payload: bytes
    start: int
    size: int


def frame(kind: int, first: int, count: int, payload: bytes = b"") -> bytes:
    body = _BODY.pack(kind, first, count) + payload
    return _HEAD.pack(_MAGIC, len(body), zlib.crc32(body)) + body


def scan(data: bytes) -> tuple[list[Frame], int]:
    """Every whole frame, in order; and how many bytes lie outside of them."""
    found: list[Frame] = []
    outside = at = 0
    while at < len(data):
        one = _at(data, at)
        if one is not None:
            found.append(one)
            at += one.size
            continue
        following = data.find(_MAGIC, at + 1)
        while following != -1 and _at(data, following) is None:
            following = data.find(_MAGIC, following + 1)
        end = len(data) if following == -1 else following
        outside += end - at
        at = end
    return found, outside


def _at(data: bytes, at: int) -> Frame | None:
    if at + OVERHEAD > len(data):
        return None
    magic, length, crc = _HEAD.unpack_from(data, at)
    end = at + _HEAD.size + length
    if magic != _MAGIC or length < _BODY.size or end > len(data) or zlib.crc32(data[at + _HEAD.size:end]) != crc:
        return None
    kind, first, count = _BODY.unpack_from(data, at + _HEAD.size)
    return Frame(kind, first, count, data[at + OVERHEAD:end], at, end - at)
