"""[A] The photo of a request: is it a picture that can be used, and where does it say it was taken?"""

from __future__ import annotations

import io
import math
from typing import Any

from PIL import Image

from lineage.errors import InputError

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 50_000_000
FORMATS = ("JPEG", "PNG", "WEBP")
WHERE = "web:ask#photo"
# EXIF tag numbers: the GPS directory, and in it the two positions with their references.
_GPS, _LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 0x8825, 1, 2, 3, 4
# A JPEG is decoded at a fraction of its size to see whether it can be.
_DRAFT = (128, 128)


def inspect(data: bytes, where: str = WHERE) -> str:
    """The position that the photo was taken at, "latitude,longitude" in degrees, or empty.

    Raises InputError (PAI002) for a photo that is missing, too large, or no JPEG, PNG or WebP.
    """
    if not data:
        raise InputError("PAI002", "the photo is missing or empty", where=where)
    if len(data) > MAX_BYTES:
        raise InputError("PAI002", f"the photo has {len(data) / 2**20:.1f} MB; at most 10 MB are taken", where=where)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise InputError("PAI002", f"the photo has {picture.width * picture.height / 1e6:.0f} megapixels; "
                                           "at most 50 are taken", where=where)
            picture.draft("RGB", _DRAFT)
            picture.load()
            # After loading: a PNG may have its EXIF block behind the pixels.
            return _position(picture)
    except InputError:
        raise
    except Exception as error:  # Pillow raises a dozen kinds on damaged files; each means: not a picture
        raise InputError("PAI002", f"the photo is not a JPEG, PNG or WebP picture: {type(error).__name__}",
                         where=where) from None


def _position(picture: Image.Image) -> str:
    """From the EXIF GPS directory; empty where it is missing or malformed."""
    try:
        gps = picture.getexif().get_ifd(_GPS)
        latitude = _degrees(gps[_LATITUDE], gps.get(_LATITUDE_REF), "S")
        longitude = _degrees(gps[_LONGITUDE], gps.get(_LONGITUDE_REF), "W")
    except Exception:  # a malformed directory: a photo may be used without it
        return ""
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return ""
    return f"{latitude:.6f},{longitude:.6f}"


def _degrees(parts: Any, reference: Any, negative: str) -> float:
    """Degrees, minutes, seconds to signed degrees; not a number where they are no position."""
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    if isinstance(reference, bytes):
        reference = reference.decode("ascii", "replace")
    if not isinstance(reference, str):
        return math.nan
    return -value if reference.strip("\0 ").upper() == negative else value
