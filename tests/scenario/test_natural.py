"""The steps of natural interaction: what they refuse, what they report, and that topology does not matter."""

from __future__ import annotations

import pytest

from lineage.errors import InputError
from sim.scenario.schema import Scenario, Step, World, expect, step
from tests.scenario.real_runs import QUESTION, Runs, outcome, rows


def natural(name: str, *steps: Step, wearers: int = 1) -> Scenario:
    return Scenario(name=name, stage="discover", seed=5, world=World(wearers=wearers, regions=("US", "NO")),
                    steps=steps, expect=(expect("discover", "complete", operations=1.0, invented=0),))


ALL = natural(
    "natural", step("converse", turns=[QUESTION, {"say": "How old is it?", "cut": 1}, "Tell me more."]),
    step("overlay"), step("gesture", gesture="pinch"), step("gesture", gesture="double_pinch"),
    step("gesture", gesture="fist"),
    step("ask", question=QUESTION, preprocess={"downscale": 64, "exif": "strip", "blur": True}), wearers=2)


def test_the_same_in_one_process_and_in_many(runs: Runs) -> None:
    alone, many = runs.once(ALL), runs.run(ALL, topology="processes")
    assert outcome(many) == outcome(alone)
    assert alone.verdict["verdict"] == "pass"
    told = {(one["step"], str(one["given"].get("gesture", ""))): one["said"] for one in alone.verdict["steps"]}
    assert told["converse", ""]["conversations"] == told["converse", ""]["cut"] == 2
    assert told["converse", ""]["closed 1000"] == 2 and told["converse", ""]["answers"] == 6
    assert told["gesture", "double_pinch"] == {"felt": {"double_pinch": 2}}


def test_a_second_run_gives_the_same(runs: Runs) -> None:
    assert outcome(runs.run(ALL)) == outcome(runs.once(ALL))


def test_an_answer_that_is_cut_off_is_shorter_where_it_was_heard_than_where_it_was_logged(runs: Runs) -> None:
    done = runs.once(ALL)
    heard = [answer.answer for answer in done.answers[:3]]
    assert heard[0].startswith("That is") and len(heard[1].split()) == 4 < len(heard[2].split())
    assert heard[0] == heard[2]  # by what was said before


def test_the_journal_has_the_devices_own_process(runs: Runs) -> None:
    done = runs.once(ALL)
    found = rows(done.path / "journal.db",
                 "SELECT op, locator, count(*) FROM records WHERE process = 'glasses' GROUP BY 1, 2 ORDER BY 1, 2")
    assert found == [("read", "device:glasses", 2), ("read", "device:neural_band", 6),
                     ("write", "device:glasses.preprocess", 2), ("write", "device:neural_band", 6)]


@pytest.mark.parametrize(("wrong", "code", "what"), [
    (step("converse", turns=[]), "PAI010", "needs a turn"),
    (step("converse", turns=[{"cut": 1}]), "PAI010", "mapping with say"),
    (step("converse", turns=[{"say": "Hi", "cutt": 1}]), "PAI010", "did you mean 'cut'"),
    (step("converse", turns=[{"say": "Hi", "cut": -1}]), "PAI010", "number of parts"),
    (step("converse", turns=[{"say": "Hi", "gaze": "up"}]), "PAI010", "left, ahead, right"),
    (step("converse", turns=[" "]), "PAI003", "empty"),
    (step("gesture", gesture="pinch"), "PAI010", "overlay step"),
    (step("ask", question="Hi", preprocess={"blurr": True}), "PAI010", "did you mean 'blur'"),
    (step("ask", question="Hi", preprocess={"downscale": 1}), "PAI010", "16 to 10000"),
])
def test_bad_input_names_the_step(runs: Runs, wrong: Step, code: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        runs.run(natural("wrong", wrong))
    assert caught.value.code == code and what in caught.value.what
    assert caught.value.where == wrong.where
