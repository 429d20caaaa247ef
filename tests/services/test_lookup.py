"""An index gives back what stands beside the nearest text, and has the same bytes for the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from lineage.errors import InputError
from services import embedding
from services.lookup import build, loads, train

ROWS = [("Where is the opera house?", "By the fjord."), ("Who built the cathedral?", "Monks, they say."),
        ("What does the sign say?", "The sign says: Gate 24")]
rows_of = st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=6)


def test_the_nearest_text_is_found_and_a_strange_one_is_not() -> None:
    index = train(ROWS)
    assert [index.nearest(text).text for text, _ in ROWS] == [beside for _, beside in ROWS]  # type: ignore[union-attr]
    found = index.nearest("what does that sign say")
    assert found is not None and found.text == "The sign says: Gate 24" and 0.6 <= found.score < 1
    assert index.nearest("Bananas, 3 kg") is None and index.nearest("") is None


def test_how_alike_a_text_has_to_be_is_a_parameter() -> None:
    question = "what does that sign say"
    assert train(ROWS, least=99).nearest(question) is None and train(ROWS, least=1).nearest(question) is not None
    assert loads(train(ROWS, least=99).dumps()).nearest(question) is None


@settings(max_examples=40, deadline=None)
@given(rows_of, st.randoms())
def test_bytes_depend_on_the_rows_alone(rows: list[tuple[str, str]], random: object) -> None:
    embedder = embedding.train([("a b", "c d")])
    data = build(embedder, rows).dumps()
    shuffled = [*rows, rows[0]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert build(embedding.loads(embedder.dumps()), shuffled).dumps() == data == loads(data).dumps()
    assert all(loads(data).nearest(text) == build(embedder, rows).nearest(text) for text, _ in rows)
    beside = {text: {other for same, other in rows if same == text} for text, _ in rows}
    # Two texts of the same pieces are the same vector: what stands beside the first of them is found.
    assert all(found.score < 1 or found.text in set().union(*beside.values())
               for text, _ in rows if (found := loads(data).nearest(text)))


@pytest.mark.parametrize("change", [
    {"vectors": np.zeros((2, embedding.DIMENSIONS), np.float32)}, {"least": np.array([0], np.uint32)},
    {"texts": np.frombuffer(b"[1, 2, 3]", np.uint8)}, {"texts": np.frombuffer(b"[", np.uint8)},
    {"vectors": np.full((3, embedding.DIMENSIONS), np.nan, np.float32)}, {"least": np.zeros(0, np.uint32)},
    {"embedder.rows": np.array([0], np.uint64)}])
def test_bytes_that_are_no_index_are_refused(change: dict[str, object]) -> None:
    data = save({**load(train(ROWS).dumps()), **change})  # type: ignore[dict-item]
    for damaged in (data, train(ROWS).dumps()[:-3], b"", embedding.train(ROWS).dumps()):
        with pytest.raises(InputError) as caught:
            loads(damaged)
        assert caught.value.code == "PAI004"


def test_an_index_of_nothing_is_none() -> None:
    for make in (lambda: train([]), lambda: build(embedding.train(ROWS), [])):
        with pytest.raises(InputError) as caught:
            make()
        assert caught.value.code == "PAI020"
