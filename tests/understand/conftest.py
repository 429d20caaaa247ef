"""The hand-written questions, by section, and small pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture(scope="session")
def questions() -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in Path(__file__).with_name("questions.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            current.append(line)
    return sections


def _picture(form: str, *, gps: dict[int, object] | None = None, size: tuple[int, int] = (8, 6)) -> bytes:
    exif = Image.Exif()
    exif[0x0110] = "SG-1"
    if gps:
        exif.get_ifd(0x8825).update(gps)
    buffer = io.BytesIO()
    Image.new("RGB", size, (90, 120, 150)).save(buffer, form, exif=exif)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """``picture("JPEG", gps={…})``: a small picture with EXIF, of a format that Pillow writes."""
    return _picture
