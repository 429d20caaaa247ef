"""Which blocked flows would have told the sink nothing, and what finer label or review would let them go.

Truth.  Safe information-flow control over-blocks: it judges by labels, and a label covers more than what flows.  A use
is no flow: a forbidden read is a violation, whatever comes of it.

What cures it: *column*, where a table's label stands for rows that were only counted, or for a column that does not go
there; *row*, where data of some origin may be used so; *reclassification*, where the statement names the source and
yet nothing of it is told, which only a review can know; *field*, where the label of a whole request stopped a message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sim.truth.influence import Influence, of_job
from sim.truth.reference.account import FLOW, Account, Item
from sim.truth.reference.attempt import Attempt
from sim.truth.reference.rules import GROUPS, Rule, forbidding_use


class Over(NamedTuple):
    """``uninfluenced``: all that was refused of it told nothing; ``spared``: fields of the attempt that no requirement
    forbids; ``unknown``: pairs whose influence could not be told, with the reason."""

    item: Item
    uninfluenced: bool
    told_nothing: tuple[str, ...]
    told: tuple[str, ...]
    spared: tuple[str, ...]
    cure: tuple[str, ...]
    unknown: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {**self._asdict(), "item": self.item.attempt, "requirements": self.item.requirements}


def over_blocked(account: Account, attempts: Sequence[Attempt], warehouse: Path, rules: Mapping[str, Rule],
                 origins: Sequence[str] = ()) -> Iterator[Over]:
    """Of each blocked item that ``attempts`` (in the account's order) explains.  ``warehouse``: the folder of the
    databases that the run left; ``rules``: by id; ``origins``: of the world's data."""
    for item in account.items:
        if item.verdict == "blocked" and item.number >= 0:
            yield _judged(attempts[item.number], item, warehouse, rules, origins)


def _judged(attempt: Attempt, item: Item, warehouse: Path, rules: Mapping[str, Rule],
            origins: Sequence[str]) -> Over:
    pairs = [(source, sink) for source, arrow, sink in (one.partition(FLOW) for one in item.forbidden) if arrow]
    used = [one for one in item.forbidden if FLOW not in one]
    found = of_job(warehouse, attempt.schema, attempt.text, pairs, dict(attempt.given)) if pairs and not used else []
    nothing = tuple(_name(one) for one in found if one.influenced is False)
    cure = set()
    if any("#" not in one.source for one in found if one.influenced is False):
        cure.add("column")
    if any("#" in one.source for one in found if one.influenced is False):
        cure.add("reclassification")
    forbidden = {*used, *(source for source, _ in pairs)}
    spared = tuple(use.name for use in attempt.uses if use.name not in forbidden)
    if spared:
        cure.add("column")
    if used and _some_origin(attempt, item, rules, origins):
        cure.add("row")
    return Over(item, bool(found) and len(nothing) == len(found), nothing,
                tuple(_name(one) for one in found if one.influenced), spared, tuple(sorted(cure)),
                tuple(f"{_name(one)}: {one.why}" for one in found if one.influenced is None))


def _name(one: Influence) -> str:
    return f"{one.source}{FLOW}{one.sink}"


def _some_origin(attempt: Attempt, item: Item, rules: Mapping[str, Rule], origins: Sequence[str]) -> bool:
    """Data of some origin may be used so, by every requirement that forbids it of all."""
    asked = [rules[name] for name in item.requirements if name in rules]
    named = {one for rule in asked for key in (*rule.purposes, *rule.regions) for one in GROUPS.get(key, (key,))}
    return any(not any(forbidding_use(asked, use.annotations or (), purpose, attempt.region, [origin])
                       for use in attempt.uses for purpose in attempt.purposes)
               for origin in {*origins, *named} - {"*"} if origin)
