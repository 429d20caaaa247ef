"""[C] What the picture and the position say: a lightness, a main colour, and the nearest landmark.

A stand-in for a vision model that is honest about its size: the picture is really decoded, and
its pixels decide the words; recognition of a place is by position alone.
"""

from __future__ import annotations

import csv
import io
import math
from functools import cache
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from lineage.errors import InputError

GAZETTEER = Path(__file__).with_name("landmarks.tsv")
# A picture is looked at in this many pixels a side.
SIDE = 32
# Farther than this from every landmark is no known place.
NEAR_KM = 25.0
MAX_PIXELS = 50_000_000
_EARTH_KM = 6371.0
_BRIGHT = 110
# A pixel with less saturation (0 to 255) has no colour to speak of.
_GREY = 40
# Hue, in degrees, up to which a colour goes; what is beyond the last is red again.
_HUES = ((25, "red"), (70, "yellow"), (165, "green"), (290, "blue"), (360, "red"))


class Landmark(NamedTuple):
    name: str
    latitude: float
    longitude: float


class Scene(NamedTuple):
    """``words``: "bright blue", empty without a picture.  ``place``: a landmark's name, or empty."""

    words: str
    place: str


def look(image: bytes, location: str) -> Scene:
    """``location``: "latitude,longitude" in degrees, or empty.

    Raises InputError: PAI002 for a picture that cannot be decoded, PAI004 for a location that is none.
    """
    return Scene(_words(image) if image else "", nearest(*position(location)) if location else "")


def position(location: str, where: str = "rpc:inference.Generate.request#location") -> tuple[float, float]:
    """(latitude, longitude) in degrees.  Raises InputError (PAI004), at ``where``."""
    try:
        latitude, longitude = map(float, location.split(","))
    except ValueError:
        latitude = math.nan
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise InputError("PAI004", "the location is not latitude,longitude in degrees", where=where)
    return latitude, longitude


def nearest(latitude: float, longitude: float) -> str:
    """The nearest landmark within NEAR_KM; empty for none."""
    distance, name = min((_kilometres(latitude, longitude, place), place.name) for place in landmarks())
    return name if distance <= NEAR_KM else ""


def by_distance(latitude: float, longitude: float) -> list[str]:
    """The names of all landmarks, the nearest first."""
    return [name for _, name in sorted((_kilometres(latitude, longitude, place), place.name) for place in landmarks())]


@cache
def landmarks() -> tuple[Landmark, ...]:
    with GAZETTEER.open(encoding="utf-8", newline="") as lines:
        return tuple(Landmark(row["name"], float(row["latitude"]), float(row["longitude"]))
                     for row in csv.DictReader(lines, delimiter="\t"))


def _kilometres(latitude: float, longitude: float, place: Landmark) -> float:
    """Great-circle distance (haversine)."""
    phi, other = math.radians(latitude), math.radians(place.latitude)
    half = (math.sin((other - phi) / 2) ** 2
            + math.cos(phi) * math.cos(other) * math.sin(math.radians(place.longitude - longitude) / 2) ** 2)
    return 2 * _EARTH_KM * math.asin(math.sqrt(min(1.0, half)))


def _words(image: bytes) -> str:
    try:
        with Image.open(io.BytesIO(image), formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise InputError("PAI002", "the picture has more than 50 megapixels", where="inference")
            picture.draft("RGB", (SIDE * 4, SIDE * 4))  # JPEG: decodes at a fraction of the size
            small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    except InputError:
        raise
    except Exception as error:  # Pillow raises a dozen kinds on damaged files; each means: not a picture
        raise InputError("PAI002", f"the picture cannot be decoded: {type(error).__name__}",
                         where="rpc:inference.Generate.request#image") from None
    light = sum(small.convert("L").tobytes()) / SIDE**2
    return f"{'bright' if light >= _BRIGHT else 'dark'} {_colour(small)}"


def _colour(small: Image.Image) -> str:
    """The commonest colour word; the first by alphabet where two are as common."""
    seen: dict[str, int] = {}
    data = small.convert("HSV").tobytes()
    for hue, saturation, value in zip(data[::3], data[1::3], data[2::3], strict=True):
        coloured = saturation >= _GREY and value >= _GREY
        name = next(word for upto, word in _HUES if hue * 360 / 256 < upto) if coloured else "grey"
        seen[name] = seen.get(name, 0) + 1
    return min(seen, key=lambda name: (-seen[name], name))
