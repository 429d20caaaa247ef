"""[C] What is written on the picture: read by a checkpoint of its own, it is an answer, or a hint for one.

So a text that was never typed goes from pixels into an answer, and on into the log: there is no string in the request
that a probe could match.
"""

from __future__ import annotations

import io
import re
from typing import NamedTuple

from PIL import Image

from services.glyphs import Glyphs

# The model's name.
READER = "sign_reader"
_ASKED = re.compile(r"\b(signs?|written|(it|that|this|board) says?)\b", re.IGNORECASE)


class Sign(NamedTuple):
    """``sources``: the weights that it was read with; none where nobody read."""

    text: str
    sources: tuple[str, ...]


NONE = Sign("", ())


def read(image: bytes, reader: Glyphs) -> str:
    """``image`` was decoded before: what is no picture was refused there."""
    with Image.open(io.BytesIO(image), formats=("JPEG", "PNG", "WEBP")) as picture:
        return reader.read(picture)


def said(prompt: str, text: str) -> str:
    """The answer to a question about the sign; empty for any other question.

    >>> said("What does the sign say?", "Gate 24")
    'The sign says: Gate 24'
    >>> said("What is that building?", "Gate 24")
    ''
    """
    if not _ASKED.search(prompt):
        return ""
    return f"The sign says: {text}" if text else "I see no sign that I can read."
