"""On-device processing: what is left of a photo and of an utterance, and what is gone."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lineage.errors import InputError
from services.web.photo import inspect
from sim.world import preprocess
from sim.world.clock import START
from sim.world.photo import draw
from sim.world.places import PLACES
from sim.world.preprocess import Options

PHOTO = draw(PLACES[0], 1, "w", taken=START, position=(59.9, 10.75), sign="Oslo")


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_without_options_it_is_the_same_photo() -> None:
    assert preprocess.photo(PHOTO, Options()) == PHOTO
    assert preprocess.photo(PHOTO, Options(trim=5)) == PHOTO


def test_it_is_made_smaller_and_never_larger() -> None:
    assert opened(preprocess.photo(PHOTO, Options(downscale=160))).size == (160, 120)
    assert opened(preprocess.photo(PHOTO, Options(downscale=5000))).size == (320, 240)


def test_exif_is_stripped_or_kept() -> None:
    assert inspect(PHOTO) != ""
    kept = preprocess.photo(PHOTO, Options(downscale=160))
    assert inspect(kept) == inspect(PHOTO)
    stripped = preprocess.photo(PHOTO, Options(exif="strip"))
    assert inspect(stripped) == "" and not len(opened(stripped).getexif())


def test_the_street_is_blurred_and_the_rest_is_not() -> None:
    def detail(data: bytes, top: float, bottom: float) -> float:
        pixels = np.asarray(opened(data).convert("L"), float)
        part = pixels[round(240 * top) + 4:round(240 * bottom) - 4]
        return float(np.abs(np.diff(part, axis=1)).mean())

    blurred = preprocess.photo(PHOTO, Options(blur=True))
    assert detail(blurred, *preprocess.STREET) < 0.2 * detail(PHOTO, *preprocess.STREET)
    assert detail(blurred, 0, preprocess.STREET[0]) > 0.8 * detail(PHOTO, 0, preprocess.STREET[0])


@given(st.text(max_size=60), st.integers(1, 40))
def test_an_utterance_is_cut_between_words(text: str, limit: int) -> None:
    made = preprocess.trimmed(text, limit)
    words = " ".join(text.split())
    assert len(made) <= limit and words.startswith(made)
    assert made == words or len(words) > limit
    assert bool(made) == bool(words)


def test_the_other_fields_are_left_alone() -> None:
    raw = {"photo": PHOTO, "utterance": b"What  is that?", "wearer": b"w-0001"}
    assert preprocess.apply(raw, Options(trim=8)) == {"photo": PHOTO, "utterance": b"What is", "wearer": b"w-0001"}


@pytest.mark.parametrize("wrong", [{"downscale": 3}, {"downscale": -1}, {"downscale": True}, {"exif": "drop"},
                                   {"trim": -1}, {"blur": 1}, {"downscale": "160"}])
def test_options_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        Options(**wrong)
    assert caught.value.code == "PAI010"


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        preprocess.photo(b"no picture", Options(blur=True))
    assert caught.value.code == "PAI002"
