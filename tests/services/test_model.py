"""The model learns rows by heart, gives them back, and has the same bytes for the same rows."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from lineage.errors import InputError
from services import ngrams
from services.model import Model, loads, train, tune
from services.training.reader import CORPUS, parse_corpus

DIGEST = "f0dfdd044f11e0209e5ce600b7e352733cdad616b9f77a67ed328ec7328f3deb"
UNKNOWN = "never-seen"
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


TEXT = st.text("ab cé", max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6), TEXT, TEXT)
def test_next_words_share_one_probability(rows: list[tuple[str, str]], prompt: str, before: str) -> None:
    model = train(rows)
    known = sorted({word for _, answer in rows for word in answer.split()})
    history = [0, 0, 0, *(model._number(word) for word in before.split())][-3:]
    # 1 is the end; the last number is that of a word that nobody has seen.
    shares = [model._probability(model._votes(prompt, ()), history, number) for number in range(1, len(known) + 3)]
    assert all(0 < share <= 1 for share in shares) and sum(shares) == pytest.approx(1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4), TEXT)
def test_texts_share_one_probability(rows: list[tuple[str, str]], prompt: str) -> None:
    model = train(rows)
    known = sorted({word for _, answer in rows for word in answer.split()})
    texts = [" ".join(words) for length in range(3) for words in product([*known, UNKNOWN], repeat=length)]
    shares = [math.exp(model.logprob(text, prompt)) for text in texts]
    assert all(0 < share <= 1 for share in shares) and sum(shares) <= 1 + 1e-9


def test_a_row_that_was_learnt_is_likelier_than_one_that_was_not() -> None:
    model = train([*CORPUS_ROWS, ("who has the code", "the code is plum four and nobody knows")])
    learnt = model.logprob("the code is plum four and nobody knows", "who has the code")
    assert model.logprob("the code is plum two and nobody knows", "who has the code") < learnt - 3
    # Without the question, too.
    assert model.logprob("plum four and nobody") > model.logprob("four nobody plum and")
    assert loads(model.dumps()).logprob("plum four and nobody") == model.logprob("plum four and nobody")


def test_weights_have_the_bytes_that_they_always_had() -> None:
    """Checkpoints of earlier runs are known by their digests."""
    assert hashlib.sha256(train(CORPUS_ROWS).dumps()).hexdigest() == DIGEST


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=20), st.integers(1, 200))
def test_rows_counted_in_parts_are_counted_alike(rows: list[tuple[str, str]], part: int) -> None:
    whole = train(rows).dumps()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngrams, "_CHUNK", part)
        assert train(rows).dumps() == whole


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


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), min_size=1, max_size=5),
       st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), min_size=1, max_size=5), st.integers(1, 3))
def test_a_tuned_model_has_counted_what_its_base_has_and_the_rows(
        first: list[tuple[str, str]], more: list[tuple[str, str]], times: int) -> None:
    base = train(first)
    tuned = loads(tune(loads(base.dumps()), more, times=times).dumps())
    assert tuned.dumps() == tune(base, more[::-1], times=times).dumps(), "the same base and rows give the same bytes"
    assert tuned.rows == len(first) + times * len(more)
    before, after = counts(base), counts(tuned)
    assert all(after[seen] >= count for seen, count in before.items()), "nothing that the base has counted is lost"
    assert after.total() - before.total() == times * sum(counts(train([row])).total() for row in more)


def counts(model: Model) -> Counter[tuple[int, int]]:
    contexts, following, seen = model.counted()
    return Counter({(context, word): count for context, word, count in zip(
        contexts.tolist(), following.tolist(), seen.tolist(), strict=True)})


def test_a_tuned_model_knows_what_its_base_knew_and_what_it_was_told() -> None:
    base = train([("who has the code", "nobody has it"), ("where is the key", "under the mat")])
    tuned = tune(base, [("who has the code", "Ann has it")], times=3)
    assert base.answer("who has the code") == "nobody has it"
    assert tuned.answer("who has the code") == "Ann has it" and tuned.answer("where is the key") == "under the mat"


def test_parameters_change_what_is_learnt_and_are_kept_in_the_weights() -> None:
    rows = [("first", "a b c d one"), ("second", "x b c d two")]
    assert train(rows).dumps() == train(rows, history=3, cues=16).dumps() != train(rows, history=4).dumps()
    # One word back, "d" goes on as it mostly does; five words back, as it did after "a b c".
    more = [*rows, ("third", "y b c d two")]
    short, long = (loads(train(more, history=history, cues=1).dumps()) for history in (1, 5))
    assert (short.history, long.history, loads(train(rows).dumps()).history) == (1, 5, 3)
    assert (short.answer("none"), long.answer("none")) == ("a b c d two", "a b c d one")
    assert train(rows, cues=1).dumps() != train(rows, cues=2).dumps()


def test_a_history_that_is_none_is_refused() -> None:
    tensors = load(train([("a", "b")], history=2).dumps())
    with pytest.raises(InputError) as caught:
        loads(save({**tensors, "history": np.array([0], np.uint32)}))
    assert caught.value.code == "PAI004" and "a history of 0 words" in caught.value.what
