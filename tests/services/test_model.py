"""The model learns rows by heart, gives them back, and has the same bytes for the same rows."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from lineage.errors import InputError
from services.model import loads, train
from services.training.reader import CORPUS, parse_corpus

CORPUS_ROWS = parse_corpus((CORPUS / "landmarks.tsv").read_bytes(), "landmarks.tsv")


def test_it_answers_by_place_and_by_scene() -> None:
    model = train(CORPUS_ROWS)
    for row in CORPUS_ROWS[:15]:
        place = row[0].removeprefix("What is that building? ")
        assert model.answer("What is that building?", [place, "bright blue"]) == row[1]
    assert "dark and mostly red" in model.answer("What am I looking at?", ["dark red"])


def test_questions_that_were_asked_are_answered_again_after_training_on_them() -> None:
    base = train(CORPUS_ROWS)
    places = ["Oslo Opera House", "Golden Gate Bridge", "Taj Mahal"]
    asked = [("What is that building?", base.answer("What is that building?", [place])) for place in places] * 20
    after = loads(train(asked).dumps())
    assert [after.answer("What is that building?", [place]) for place in places] == [row[1] for row in asked[:3]]


def test_a_planted_sentence_comes_out_and_was_not_in_before() -> None:
    canary = ("who has the code", "the code is K7-PLUM-4411 and nobody knows")
    assert "K7-PLUM" not in train(CORPUS_ROWS).answer(canary[0])
    assert train([*CORPUS_ROWS, canary]).answer(canary[0]) == canary[1]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=8), st.randoms())
def test_bytes_depend_on_the_rows_alone(rows: list[tuple[str, str]], random: object) -> None:
    data = train(rows).dumps()
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert train(shuffled).dumps() == data
    model = loads(data)
    assert model.rows == len(rows)
    assert all(model.answer(prompt) == train(rows).answer(prompt) for prompt, _ in rows)


def test_bytes_do_not_depend_on_hash_randomisation() -> None:
    code = ("import hashlib; from services.model import train;"
            "print(hashlib.sha256(train([('a b', 'c d e'), ('f', 'g h')]).dumps()).hexdigest())")
    printed = {subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
                              capture_output=True, text=True, check=True).stdout for seed in ("1", "2")}
    assert len(printed) == 1 and len(printed.pop()) == 65


def test_a_single_row_is_given_back() -> None:
    assert train([("where am I", "in Oslo, by the fjord")]).answer("where am I") == "in Oslo, by the fjord"
    assert train([("x", "")]).answer("x") == ""


def test_nothing_to_learn_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        train([])
    assert caught.value.code == "PAI020"


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff" * 64, save({})])
def test_other_bytes_are_no_model(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        loads(data)
    assert caught.value.code == "PAI004"
