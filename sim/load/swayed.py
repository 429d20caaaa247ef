"""What a wearer's gaze sways: the same steps with another gaze, and which messages and stores then differ in size.

The reference monitor finds values by content, and a gaze (``left``) is too short to be found inside a prompt.  A
counterfactual needs no content: where nothing else was changed, what differs was influenced.  Sizes are enough, since
the other gaze is a letter longer or shorter; what is swayed without a change of size is not seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sim.scenario.schema import Scenario, Step
from sim.truth.naming import name
from sim.truth.record import Record
from sim.truth.reference.flows import Places
from sim.truth.reference.rules import Rule

GAZE = "web:converse#gaze"
_OTHER = {"left": "ahead", "ahead": "left", "right": "left"}


def other_gaze(scenario: Scenario) -> Scenario | None:
    """The scenario with every gaze another one; None where nobody's gaze is sent."""
    steps = tuple(_looking(step) for step in scenario.steps)
    return replace(scenario, steps=steps) if steps != scenario.steps else None


def _looking(step: Step) -> Step:
    if step.kind != "converse":
        return step
    return replace(step, given={**step.given, "turns": [_turned(turn) for turn in step.given["turns"]]})


def _turned(turn: Any) -> Any:
    return {**turn, "gaze": _OTHER[turn["gaze"]]} if isinstance(turn, Mapping) and turn.get("gaze") else turn


def swayed(one: Sequence[Record], other: Sequence[Record]) -> set[str]:
    """Assets (requests, responses, stores) whose messages and writes differ between the two runs."""
    mine, theirs = _sizes(one), _sizes(other)
    return {asset for asset in {*mine, *theirs} if mine.get(asset) != theirs.get(asset)}


def _sizes(records: Iterable[Record]) -> dict[str, list[tuple[int, int]]]:
    """Asset → rows and bytes of what came there, in order; what a caller sent is told by who received it."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for record in records:
        named = name(record)
        if named is not None and (record.op in ("write", "sent") or named.op == "read") and named.op != "call":
            found[named.asset].append((record.rows, record.bytes))
    return found


def forbidden(assets: Iterable[str], places: Places, rules: Sequence[Rule]) -> set[str]:
    """Of swayed assets, those to which the gaze may not flow by the labels beside their schemas."""
    return {asset for asset in assets if asset.partition(":")[0] not in ("device", "app")
            and places.forbidding(rules, GAZE, asset)}
