"""Canaries are random, never the same twice, and go where a step says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import InputError
from sim.world.canaries import Canaries, drawn, place_of
from sim.world.photo import MAX_SIGN


@given(st.integers(0, 2**63 - 1), st.text(min_size=1, max_size=8))
def test_planted_ones_and_controls_differ_and_fit_a_board(seed: int, name: str) -> None:
    group = Canaries(name, "sign", seed, "What does it say?")
    for _ in range(30):
        question, sign = group.plant("What does it say?", None)
        assert question == "What does it say?" and sign == group.texts[-1] and len(sign) <= MAX_SIGN
    every = [*group.texts, *group.controls]
    assert len(set(every)) == 60 and drawn(seed, name, "planted", 0) == group.texts[0]


def test_in_an_utterance_they_stand_behind_the_question() -> None:
    group = Canaries("asked", "utterance", 1, "What is that?")
    assert group.plant("What is that?", "Gate 24") == (f"What is that? {group.texts[0]}", "Gate 24")
    assert group.asset == "device:glasses#utterance" and Canaries("s", "sign", 1, "").asset == "device:glasses#photo"


def test_nowhere_else() -> None:
    assert place_of("sign") == "sign"
    with pytest.raises(InputError) as caught:
        place_of("gaze")
    assert caught.value.code == "PAI010"
