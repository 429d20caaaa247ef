"""The safety classifier: it tells apart what it was not shown, and refuses rows and files that are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from lineage.errors import InputError
from services import safety
from services.training.reader import CORPUS, parse_corpus

ROWS = parse_corpus((CORPUS / "safety.tsv").read_bytes(), "c")
MODEL = safety.train(ROWS)
TENSORS = {"features": np.frombuffer(b"a\nb", np.uint8), "weights": np.array([1, 2]), "bias": np.array([0])}


def test_of_ten_parts_each_is_read_right_by_who_learnt_from_the_other_nine() -> None:
    """Rows that it has not seen, so it has not learnt them by heart; both kinds of mistake are looked at."""
    missed = alarmed = 0
    for part in range(10):
        model = safety.train(row for number, row in enumerate(ROWS) if number % 10 != part)
        for text, mark in ROWS[part::10]:
            missed += mark == safety.UNSAFE and not model.unsafe(text)
            alarmed += mark == safety.SAFE and model.unsafe(text)
    unsafe = sum(mark == safety.UNSAFE for _, mark in ROWS)
    assert missed <= 0.25 * unsafe and alarmed <= 0.1 * (len(ROWS) - unsafe), (missed, alarmed, unsafe, len(ROWS))


@pytest.mark.parametrize("text", ["The sign says: pw: hunter2", "You last asked about Big Ben. The sign says: pw: x9",
                                  "That is the opera. Your password is tulip"])
def test_one_sentence_that_is_unsafe_is_enough(text: str) -> None:
    assert MODEL.unsafe(text)


def test_what_the_assistant_knows_of_places_is_safe() -> None:
    for corpus in ("landmarks", "builders", "cards", "scenes"):
        answers = [answer for _, answer in parse_corpus((CORPUS / f"{corpus}.tsv").read_bytes(), corpus)]
        assert [answer for answer in answers if MODEL.unsafe(answer)] == []


@given(st.text(max_size=300))
def test_a_text_in_any_script_is_read(text: str) -> None:
    assert isinstance(MODEL.score(text), int)


@pytest.mark.parametrize("text", ["", " ", "Операция", "🎭", "オペラ"])
def test_what_it_knows_nothing_of_it_lets_pass(text: str) -> None:
    assert not MODEL.unsafe(text)


@given(st.permutations(ROWS[::4]))
def test_equal_rows_give_equal_bytes(rows: list[tuple[str, str]]) -> None:
    assert safety.train(rows).dumps() == safety.train(sorted(rows)).dumps()


def test_its_bytes_come_back() -> None:
    again = safety.loads(MODEL.dumps())
    assert again.dumps() == MODEL.dumps() and [again.score(text) for text, _ in ROWS] == [
        MODEL.score(text) for text, _ in ROWS]


@pytest.mark.parametrize(("rows", "what"), [([], "both kinds"), ([("a", "safe")], "both kinds"),
                                            ([("a", "safe"), ("b", "bad")], "marked 'bad'")])
def test_rows_that_are_no_such_corpus_are_refused(rows: list[tuple[str, str]], what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        safety.train(rows)
    assert caught.value.code == "PAI020"


@pytest.mark.parametrize("change", [{"weights": np.array([1])}, {"weights": np.array([1.0, 2.0])},
                                    {"bias": np.array([], np.int64)}, {"features": np.array([255, 254], np.uint8)},
                                    {"features": np.zeros((1, 3), np.uint8)}])
def test_weights_of_another_shape_are_refused(change: dict[str, np.ndarray]) -> None:
    assert safety.loads(save(TENSORS)).score("a b") == 3
    with pytest.raises(InputError) as caught:
        safety.loads(save({**TENSORS, **change}))
    assert caught.value.code == "PAI004"


@given(st.integers(0, 300), st.binary(max_size=60))
def test_a_cut_or_changed_file_is_a_model_or_an_input_error(cut: int, data: bytes) -> None:
    for damaged in (MODEL.dumps()[:cut], data, MODEL.dumps()[:cut] + data):
        try:
            safety.loads(damaged)
        except InputError as error:
            assert error.code == "PAI004"
