"""Does the journal agree with every decision?  What was refused must not have moved, and what was allowed must have.

Truth.  A decision stands for all repeats of itself, so it is held against the attempts of its activity together: where
every decision on an activity is a refusal nothing of it may have run; where one is allowed something must have, unless
another decision or the attempt itself stopped it later.  A checkpoint that was not to register must not have.  A
decision that no attempt and no message answers is unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sim.truth.record import Record
from sim.truth.reference.account import LEFT_OUT, REGISTRATION, Item
from sim.truth.reference.flows import Flow, flows

_FLOW = re.compile(r"^(\S+) → (\S+): ")


class Agreement(NamedTuple):
    """``agrees`` is None where the journal cannot say."""

    decision: str
    activity: str
    verdict: str
    agrees: bool | None
    why: str


def agreement(decisions: Sequence[Mapping[str, Any]], items: Iterable[Item],
              records: Sequence[Record]) -> list[Agreement]:
    """``items``: of ``monitor.account``; ``records``: the journal of the same run."""
    ran: dict[str, list[int | None]] = {}
    invalid = set()
    registered: dict[str, list[bool | None]] = {}
    for one in items:
        if one.kind == REGISTRATION:
            registered.setdefault(one.attempt, []).append(
                None if one.verdict == "unknown" else one.verdict == "missed")
        if one.kind in (REGISTRATION, LEFT_OUT):
            continue
        ran.setdefault(one.attempt, []).append(one.rows)
        if one.verdict == "invalid":
            invalid.add(one.attempt)
    moved = flows(records) if any("holds" in record.detail for record in records) else None
    verdicts: dict[str, set[str]] = {}
    for decision in decisions:
        verdicts.setdefault(decision["activity"], set()).add(decision["verdict"])
    return [_of_registration(one, registered[one["activity"]])
            if one.get("where") == REGISTRATION and one["verdict"] == "blocked" and one["activity"] in registered
            else _of_activity(one, ran[one["activity"]], verdicts[one["activity"]], one["activity"] in invalid)
            if one["activity"] in ran and one["activity"] else _of_flow(one, moved) for one in decisions]


def _of_registration(one: Mapping[str, Any], registered: Sequence[bool | None]) -> Agreement:
    agrees = True if False in registered else None if None in registered else False
    return Agreement(one["id"], one["activity"], one["verdict"], agrees,
                     f"{registered.count(True)} of {len(registered)} runs registered, {registered.count(None)} unknown")


def _of_activity(one: Mapping[str, Any], ran: Sequence[int | None], verdicts: set[str], invalid: bool) -> Agreement:
    happened, refused = [rows for rows in ran if rows is not None], [rows for rows in ran if rows is None]

    def said(agrees: bool | None, why: str) -> Agreement:
        return Agreement(one["id"], one["activity"], one["verdict"], agrees, why)

    if one["verdict"] == "blocked":
        if verdicts == {"blocked"}:
            return said(not happened, f"{len(happened)} of {len(ran)} attempts ran")
        # A refusal on the way (a token that had ended) may have been followed by a permission.
        return said(True if refused else None, f"{len(refused)} of {len(ran)} attempts did not run")
    if happened:
        return said(True, f"{len(happened)} of {len(ran)} attempts ran")
    stopped = "blocked" in verdicts or invalid
    return said(stopped, "allowed, and stopped by a later check" if stopped else "allowed, and nothing ran")


def _of_flow(one: Mapping[str, Any], moved: Counter[Flow] | None) -> Agreement:
    def said(agrees: bool | None, why: str) -> Agreement:
        return Agreement(one["id"], one["activity"], one["verdict"], agrees, why)

    match = _FLOW.match(one["reason"])
    if one["verdict"] == "allowed" or moved is None or not match:
        return said(None, "no attempt of the scenario's answers it")
    source, sink = match[1], match[2]
    count = sum(times for (left, right), times in moved.items()
                if left == source and (right == sink or right.partition("#")[0] == sink))
    return said(not count, f"{count} messages held {source} there")
