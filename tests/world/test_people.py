"""People near the wearer: in the picture, cut out of it, and counted by their pixels; what they say is planted."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lineage.errors import InputError
from services.inference.near_by import aside, people
from sim.world.glasses import Glasses
from sim.world.people import FACE, MOST, saying
from sim.world.photo import draw, scene
from sim.world.places import PLACES
from sim.world.wearers import make_wearers

WEARER = make_wearers(1, 1, ("US",))[0]


def picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, MOST), st.sampled_from(PLACES))
def test_as_many_are_counted_as_were_drawn(seed: int, count: int, place: object) -> None:
    photo, faces = scene(place, seed, "w", bystanders=count)  # type: ignore[arg-type]
    assert picture(faces).size == (FACE * count, FACE)
    assert people(faces) == count
    assert len(photo) > len(faces)


def test_without_people_the_photo_is_as_ever() -> None:
    photo, faces = scene(PLACES[0], 7, "w", sign="Oslo")
    assert (photo, faces) == (draw(PLACES[0], 7, "w", sign="Oslo"), b"")


def test_a_face_is_blurred_where_it_was() -> None:
    """The strip has eyes, which are dark; where it was cut out nothing is."""
    photo, faces = scene(PLACES[0], 7, "w", bystanders=1)
    strip = picture(faces).convert("L")
    assert min(strip.crop((8, 8, 20, 14)).tobytes()) < 60
    with_them, without = picture(photo), picture(draw(PLACES[0], 7, "w"))
    changed = [(x, y) for x in range(8, 48) for y in range(170, 204)
               if with_them.getpixel((x, y)) != without.getpixel((x, y))]
    assert changed and min(sum(with_them.getpixel(at)) for at in changed if at[1] < 195) > 90  # type: ignore[arg-type]


def test_what_is_said_repeats_and_differs() -> None:
    assert saying(1, "w", 1) == saying(1, "w", 1)
    assert len({saying(seed, "w", turn) for seed in range(20) for turn in range(5)}) == 100


def test_a_capture_has_them_only_when_they_are_there() -> None:
    glasses = Glasses(WEARER, 1)
    alone, with_two = glasses.capture("What?", 1), glasses.capture("What?", 1, bystanders=2)
    assert (alone.overheard, alone.faces) == ("", b"")
    assert with_two.overheard and people(with_two.faces) == 2
    own = glasses.capture("What?", 1, alone.photo, bystanders=2)
    assert own.overheard and own.faces == b""  # nobody looks for people in a photo of the user's own


@pytest.mark.parametrize(("prompt", "told"), [
    ("What did she say?", "2 people are in view. Somebody said: No."), ("Who is that?", "2 people are in view."),
    ("What is that building?", ""), ("", ""),
])
def test_only_what_is_asked_of_people_is_told(prompt: str, told: str) -> None:
    faces = scene(PLACES[0], 7, "w", bystanders=2)[1]
    assert aside(prompt, "No.", faces) == told
    assert aside(prompt, "", b"") == ""


def test_one_and_none() -> None:
    one, blank = scene(PLACES[0], 7, "w", bystanders=1)[1], io.BytesIO()
    Image.new("RGB", (FACE, FACE), (40, 80, 160)).save(blank, "PNG")
    assert aside("Who?", "", one) == "One person is in view."
    assert aside("Who?", "", blank.getvalue()) == "No people are in view."


@given(st.binary(min_size=1, max_size=64))
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        people(data)
    assert caught.value.code == "PAI002"
