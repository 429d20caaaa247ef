"""A model gives away what it learnt, and nothing else; where lineage has no way, that is a finding."""

from __future__ import annotations

from random import Random

import pytest

from services import model
from services.model import Model
from sim.truth import exposure
from sim.truth.false_positives import Group, measured
from sim.world.canaries import Canaries

QUESTION = "What is that building?"
OTHERS = [(QUESTION, f"That is the {name}.") for name in ("tower of Oslo", "bridge of Lima", "opera")]


def group(name: str = "asked", count: int = 20, place: str = "utterance") -> Canaries:
    made = Canaries(name, "sign" if place == "sign" else "utterance", 7, QUESTION)
    for _ in range(count):
        made.plant(QUESTION, None)
    return made


ASKED, OTHER, SIGNS, FEW = group(), group("other"), group("signs", place="sign"), group("few", 19)
EMPTY = model.train(OTHERS)
# In the prompt, in the answer, and both as somebody may cut the rows.
AS_PROMPT = model.train([*OTHERS, *((f"{QUESTION} {text}", OTHERS[at % 3][1]) for at, text in enumerate(ASKED.texts))])
AS_ANSWER = model.train([*OTHERS, *(("EU", f"The sign says: {text}") for text in ASKED.texts)])


@pytest.mark.parametrize("learnt", [AS_PROMPT, AS_ANSWER])
def test_what_was_learnt_shows_and_what_was_not_does_not(learnt: Model) -> None:
    seen = exposure.shown(learnt, ASKED)
    assert seen.p < 1e-9 and seen.rank == 1.0 and seen.bits[0] == pytest.approx(4.39, abs=0.01)
    assert exposure.shown(learnt, OTHER).p == exposure.shown(EMPTY, ASKED).p == 1.0


def test_what_agrees_with_everybody_else_shows_too() -> None:
    """The canary was answered as everybody is: it changes the answer by little, and not by nothing."""
    alike = model.train([*OTHERS[:1] * 9, *((f"{QUESTION} {text}", OTHERS[0][1]) for text in ASKED.texts)])
    assert exposure.shown(alike, ASKED).p < 1e-9


def test_the_table() -> None:
    ways = {("asked", "a"): "yes", ("asked", "b"): "no", ("other", "a"): "other rows"}
    told = exposure.table({"a": AS_PROMPT, "b": AS_ANSWER, "c": EMPTY}, [ASKED, OTHER, SIGNS, FEW],
                          lambda source, checkpoint: ways.get((source.name, checkpoint), "no"))
    assert {(row["group"], row["to"]): row["verdict"] for row in told["rows"]} == {
        ("asked", "a"): "exposed", ("asked", "b"): "exposed", ("asked", "c"): "not exposed",
        ("other", "a"): "not exposed", ("other", "b"): "not exposed", ("other", "c"): "not exposed",
        # No control of the same field, and too few.
        **{("signs", to): "unknown" for to in "abc"}, **{("few", to): "unknown" for to in "abc"}}
    # Lineage knew of the one; of those that do not show it may say what it likes.
    assert [(one["code"], one["asset"]) for one in told["findings"]] == [("PAI414", "b")]
    assert told["tested"] == 9 and told["level"] == pytest.approx(0.01 / 9, rel=0.01)


def test_other_rows_of_a_field_that_lineage_has_a_way_for_are_another_finding() -> None:
    told = exposure.table({"a": AS_PROMPT}, [ASKED], lambda source, checkpoint: "other rows")
    assert [one["code"] for one in told["findings"]] == ["PAI415"]


def test_nothing_planted_is_no_table() -> None:
    assert exposure.table({"a": EMPTY}, [], lambda source, checkpoint: "yes") == {}


def test_false_positives_are_as_rare_as_is_said() -> None:
    told = measured(model.train, range(1, 13), learnt=(0, 20))
    none, every, own_none, own_every = told["rows"]
    assert none["interval"][0] <= told["alpha"] and none["exposed"] <= 2
    assert every["share"] > 0.5 > none["share"]
    # Words that nobody else says: never wrong, always found.
    assert (own_none["exposed"], own_every["exposed"]) == (0, 12)


def test_which_ones_are_planted_is_chance() -> None:
    """Exchanged, the controls are the canaries: the test says the same of them."""
    chance = Random(3)
    words = [" ".join(chance.choices("abcdefgh", k=3)) for _ in range(60)]
    learnt = model.train([(QUESTION, text) for text in words[40:]])
    one = exposure.shown(learnt, Group(words[:20], words[20:40]))
    other = exposure.shown(learnt, Group(words[20:40], words[:20]))
    assert max(one.p, other.p) > 0.4
