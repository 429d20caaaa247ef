"""On-device processing of a capture: less leaves the glasses than they saw and heard.

Each option is off unless it is asked for.  There is no detector of faces here: ``blur`` makes the street
unrecognisable, the band of the picture where people stand, whether or not somebody does.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image, ImageFilter

from lineage.errors import InputError

# The part of the height, from the top, in which bystanders are.
STREET = (0.6, 0.95)
_RADIUS = 12
_FORMATS = ("JPEG", "PNG", "WEBP")


@dataclass(frozen=True)
class Options:
    """``downscale``: the longer side in pixels at most; ``exif``: "keep" or "strip"; ``trim``: characters of the
    utterance at most, cut between words.  0 and False: not done.  Raises InputError (PAI010)."""

    downscale: int = 0
    blur: bool = False
    exif: str = "keep"
    trim: int = 0

    def __post_init__(self) -> None:
        if type(self.downscale) is not int or (self.downscale and not 16 <= self.downscale <= 10_000):
            raise InputError("PAI010", f"downscale is {self.downscale!r}; it is 16 to 10000 pixels", where="preprocess")
        if type(self.trim) is not int or self.trim < 0:
            raise InputError("PAI010", f"trim is {self.trim!r}; it is a number of characters", where="preprocess")
        if type(self.blur) is not bool:
            raise InputError("PAI010", f"blur is {self.blur!r}; it is true or false", where="preprocess")
        if self.exif not in ("keep", "strip"):
            raise InputError("PAI010", f"exif is {self.exif!r}; it is keep or strip", where="preprocess")


def apply(raw: Mapping[str, bytes], options: Options) -> dict[str, bytes]:
    """The same fields, with less in them.  Raises InputError (PAI002) for a photo that is no picture."""
    made = dict(raw)
    made["photo"] = photo(raw["photo"], options)
    made["utterance"] = trimmed(raw["utterance"].decode(), options.trim).encode()
    return made


def photo(data: bytes, options: Options) -> bytes:
    """A JPEG; the picture as it came where nothing is to be done to it."""
    if options == Options(trim=options.trim):
        return data
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            exif = opened.getexif()
            picture = opened.convert("RGB")
    except Exception as error:  # Pillow raises a dozen kinds on damaged files; each means: not a picture
        raise InputError("PAI002", f"the photo cannot be used: {type(error).__name__}",
                         where="device:glasses") from None
    if options.downscale:
        picture.thumbnail((options.downscale, options.downscale))
    if options.blur:
        box = (0, round(picture.height * STREET[0]), picture.width, round(picture.height * STREET[1]))
        street = picture.crop(box)
        # Coarse first, so that no fine structure is left under the blur.
        coarse = street.resize((max(1, street.width // 16), max(1, street.height // 16)), Image.Resampling.BOX)
        picture.paste(coarse.resize(street.size).filter(ImageFilter.GaussianBlur(_RADIUS)), box[:2])
    made = io.BytesIO()
    kept = exif.tobytes() if options.exif == "keep" and len(exif) else b""
    picture.save(made, "JPEG", quality=80, exif=kept)
    return made.getvalue()


def trimmed(text: str, limit: int) -> str:
    """Single spaces, and at most ``limit`` characters (0: no limit), cut between words where there are any."""
    words = " ".join(text.split())
    if not limit or len(words) <= limit:
        return words if limit else text
    cut = words[:limit + 1].rsplit(" ", 1)[0]
    return cut[:limit]
