"""Flows between services, judged, and the refusals that no attempt explains.  Truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sim.truth.record import Record
from sim.truth.reference.account import Item, Verdict
from sim.truth.reference.flows import Flow, Places, flows, phases
from sim.truth.reference.refusals import Refused
from sim.truth.reference.rules import Rule
from sim.truth.reference.vouched import closed


def between(records: Sequence[Record], twin: Sequence[Record] | None, places: Places,
            rules: Sequence[Sequence[Rule]]) -> Iterator[Item]:
    """Under the requirements of their time: ``rules`` of each phase.  ``twin``: the same steps in logging mode."""
    moved = phases(records)
    attempted = phases(twin) if twin is not None else [None] * len(moved)
    for own, other, force in zip(moved, attempted, rules, strict=False):
        yield from _between(flows(own), None if other is None else flows(other), places, force)


def _between(moved: Mapping[Flow, int], attempted: Mapping[Flow, int] | None, places: Places,
             rules: Sequence[Rule]) -> Iterator[Item]:
    for source, sink in sorted({*moved, *(attempted or {})}):
        requirements = sorted(places.forbidding(rules, source, sink))
        count, tried = moved.get((source, sink), 0), (attempted or {}).get((source, sink), 0)
        name = f"{source} → {sink}"
        if requirements:
            yield Item(name, "flow", "missed" if count else "blocked", tuple(requirements), (name,), count or None,
                       why=f"{tried} messages in logging mode")
        elif count:
            yield Item(name, "flow", "allowed", rows=count)


def reconciled(refused: Refused, between: Sequence[Item], faults: Sequence[str]) -> Iterator[Item]:
    """A refusal that no attempt explains yet; one that a blocked flow explains is that flow.

    Where a label asks for it and no message would have held the very value, what was made of the value may have."""
    if refused.requirements and any(one.verdict == "blocked" and set(one.requirements) & set(refused.requirements)
                                    for one in between):
        return
    verdict: Verdict = ("unknown" if refused.unread else "blocked" if refused.requirements
                        else "failed_closed" if closed(faults, refused.code) else "rule_false_blocks")
    yield Item(refused.what, "refusal", verdict, refused.requirements, refused.forbidden, None,
               why=refused.unread or refused.code)
