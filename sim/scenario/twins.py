"""A scenario's twin: the same story, with one thing that a wearer sends changed.

The counterfactual of a flow between services: run both, and see which messages differ.  A field that no step of the
scenario says anything of has no twin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sim.scenario.schema import Scenario, Step

_GAZES = {"left": "right", "right": "ahead", "ahead": "left"}
_GESTURES = {"pinch": "swipe", "swipe": "pinch"}
# So short that its value may stand in a message by accident: only a twin tells.
SHORT = ("web:converse#gaze", "web:overlay#gesture")


def changed(scenario: Scenario, field: str) -> Scenario | None:
    """``field``: "web:converse#gaze", "device:glasses#utterance"; None where no step says anything of it."""
    name = field.rpartition("#")[2]
    steps = tuple(_step(step, name) for step in scenario.steps)
    return None if steps == scenario.steps else replace(scenario, steps=steps)


def _step(step: Step, field: str) -> Step:
    given = dict(step.given)
    if step.kind == "converse":
        given["turns"] = [_turn(turn, field) for turn in given["turns"]]
    if step.kind in ("converse", "ask") and field == "location":
        given["location"] = not given.get("location", True)
    if step.kind == "ask" and field == "utterance":
        given["question"] = f"{given['question']} Please."
    if step.kind == "gesture" and field == "gesture":
        given["gesture"] = _GESTURES.get(given["gesture"], given["gesture"])
    return replace(step, given=given)


def _turn(turn: Any, field: str) -> Any:
    said = {"say": turn} if isinstance(turn, str) else dict(turn) if isinstance(turn, Mapping) else {}
    if field == "utterance" and "say" in said:
        said["say"] = f"{said['say']} Please."
    elif field == "gaze" and said.get("gaze") in _GAZES:
        said["gaze"] = _GAZES[said["gaze"]]
    else:
        return turn
    return said
