"""What reclassifications a judgement may use: those that cover its edge, and hold for what is really there.

``Review`` is asked by the gate after the rules have refused a flow, requirement by requirement; what an entry drops is
dropped for its own requirement, and the rules are asked again.  It never turns a permitted flow into a refused one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple, Protocol

from lineage.enforce.requirement import Requirement
from lineage.enforce.reviewed import transformation
from lineage.enforce.reviewed.reclassification import Lowering, Reclassification
from lineage.enforce.rules import Refusal, Rules

# By the clock of whoever judges; in a simulated run, the simulated one (``Seams.clock``).
Today = Callable[[], date]


class Found(NamedTuple):
    """``drops`` by ``used``, which hold; ``void``: why another that covers the edge does not."""

    drops: frozenset[str]
    used: tuple[Lowering, ...]
    void: str = ""


class Reviewed(Protocol):
    """What holds for one judgement."""

    def found(self, requirement: Requirement, source: str, sink: str) -> Found:
        """For this requirement, on this edge."""


class Review:
    """Of one judgement; ``used`` is what let its flows through, in the order of their edges."""

    def __init__(self, rules: Rules, reviewed: Reviewed) -> None:
        self._rules = rules
        self._reviewed = reviewed
        self.used: list[Lowering] = []

    def left(self, source: tuple[str, Sequence[str]], sink: tuple[str, Sequence[str]],
             refusals: Sequence[Refusal]) -> list[Refusal]:
        """``source`` and ``sink``: (name, annotations).  The refusals that no entry takes away."""
        kept = []
        for refusal in refusals:
            requirement = refusal.requirement
            if requirement.mode != "enforcement":
                kept.append(refusal)
                continue
            found = self._reviewed.found(requirement, source[0], sink[0])
            lowered = [name for name in source[1] if name not in found.drops]
            again = self._rules.flow(lowered, sink[1]) if found.drops else [refusal]
            if all(other.requirement is not requirement for other in again):
                self.used += [one for one in found.used if one not in self.used]
            else:
                kept.append(Refusal("PAI315", requirement, found.void) if found.void else refusal)
        return kept

    @property
    def said(self) -> str:
        """For the decision that it made."""
        return "; ".join(f"{one.requirement} reclassifies {one.source} → {one.sink}, without {', '.join(one.drops)}"
                         + (f", for at least {one.k} of {one.of} a row" if one.k else "")
                         for one in sorted(self.used))


class Facts(NamedTuple):
    """What a transformation is by now.  ``digest`` and ``inputs`` may raise LookupError, with the reason."""

    names: Callable[[Reclassification], bool]
    digest: Callable[[Reclassification], str]
    inputs: Callable[[Reclassification], str]
    today: date


class ByFacts:
    """Entries of the requirements' files, held to the facts."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def found(self, requirement: Requirement, source: str, sink: str) -> Found:
        drops: set[str] = set()
        used: list[Lowering] = []
        voids: list[str] = []
        for one in requirement.reclassify:
            if not one.covers(source, sink) or not self._facts.names(one):
                continue
            if why := void(one, self._facts):
                voids.append(f"{requirement.id} (owner {requirement.owner}) has a reclassification of {one.edge}, "
                             f"which is void: {why}")
            else:
                drops |= one.drops
                used.append(Lowering(requirement.name, one.source, one.sink, tuple(sorted(one.drops)), one.k, one.of))
        return Found(frozenset(drops), tuple(used), "; ".join(voids))


def void(one: Reclassification, facts: Facts) -> str:
    """Why an entry does not hold, or nothing."""
    problems = []
    try:
        if facts.digest(one) != one.digest:
            problems.append("the transformation has changed since it was reviewed")
        if differing := transformation.changed(one.inputs, facts.inputs(one)):
            problems.append(f"{differing} of its inputs changed since it was reviewed")
    except LookupError as error:
        problems.append(str(error.args[0]))
    if facts.today > one.until:
        problems.append(f"it ended on {one.until}, and it is {facts.today}")
    return ", and ".join(problems)


def of_job(activity: str, statements: Sequence[str], tables: Mapping[str, Sequence[transformation.Column]],
           today: date) -> ByFacts:
    """For the policy service: ``statements`` as written, ``tables``: "warehouse:core.sessions" → columns, of all that
    they read."""
    kind, _, name = activity.partition(":")
    return ByFacts(Facts(lambda one: kind == "job" and bool(one.sql) and one.sql == name,
                         lambda one: transformation.of_sql(statements),
                         lambda one: transformation.of_inputs(tables), today))
