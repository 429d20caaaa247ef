"""Why a use or a flow is refused, for a person: the requirement, its owner, and what it would permit instead."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from lineage.enforce.permit import UNKNOWN, Permit, applying, keys
from lineage.enforce.regions import ANY, COUNTRIES, within
from lineage.enforce.requirement import Requirement

# User-assigned, so that no regional rule is on it.
_NOBODYS = "ZZ"


class Refusal(NamedTuple):
    """``code``: PAI301 the purpose, PAI302 the flow, PAI309 the region, PAI310 where the data come from is not known,
    and the requirement goes by it."""

    code: str
    requirement: Requirement
    reason: str


def of_use(one: Requirement, annotations: Iterable[str], purpose: str, region: str,
           origins: Sequence[str]) -> Refusal:
    governed = ", ".join(sorted(one.governs.intersection(annotations)))
    refusing = [origin for origin in origins or (UNKNOWN,) if not applying(one, origin).allows(purpose, region, True)]
    origin = min(refusing, default=UNKNOWN)
    if not origins and not applying(one, _NOBODYS).allows(purpose, region, True):
        origin = _NOBODYS  # the global rule alone says why
    who, permit = f"{one.id} (owner {one.owner})", applying(one, origin)
    if not origins and _depends(one, purpose, region):
        return Refusal("PAI310", one, f"{who} goes by where {governed} comes from, and nobody can tell that here: it "
                                      f"is not for every origin that it permits {_said(purpose)}"
                                      + (f" in {region}" if region else ""))
    of = f"{governed} of {origin}" if origins and keys(one) else governed
    if not permit.allows(purpose, "", True):
        permitted = ", ".join(sorted(permit.purposes)) or "nothing"
        return Refusal("PAI301", one, f"{who} permits {of} for {permitted}, not for {_said(purpose)}")
    return Refusal("PAI309", one, f"{who} lets {of} be used in {_places(permit, region)}, not in {region}")


def of_flow(one: Requirement, source: Collection[str]) -> Refusal:
    governed = ", ".join(sorted(one.governs.intersection(source)))
    return Refusal("PAI302", one, f"{one.id} (owner {one.owner}) governs {governed}; the sink carries none of its "
                                  "annotations")


def _depends(one: Requirement, purpose: str, region: str) -> bool:
    """The data of some origin might be used so."""
    return any(applying(one, origin).allows(purpose, region, True) for origin in COUNTRIES)


def _said(purpose: str) -> str:
    return purpose or "an unstated purpose"


def _places(permit: Permit, region: str) -> str:
    """Of the rules that ``region`` breaks."""
    broken = [rule for rule in permit.regions if not within(region, rule)]
    return " and ".join(sorted(", ".join(sorted(rule - {ANY})) or "no region" for rule in broken))
