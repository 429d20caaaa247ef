"""The verdict of a run: fail > unknown > pass; nothing expected, or a fault that never fired, is unknown."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scenario.history import History
from sim.scenario.schema import Expectation, FaultSpec, Scenario, expect, fault
from sim.scenario.verdict import EXIT, judge, row, worst

VERDICTS = ("pass", "unknown", "fail")
EMPTY: dict[str, Any] = {"assets": [], "edges": [], "decisions": [], "findings": [], "zones": [], "evidence": []}
# Against the answers below: one that holds, one that does not, one that cannot be told.
SAID = {"pass": expect("understand", "answer", contains="Big Ben"),
        "fail": expect("understand", "answer", contains="no"),
        "unknown": expect("demonstrate", "evidence", zone="other", verdict="holds")}


def judged(expected: list[Expectation], faults: list[FaultSpec] | None = None, hits: tuple[int, ...] = (),
           steps: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    history = History(EMPTY, {"recall": None}, lambda source, activity: (0, False), [("Big Ben", "assistant@1")],
                      steps or [])
    scenario = Scenario("judged", "enforce", seed=1, about="One.", expect=tuple(expected), faults=tuple(faults or ()))
    return judge(scenario, 5, history, hits)


@given(st.lists(st.sampled_from(VERDICTS)))
def test_the_worst_of_several(verdicts: list[str]) -> None:
    for verdict in ("fail", "unknown", "pass"):
        if verdict in verdicts:
            assert worst(verdicts) == verdict
            return
    assert worst(verdicts) == "unknown"


@pytest.mark.parametrize("verdicts", list(product(VERDICTS, repeat=2)), ids=" ".join)
def test_over_expectations(verdicts: tuple[str, str]) -> None:
    found = judged([SAID[verdict] for verdict in verdicts])
    assert sorted(one["verdict"] for one in found["expectations"]) == sorted(verdicts)
    assert found["verdict"] == max(verdicts, key=VERDICTS.index)
    counts = row(found, "there")
    assert (counts["held"], counts["failed"], counts["unknown"]) == tuple(
        verdicts.count(verdict) for verdict in ("pass", "fail", "unknown"))


def test_no_expectation_is_unknown() -> None:
    assert judged([])["verdict"] == "unknown"


@pytest.mark.parametrize(("said", "hits", "verdict"), [
    ("pass", (1,), "pass"), ("pass", (0,), "unknown"), ("unknown", (3,), "unknown"), ("fail", (0,), "fail"),
    ("pass", (0, 4), "unknown"), ("pass", (2, 4), "pass"),
])
def test_a_fault_that_never_fired_is_unknown(said: str, hits: tuple[int, ...], verdict: str) -> None:
    faults = [fault("drop_probe", asset=f"web:{number}") for number in range(len(hits))]
    found = judged([SAID[said]], faults, hits)
    assert found["verdict"] == verdict
    assert found["faults"] == [{"fault": "drop_probe", "given": {"asset": f"web:{number}"}, "hits": count}
                               for number, count in enumerate(hits)]


def test_hits_without_their_fault_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        judged([SAID["pass"]], [fault("drop_probe", asset="web:ask")], ())


def test_what_verdict_json_says() -> None:
    steps = [{"step": "ask", "given": {}, "outcome": "done", "said": {}}]
    found = judged([SAID["pass"]], steps=steps)
    assert found == {
        "format": 1, "scenario": "judged", "stage": "enforce", "seed": 5, "about": "One.", "verdict": "pass",
        "steps": steps, "faults": [], "operations": {"recall": None},
        "expectations": [{"stage": "understand", "expectation": "answer", "given": {"contains": "Big Ben"},
                          "verdict": "pass", "saw": "1 of 1 answers; expected at least 1"}]}
    assert json.loads(json.dumps(found)) == found


def test_the_row_of_a_run() -> None:
    assert row(judged([SAID["fail"], SAID["pass"], SAID["pass"]]), "runs/judged/1-seed5") == {
        "name": "judged", "stage": "enforce", "seed": 5, "verdict": "fail", "held": 2, "failed": 1, "unknown": 0,
        "run_dir": "runs/judged/1-seed5"}


def test_exit_codes_are_those_of_the_design() -> None:
    assert EXIT == {"pass": 0, "fail": 1, "unknown": 3}  # 2 is usage
