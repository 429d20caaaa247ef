"""[D] The corpus that the reader of signs learns from: every character, drawn several times with grain.

Rendered, not collected: no wearer's photo is in it.
"""

from __future__ import annotations

import base64
import io
from functools import cache
from random import Random

from PIL import Image, ImageDraw, ImageFont

from services.glyphs import HEIGHT

SIZE = 15
SAMPLES = 4
# What the typeface has: other letters it draws as an empty box, all alike.
CHARACTERS = "".join(map(chr, range(32, 127)))


@cache
def corpus() -> bytes:
    """Tab-separated below the header that every corpus has: PNG in base64, character.  Always the same bytes."""
    font = ImageFont.load_default(SIZE)
    lines = ["question\tanswer"]
    for character in CHARACTERS:
        chance = Random(ord(character))
        width = round(font.getlength(character))
        for _ in range(SAMPLES):
            picture = Image.new("L", (width, HEIGHT), 0)
            ImageDraw.Draw(picture).text((0, 1), character, fill=255, font=font)
            grain = Image.frombytes("L", picture.size, chance.randbytes(width * HEIGHT))
            buffer = io.BytesIO()
            Image.blend(picture, grain, 0.02).save(buffer, "PNG")
            lines.append(f"{base64.b64encode(buffer.getvalue()).decode()}\t{character}")
    return ("\n".join(lines) + "\n").encode()
