"""Photographs: synthetic street scenes, and the user's own file, checked before anything is done with it."""

from __future__ import annotations

import io
import unicodedata
import warnings
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from lineage.errors import InputError
from sim.world import people
from sim.world.places import Place, Shape
from sim.world.random import keyed

SIZE = (320, 240)
CAMERA = ("Sightline", "SG-1")
MAX_BYTES = 10_000_000
MAX_PIXELS = 50_000_000
# Pillow calls a JPEG with further pictures behind it (as many phones write) MPO.
_FORMATS = {"JPEG": "JPEG", "MPO": "JPEG", "PNG": "PNG", "WEBP": "WebP"}
_NEXT = 'sightline demo --photo my.jpg --ask "What is that building?"'
# Characters that a board has room for.
MAX_SIGN = 24
_GROUND = 190  # height of the horizon, in pixels from the top
_LETTERS = str.maketrans({"ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "ß": "ss", "ł": "l", "Ł": "L"})
# EXIF numbers.
_MAKE, _MODEL, _TIME, _DETAILS, _TIME_TAKEN, _GPS = 0x010F, 0x0110, 0x0132, 0x8769, 0x9003, 0x8825


def draw(place: Place, seed: int, *parts: str | int, **said: Any) -> bytes:
    """The photo alone of :func:`scene`, which takes the same."""
    return scene(place, seed, *parts, **said)[0]


def scene(place: Place, seed: int, *parts: str | int, sign: str = "", taken: datetime | None = None,
          position: tuple[float, float] | None = None, bystanders: int = 0) -> tuple[bytes, bytes]:
    """A street scene of ``place`` as JPEG, 320x240, 10 to 20 kB, and the faces that were in it (``people``), empty
    without ``bystanders``; equal arguments give equal bytes.

    ``sign`` is written on a board.  With ``taken``, EXIF says when and with which camera; with ``position``
    (latitude, longitude in degrees) also where.
    """
    chance = keyed(seed, *parts, "photo", place.name)
    image = _sky(chance)
    canvas = ImageDraw.Draw(image)
    stone = tuple(chance.randrange(60, 140) for _ in range(3))
    _silhouette(canvas, place.shape, chance.randrange(110, 210), stone)
    canvas.rectangle((0, _GROUND, *SIZE), fill=(72, 74, 78))
    for left in range(chance.randrange(30), SIZE[0], 60):
        canvas.rectangle((left, 214, left + 30, 218), fill=(200, 200, 190))
    if sign:
        _board(canvas, _plain(sign)[:MAX_SIGN])
    corners = people.stand(image, bystanders, seed, *parts)
    grain = Image.frombytes("L", SIZE, chance.randbytes(SIZE[0] * SIZE[1])).convert("RGB")
    buffer = io.BytesIO()
    exif = _exif(taken, position)
    taken_in = Image.blend(image, grain, 0.06)
    faces = people.apart(taken_in, corners)
    taken_in.save(buffer, "JPEG", quality=80, exif=exif.tobytes() if exif else b"")
    return buffer.getvalue(), faces


def _board(canvas: ImageDraw.ImageDraw, text: str) -> None:
    font = ImageFont.load_default(15)
    canvas.rectangle((20, 146, 20 + max(70, round(font.getlength(text)) + 14), 176), fill=(20, 70, 140),
                     outline=(240, 240, 240))
    canvas.text((27, 152), text, fill=(250, 250, 250), font=font)


def _plain(text: str) -> str:
    """In the letters that the typeface has: "Sao Paulo" for "São Paulo"."""
    return unicodedata.normalize("NFKD", text.translate(_LETTERS)).encode("ascii", "ignore").decode()


def load_photo(path: str | Path) -> bytes:
    """The bytes of the user's own photo, as they are.

    Raises InputError (PAI002) when it is missing, above 10 MB, no JPEG, PNG or WebP, above 50 megapixels, or
    does not decode.
    """
    try:
        if not Path(path).is_file():
            raise _refused(path, "there is no such file")
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused(path, error.strerror or "it cannot be read") from error
    except ValueError as error:
        raise _refused(path, "the path cannot be used") from error
    if len(data) > MAX_BYTES:
        raise _refused(path, f"it is larger than {MAX_BYTES // 1_000_000} MB")
    _check(path, data)
    return data


def media_type(data: bytes) -> tuple[str, str]:
    """(file name, media type) of a photo, by its first bytes: ("photo.jpg", "image/jpeg")."""
    if data.startswith(b"\x89PNG"):
        return "photo.png", "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "photo.webp", "image/webp"
    return "photo.jpg", "image/jpeg"


def _check(path: str | Path, data: bytes) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower
            image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
    except Image.DecompressionBombError:
        raise _refused(path, "it has more than 50 megapixels") from None
    except Exception as error:  # decoders raise many kinds on a malformed header
        raise _refused(path, "it is not a JPEG, PNG or WebP picture") from error
    with image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise _refused(path, f"its {width} x {height} pixels are more than 50 megapixels")
        try:
            image.load()
        except Exception as error:  # and on malformed or missing pixels
            raise _refused(path, f"it begins as a {_FORMATS[image.format or 'JPEG']} but does not decode") from error


def _refused(path: str | Path, why: str) -> InputError:
    return InputError("PAI002", f"the photo cannot be used: {why}", where=str(path), next=_NEXT)


def _sky(chance: Random) -> Image.Image:
    """A gradient from a keyed blue to a lighter horizon."""
    red, green, blue = chance.randrange(70, 130), chance.randrange(120, 170), chance.randrange(190, 240)
    column = Image.new("RGB", (1, SIZE[1]))
    for y in range(SIZE[1]):
        fade = y * 90 // SIZE[1]
        column.putpixel((0, y), (min(255, red + fade), min(255, green + fade), min(255, blue + fade // 3)))
    return column.resize(SIZE)


def _silhouette(canvas: ImageDraw.ImageDraw, shape: Shape, middle: int, stone: tuple[int, ...]) -> None:
    """The building, standing on the horizon around x = ``middle``."""
    if shape == "tower":
        canvas.polygon([(middle - 26, _GROUND), (middle - 5, 30), (middle + 5, 30), (middle + 26, _GROUND)], fill=stone)
        canvas.line((middle, 30, middle, 8), fill=stone, width=2)
    elif shape == "block":
        canvas.rectangle((middle - 80, 90, middle + 80, _GROUND), fill=stone)
        for left in range(middle - 70, middle + 70, 24):
            canvas.rectangle((left, 120, left + 12, _GROUND), fill=(40, 40, 46))
    elif shape == "dome":
        canvas.rectangle((middle - 60, 120, middle + 60, _GROUND), fill=stone)
        canvas.pieslice((middle - 40, 60, middle + 40, 180), 180, 360, fill=stone)
        for x in (middle - 90, middle + 90):
            canvas.rectangle((x - 4, 70, x + 4, _GROUND), fill=stone)
    elif shape == "spires":
        for offset, top in ((-45, 60), (-15, 30), (15, 40), (45, 65)):
            x = middle + offset
            canvas.polygon([(x - 14, _GROUND), (x - 9, 110), (x, top), (x + 9, 110), (x + 14, _GROUND)], fill=stone)
    elif shape == "bridge":
        canvas.rectangle((0, 160, SIZE[0], 168), fill=stone)
        for x in (80, 240):
            canvas.rectangle((x - 6, 50, x + 6, _GROUND), fill=stone)
        canvas.arc((80, -50, 240, 158), 0, 180, fill=stone, width=3)
    else:
        for offset, height in ((-70, 80), (-25, 120), (25, 100)):
            x = middle + offset
            canvas.polygon([(x - 30, _GROUND), (x + 40, _GROUND), (x + 20, _GROUND - height)], fill=(235, 235, 230))


def _exif(taken: datetime | None, position: tuple[float, float] | None) -> Image.Exif:
    exif = Image.Exif()
    if taken is None and position is None:
        return exif
    exif[_MAKE], exif[_MODEL] = CAMERA
    if taken is not None:
        exif[_TIME] = exif.get_ifd(_DETAILS)[_TIME_TAKEN] = taken.strftime("%Y:%m:%d %H:%M:%S")
    if position is not None:
        latitude, longitude = position
        exif.get_ifd(_GPS).update({1: "N" if latitude >= 0 else "S", 2: _sexagesimal(latitude),
                                   3: "E" if longitude >= 0 else "W", 4: _sexagesimal(longitude)})
    return exif


def _sexagesimal(degrees: float) -> tuple[float, float, float]:
    """Degrees, minutes, seconds to a hundredth (30 cm), as EXIF wants them."""
    hundredths = round(abs(degrees) * 360_000)
    return float(hundredths // 360_000), float(hundredths // 6_000 % 60), hundredths % 6_000 / 100
