"""Understand: the position that a JPEG, PNG or WebP picture carries in its EXIF block.

The block is found by walking the container's segments, so that no pixel is ever decoded: a picture that
unpacks to gigabytes costs no more than its headers, and a picture of any size is looked at.  Pillow then
reads the block.  Positions written elsewhere (XMP, maker notes, PNG text) are not looked for.
"""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Mapping

from PIL import Image

# EXIF numbers: the GPS directory, and within it reference and value of latitude and longitude.
_GPS_DIRECTORY = 0x8825
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4
# The format allows one JPEG segment of 64 KB; in PNG and WebP a block of this size is no camera's.
_MAX_BLOCK = 1 << 20
# A camera writes tens of segments, an encoder thousands of PNG chunks; more is an attempt to keep us busy.
_MAX_SEGMENTS = 20_000
_PNG = b"\x89PNG\r\n\x1a\n"


def is_picture(data: bytes) -> bool:
    """Whether the bytes begin as a JPEG, PNG or WebP does."""
    return data.startswith((b"\xff\xd8\xff", _PNG)) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def block_of(data: bytes) -> bytes:
    """The EXIF block of a picture (TIFF bytes), empty when it has none, is cut off or is no picture."""
    if data.startswith(b"\xff\xd8"):
        block = _jpeg_block(data)
    elif data.startswith(_PNG):
        block = _chunk(data, at=8, name=b"eXIf", name_first=False)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        block = _chunk(data, at=12, name=b"EXIF", name_first=True)
    else:
        return b""
    return block.removeprefix(b"Exif\0\0") if len(block) <= _MAX_BLOCK else b""


def position_in(block: bytes) -> tuple[float, float] | None:
    """(latitude, longitude) in decimal degrees from an EXIF block, or None.  Never raises.

    The answer is evidence for the caller's own process; it belongs in no finding, signal or log.
    """
    if not block:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what it skips; the answer says as much
            exif = Image.Exif()
            exif.load(block)
            return _position(exif.get_ifd(_GPS_DIRECTORY))
    except Exception:  # Pillow's reader raises a dozen kinds on a malformed block; each means: no position
        return None


def position(data: bytes) -> tuple[float, float] | None:
    """(latitude, longitude) in decimal degrees that the picture carries, or None.  Never raises."""
    return position_in(block_of(data))


def _jpeg_block(data: bytes) -> bytes:
    at = 2
    for _ in range(_MAX_SEGMENTS):
        if at + 4 > len(data) or data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte before a marker
            at += 1
            continue
        if marker in (0xDA, 0xD9):  # the pixels begin, or the picture ends
            break
        (size,) = struct.unpack_from(">H", data, at + 2)
        body = data[at + 4 : at + 2 + size]
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            return body
        at += 2 + max(size, 2)
    return b""


def _chunk(data: bytes, *, at: int, name: bytes, name_first: bool) -> bytes:
    """Walks PNG chunks (size, name, body, checksum) or RIFF chunks (name, size, body, padding)."""
    for _ in range(_MAX_SEGMENTS):
        if at + 8 > len(data):
            break
        if name_first:
            found, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
            step = 8 + size + (size & 1)
        else:
            size, found = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
            step = 12 + size
        if found == name:
            return data[at + 8 : at + 8 + size]
        at += step
    return b""


def _position(gps: Mapping[int, object]) -> tuple[float, float] | None:
    latitude = _degrees(gps.get(_LATITUDE), gps.get(_LATITUDE_REF), negative="S")
    longitude = _degrees(gps.get(_LONGITUDE), gps.get(_LONGITUDE_REF), negative="W")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return latitude, longitude


def _degrees(value: object, reference: object, *, negative: str) -> float | None:
    """Degrees, minutes and seconds (the latter two may be missing) as one signed number."""
    parts = value if isinstance(value, tuple) else (value,)
    numbers = [float(part) for part in parts if part is not None]  # a Rational of n/0 gives nan
    if not 1 <= len(numbers) <= 3 or not all(map(math.isfinite, numbers)):
        return None
    total = sum((number / (1, 60, 3600)[place] for place, number in enumerate(numbers)), 0.0)
    text = reference.decode("ascii", "ignore") if isinstance(reference, bytes) else str(reference or "")
    return -total if text.strip("\0 ").upper() == negative else total
