"""Vectors of texts: the same everywhere, of length 1, near for what is alike; and files that are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from lineage.errors import InputError
from services import embedding
from services.embedding import BUCKETS, DIMENSIONS, Embedder
from services.training.reader import CORPUS, parse_corpus

ROWS = parse_corpus((CORPUS / "landmarks.tsv").read_bytes(), "c")
MODEL = embedding.train(ROWS)


def near(one: str, other: str, model: Embedder = MODEL) -> float:
    return float(model.vector(one) @ model.vector(other))


@given(st.text(max_size=200))
def test_a_text_in_any_script_has_a_vector_of_length_one(text: str) -> None:
    vector = MODEL.vector(text)
    assert vector.shape == (DIMENSIONS,) and vector.dtype == np.float32 and np.isfinite(vector).all()
    length = float(np.sqrt((vector.astype(np.float64) ** 2).sum()))
    assert abs(length - 1) < 1e-5 or (length == 0 and not vector.any())
    assert bool(vector.any()) or not text.strip() or length == 0


@pytest.mark.parametrize("text", ["Операхуаз", "オペラハウス", "दिल्ली", "أوبرا", "🎭", "1", "?!"])
def test_what_is_not_white_space_is_told_apart_from_nothing(text: str) -> None:
    assert MODEL.vector(text).any() and not MODEL.vector(" \n").any()


def test_what_is_alike_lies_nearer() -> None:
    asked = "Who designed the opera house in Oslo?"
    assert near(asked, "That is the Oslo Opera House") > near(asked, "That is the Golden Gate Bridge")
    assert near("What is that building?", "what is  that BUILDING?") == pytest.approx(1, abs=1e-6)


def test_a_rare_word_weighs_more_once_the_model_has_learnt_that_it_is_rare() -> None:
    """The weights decide: with other rows, other neighbours."""
    common = embedding.train([("opera", "opera"), *[(f"bridge {word}", "bridge") for word in "abcdefghij"]])
    seldom = embedding.train([("bridge", "bridge"), *[(f"opera {word}", "opera") for word in "abcdefghij"]])
    assert near("bridge opera", "opera", common) > near("bridge opera", "opera", seldom)


@given(st.permutations(ROWS))
def test_equal_rows_give_equal_bytes(rows: list[tuple[str, str]]) -> None:
    data = embedding.train(rows).dumps()
    assert data == MODEL.dumps()
    assert embedding.loads(data).vector("Oslo").tobytes() == MODEL.vector("Oslo").tobytes()


def test_nothing_is_learnt_from_nothing() -> None:
    with pytest.raises(InputError, match="no rows"):
        embedding.train([])


@pytest.mark.parametrize("tensors", [
    {}, {"rows_with": np.zeros(BUCKETS, np.uint32)},
    {"rows_with": np.zeros(BUCKETS, np.int64), "rows": np.array([3], np.uint64)},
    {"rows_with": np.zeros(BUCKETS - 1, np.uint32), "rows": np.array([3], np.uint64)},
    {"rows_with": np.full(BUCKETS, 4, np.uint32), "rows": np.array([3], np.uint64)},
    {"rows_with": np.zeros(BUCKETS, np.uint32), "rows": np.array([], np.uint64)},
    {"rows_with": np.zeros(BUCKETS, np.uint32), "rows": np.array([0], np.uint64)}])
def test_weights_of_another_shape_are_refused(tensors: dict[str, np.ndarray]) -> None:
    with pytest.raises(InputError) as caught:
        embedding.loads(save(tensors))
    assert caught.value.code == "PAI004"


@given(st.integers(0, 200), st.binary(max_size=60))
def test_a_cut_or_changed_file_is_a_model_or_an_input_error(cut: int, data: bytes) -> None:
    for damaged in (MODEL.dumps()[:cut], data, MODEL.dumps()[:cut] + data):
        try:
            embedding.loads(damaged)
        except InputError as error:
            assert error.code == "PAI004"
