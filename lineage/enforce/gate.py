"""The gate: an activity starts only if *all* of its inputs are permitted for its purpose (S1, Figure 6).

A check that cannot be made (an input without a label) refuses in enforcement mode.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from lineage.enforce.regions import said
from lineage.enforce.reviewed.review import Review
from lineage.enforce.rules import Refusal, Rules, enforced
from lineage.model import Decision


class Input(NamedTuple):
    """``asset`` is a field-level name; ``annotated``: someone gave it a label at all.  ``origins``: the only ones of
    which rows will be used (``Rules.rows``); without them nobody knows where the data come from."""

    asset: str
    annotations: tuple[str, ...]
    annotated: bool = True
    origins: tuple[str, ...] = ()


class Crossing(NamedTuple):
    source: Input
    sink: Input


def admit(rules: Rules, *, activity: str, purpose: str, principal: str, inputs: Sequence[Input],
          where: str = "gate", region: str = "") -> Decision:
    """Use of every input for the purpose in the region; the refused inputs are those of the decision when blocked."""
    refused = [(item, refusal) for item in inputs
               if (refusal := enforced(rules.use(item.annotations, purpose, region, item.origins)))]
    unknown = [item for item in inputs if not item.annotated]
    if refused:
        first = refused[0][1]
        return make(rules, activity, purpose, principal, where, "blocked", first.code, first.reason,
                         [item.asset for item, _ in refused])
    if unknown and rules.enforcing:
        reason = f"{unknown[0].asset} has no label, so it cannot be judged"
        return make(rules, activity, purpose, principal, where, "blocked", "PAI304", reason,
                         [item.asset for item in unknown])
    code, reason = _permitted(rules, purpose, region, inputs)
    return make(rules, activity, purpose, principal, where, "allowed", code, reason,
                     [item.asset for item in inputs])


def judge(rules: Rules, *, activity: str, purpose: str, principal: str, crossings: Sequence[Crossing],
          used: Iterable[Input] = (), where: str = "gate", region: str = "",
          review: Review | None = None) -> Decision:
    """A job: use of every source and of what flows nowhere (``used``), then each flow from a source to its sink."""
    sources = sorted({*used, *(crossing.source for crossing in crossings)})
    decision = admit(rules, activity=activity, purpose=purpose, principal=principal, inputs=sources, where=where,
                     region=region)
    if decision.verdict == "blocked":
        return decision
    return flow(rules, activity=activity, purpose=purpose, principal=principal, crossings=crossings,
                where=where, review=review) or decision


def flow(rules: Rules, *, activity: str, purpose: str, principal: str, crossings: Sequence[Crossing],
         where: str, review: Review | None = None) -> Decision | None:
    """The refusal of the first flow whose sink is less restrictive than its source, or what remedied all such flows
    (``review``), or None."""
    refusals: list[tuple[Crossing, Refusal]] = []
    remedied: set[str] = set()
    for crossing in crossings:
        found = rules.flow(crossing.source.annotations, crossing.sink.annotations)
        left = review.left(crossing.source[:2], crossing.sink[:2], found) if found and review is not None else found
        if (refusal := enforced(left)) is not None:
            refusals.append((crossing, refusal))
        elif len(left) < len(found):
            remedied.add(crossing.source.asset)
    if not refusals:
        return None if review is None or not remedied else make(
            rules, activity, purpose, principal, where, "remediated", "", review.said, remedied)
    crossing, refusal = refusals[0]
    return make(rules, activity, purpose, principal, where, "blocked", refusal.code,
                f"{crossing.source.asset} → {crossing.sink.asset}: {refusal.reason}",
                {crossing.source.asset for crossing, _ in refusals})


def _permitted(rules: Rules, purpose: str, region: str, inputs: Iterable[Input]) -> tuple[str, str]:
    """The code and the reason of what is let through: logging mode names what it would have refused."""
    governed: dict[tuple[str, ...], set[str]] = {}
    for item in inputs:
        governed.setdefault(item.origins, set()).update(item.annotations)
    shown = "".join(f"; {said(origins)}" for origins in sorted(governed) if origins)
    for origins in sorted(governed):
        if refused := rules.use(governed[origins], purpose, region, origins):
            return refused[0].code, logged(refused[0].reason) + shown
    governing = [requirement.id for requirement in rules.governing({name for one in governed.values() for name in one})]
    return "", f"permitted by {', '.join(governing)}{shown}" if governing else "no requirement governs these inputs"


def logged(reason: str) -> str:
    """Of what is let through, and would be refused where it is enforced."""
    return f"in logging mode only: {reason}"


def make(rules: Rules, activity: str, purpose: str, principal: str, where: str,
         verdict: Literal["allowed", "blocked", "remediated"], code: str, reason: str,
         inputs: Iterable[str]) -> Decision:
    """A decision whose id follows from what was decided, so that a repeat is the same decision."""
    names = tuple(sorted(set(inputs)))
    identity = identity_of(activity, purpose, principal, where, verdict, code, reason, names, rules.versions)
    return Decision(identity, activity, purpose, principal, verdict, code, reason, where,
                    names, rules.versions)


def identity_of(activity: str, purpose: str, principal: str, where: str, verdict: str, code: str, reason: str,
                inputs: Iterable[str], requirements: Iterable[str]) -> str:
    """A decision's id, by which whoever holds the decision can check that it is that one."""
    text = "\n".join((activity, purpose, principal, where, verdict, code, reason, *inputs, *requirements))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
