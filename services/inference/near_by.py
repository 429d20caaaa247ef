"""[C] What is said of the people near the wearer: how many there are, and what one of them said, if she asks for it.

Apart from the answer, so that whoever keeps answers need not keep this.  People are counted by the pixels of the
picture of their faces: patches of the colours of skin, side by side.  A stand-in for a detector, and as simple as it
sounds.
"""

from __future__ import annotations

import io
import re

import numpy as np
from PIL import Image

from lineage.errors import InputError

WHERE = "rpc:inference.Generate.request#faces"
MAX_PIXELS = 1_000_000
_WORD = re.compile(r"\w+")
_ABOUT_WORDS = frozenset(("say", "said", "says", "saying", "tell", "told", "heard", "mean", "meant"))
_ABOUT_PEOPLE = frozenset(("who", "people", "person", "anyone", "anybody", "someone", "somebody", "she", "he", "they"))
# Of a column of pixels, the share that has to be skin.
_SKIN = 0.2


def aside(prompt: str, overheard: str, faces: bytes) -> str:
    """One or two sentences; empty where nothing was asked of anybody, or nothing is known.

    Raises InputError (PAI002) for faces that are no picture.
    """
    asked, told = set(_WORD.findall(prompt.lower())), []
    if faces and asked & (_ABOUT_PEOPLE | _ABOUT_WORDS):
        count = people(faces)
        told.append("One person is in view." if count == 1 else f"{count or 'No'} people are in view.")
    if overheard and asked & _ABOUT_WORDS:
        told.append(f"Somebody said: {overheard}")
    return " ".join(told)


def people(faces: bytes) -> int:
    """Patches of skin, side by side.  Raises InputError (PAI002)."""
    try:
        with Image.open(io.BytesIO(faces), formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise InputError("PAI002", "the picture of faces has more than a megapixel", where=WHERE)
            pixels = np.asarray(picture.convert("RGB"), np.int16)
    except InputError:
        raise
    except Exception as error:  # Pillow raises a dozen kinds on damaged files; each means: not a picture
        raise InputError("PAI002", f"the faces cannot be decoded: {type(error).__name__}", where=WHERE) from None
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    skin = (red > 90) & (red - green > 12) & (red - blue > 30) & (green > blue)
    columns = skin.mean(axis=0) >= _SKIN
    return int(columns[0]) + int(np.count_nonzero(columns[1:] & ~columns[:-1]))
