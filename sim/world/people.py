"""People near the wearer, who agreed to nothing: their faces in the photo, and what one of them says.

The glasses take apart what is the wearer's and what is theirs: each face is cut out of the photo, and blurred in it.
No detector runs here; the glasses know where the world has put a face, as a detector that never errs would.  In a
photo of the user's own nobody is found.
"""

from __future__ import annotations

import io
from random import Random

from PIL import Image, ImageDraw, ImageFilter

from sim.world.random import keyed

# Pixels, of a side.
FACE = 28
MOST = 6
_GAP, _GROUND = 48, 176
_OVAL = (4, 1, FACE - 4, FACE - 1)
_AROUND = (40, 60, 80)
_SKIN = ((236, 196, 164), (214, 164, 124), (176, 124, 88), (142, 96, 66))
_SAYINGS = ("The spare key is under the pot, the code is {word}.", "Doctor {word} says that it is not contagious.",
            "Do not tell {word} that I am here.", "I owe {word} more than I can pay.")
_SYLLABLES = ("ka", "lo", "mi", "ru", "te", "vo", "zi", "pha", "quo", "xen", "dru", "wyl")


def stand(image: Image.Image, count: int, seed: int, *parts: str | int) -> list[tuple[int, int]]:
    """Draws ``count`` people; the upper left corner of each face."""
    chance, canvas = keyed(seed, *parts, "people"), ImageDraw.Draw(image)
    left = chance.randrange(8, 20)
    corners = []
    for number in range(count):
        corner = (left + number * _GAP, _GROUND - chance.randrange(6))
        _person(canvas, corner, chance)
        corners.append(corner)
    return corners


def _person(canvas: ImageDraw.ImageDraw, corner: tuple[int, int], chance: Random) -> None:
    x, y = corner
    coat = tuple(chance.randrange(20, 80) for _ in range(3))
    canvas.rectangle((x - 2, y + FACE - 4, x + FACE + 2, y + FACE + 30), fill=coat)
    left, top, right, bottom = _OVAL
    canvas.ellipse((x + left, y + top, x + right, y + bottom), fill=chance.choice(_SKIN))
    for eye in (x + 10, x + 17):
        canvas.rectangle((eye, y + 10, eye + 1, y + 11), fill=(30, 30, 30))
    canvas.line((x + 10, y + 20, x + 18, y + 20 - chance.randrange(3)), fill=(120, 40, 40))


def apart(image: Image.Image, corners: list[tuple[int, int]]) -> bytes:
    """The faces side by side, as PNG; in the image they are blurred.  Empty where there are none."""
    if not corners:
        return b""
    strip = Image.new("RGB", (FACE * len(corners), FACE), _AROUND)
    oval = Image.new("L", (FACE, FACE))
    ImageDraw.Draw(oval).ellipse(_OVAL, fill=255)
    for number, (x, y) in enumerate(corners):
        box = (x, y, x + FACE, y + FACE)
        face = image.crop(box)
        strip.paste(face, (number * FACE, 0), oval)
        # Coarse first, so that no fine structure is left under the blur.
        coarse = face.resize((2, 2), Image.Resampling.BOX).resize((FACE, FACE))
        image.paste(coarse.filter(ImageFilter.GaussianBlur(6)), box)
    made = io.BytesIO()
    strip.save(made, "PNG")
    return made.getvalue()


def saying(seed: int, *parts: str | int) -> str:
    """What one of them says; a word of it is found nowhere else in the world."""
    chance = keyed(seed, *parts, "saying")
    word = "".join(chance.choice(_SYLLABLES) for _ in range(6)).capitalize()
    return chance.choice(_SAYINGS).format(word=word)
