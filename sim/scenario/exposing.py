"""What scenarios say of canaries: where they are planted, and which checkpoint knows them.

Demonstrate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from sim.scenario.expectations import EXPECTATIONS, Seen
from sim.scenario.history import History
from sim.scenario.schema import Scenario, Step

# Captures with a canary, so that the test can say something (``sim.truth.exposure``), and a few to spare.
_ENOUGH = 24


@EXPECTATIONS.register("exposure", {"from": str, "to": str, "is": Literal["exposed", "not exposed", "unknown"]},
                       optional={"canaries": str, "lineage": Literal["yes", "no", "other rows"]}, stage="demonstrate",
                       doc="Whether a checkpoint behaves as if it had learnt from a field (of a group of canaries), "
                           "and what lineage says of that.")
def exposure(history: History, given: Mapping[str, Any]) -> Seen:
    found = [row for row in history.exposure().get("rows", ()) if row["from"] == given["from"]
             and row["to"] == given["to"] and given.get("canaries", row["group"]) == row["group"]]
    if not found:
        return Seen("unknown", f"no such canaries were planted at {given['from']}, or {given['to']} is no language "
                               "model of this run")
    verdicts = {row["verdict"] for row in found}
    saw = "; ".join(_saw(row) for row in found)
    if given["is"] != "unknown" and "unknown" in verdicts:
        return Seen("unknown", saw)
    held = verdicts == {given["is"]} and all(given.get("lineage", row["lineage"]) == row["lineage"] for row in found)
    return Seen("pass" if held else "fail", saw)


def _saw(row: Mapping[str, Any]) -> str:
    told = row["why"] or f"{row['bits']} bits [{', '.join(map(str, row['interval']))}], p = {row['p']}"
    return f"{row['group']}: {row['verdict']}, {told}; lineage: {row['lineage']}"


def with_canaries(scenario: Scenario) -> Scenario:
    """The same story, in which wearers ask each of its questions again, with canaries; as it is where it has some.

    After each ``ask``: so they go wherever what was asked goes."""
    if any("canaries" in step.given for step in scenario.steps):
        return scenario
    steps: list[Step] = []
    for number, step in enumerate(scenario.steps, 1):
        steps.append(step)
        if step.kind == "ask":
            steps += [_again(scenario, step, f"step {number}", place) for place in _places(step)]
    return replace(scenario, steps=tuple(steps))


def _places(step: Step) -> list[str]:
    return ["utterance", "sign"] if "sign" in step.given and "photo" not in step.given else ["utterance"]


def _again(scenario: Scenario, step: Step, name: str, place: str) -> Step:
    wearers = step.given.get("wearers", "all")
    count = scenario.world.wearers if wearers == "all" else wearers if isinstance(wearers, int) else len(wearers)
    return replace(step, given={**step.given, "times": -(-_ENOUGH // max(1, count)), "go_on": True,
                                "canaries": {"name": f"{name}, {place}", "in": place}})
