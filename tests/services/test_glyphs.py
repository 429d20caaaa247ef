"""What is drawn on a sign is read back from its pixels; what is no sign is not read."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from lineage.errors import InputError
from services.glyphs import HEIGHT, Glyphs, loads, train
from services.training import characters
from services.training.reader import parse_corpus
from sim.world.photo import draw
from sim.world.places import PLACES, Place

SAMPLES = parse_corpus(characters.corpus(), "characters.tsv")
READER = train(SAMPLES)


def read(photo: bytes, reader: Glyphs = READER) -> str:
    return reader.read(Image.open(io.BytesIO(photo)))


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from([one for one in characters.CHARACTERS if one != " "]), min_size=2, max_size=20),
       st.sampled_from(PLACES), st.integers(1, 10_000))
@example("K7-PLUM-4411", PLACES[0], 1)
def test_nearly_every_character_is_read(text: str, place: Place, seed: int) -> None:
    said = read(draw(place, seed, "sign", sign=text))
    wrong = sum(one != other for one, other in zip(text, said, strict=False)) + abs(len(text) - len(said))
    assert wrong <= 1 + len(text) // 5, (text, said)


@pytest.mark.parametrize("text", ["San Francisco", "Gate 24 closed", "pw: hunter2", "EXIT",
                                  "Room 101 - Ada", "Mittwoch ab 18:30 Uhr"])
def test_signs_of_words_are_read_to_the_letter(text: str) -> None:
    assert [read(draw(place, seed, "s", sign=text)) for seed, place in enumerate(PLACES)] == [text] * len(PLACES)


def test_letters_that_the_typeface_lacks_are_written_with_those_it_has() -> None:
    assert read(draw(PLACES[0], 1, "s", sign="Ærø & Måløy")) == "AEro & Maloy"


def test_a_scene_without_a_sign_has_none() -> None:
    assert {read(draw(place, seed, "none")) for place in PLACES for seed in range(5)} == {""}


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (15, 400), (400, 15), (640, 480)])
def test_any_picture_is_looked_at(size: tuple[int, int]) -> None:
    assert READER.read(Image.new("RGB", size, (20, 70, 140))) == ""
    assert READER.read(Image.new("L", size, 255)) == ""


def test_the_same_samples_give_the_same_bytes_in_any_order() -> None:
    data = train(SAMPLES).dumps()
    assert train(reversed(SAMPLES)).dumps() == data
    assert loads(data).dumps() == data
    assert train(SAMPLES[:-4]).dumps() != data


def test_what_it_did_not_learn_it_does_not_read() -> None:
    without = train(one for one in SAMPLES if one[1] != "7")
    photo = draw(PLACES[0], 1, "sign", sign="Gate 77")
    assert read(photo) == "Gate 77"
    assert "7" not in read(photo, without)


def test_damaged_weights_are_refused() -> None:
    data = READER.dumps()
    for broken in (b"", data[:100], data[:-8], b"x" * 200):
        with pytest.raises(InputError) as caught:
            loads(broken)
        assert caught.value.code == "PAI004"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(READER.dumps()) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_still_a_reader(place: int, change: int) -> None:
    data = bytearray(READER.dumps())
    data[place] = (data[place] + change) % 256
    try:
        read(draw(PLACES[0], 1, "sign", sign="Gate 77"), loads(bytes(data)))
    except InputError as error:
        assert error.code == "PAI004"


def png(shape: tuple[int, int]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros(shape, np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize("samples", [
    [], [("no base64!", "a")], [(base64.b64encode(b"no picture").decode(), "a")], [(png((HEIGHT, 5)), "ab")],
    [(png((HEIGHT + 1, 5)), "a")], [(png((HEIGHT, 300)), "a")], [(png((HEIGHT, 5)), "a"), (png((HEIGHT, 6)), "a")]])
def test_samples_that_are_none_are_refused(samples: list[tuple[str, str]]) -> None:
    with pytest.raises(InputError) as caught:
        train(samples)
    assert caught.value.code == "PAI020"
