"""The rules: per requirement, may this label flow there, may this purpose use it.

For each requirement r: label L1 may flow to L2 iff allowed_r(L2) ⊆ allowed_r(L1).  A label that
r does not govern is allowed everything by r, so governed data may reach only a sink that r
governs too: equal or more restrictive, for every requirement independently (S5, S11).
The context judged here is the purpose; see ``requirement`` for what is not judged yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from lineage.enforce.requirement import Requirement


class Refusal(NamedTuple):
    code: str
    requirement: Requirement
    reason: str


class Rules:
    """Compiled once; judges with set operations on interned annotations, never with the graph."""

    def __init__(self, requirements: Iterable[Requirement]) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda requirement: requirement.id))
        self.versions = tuple(requirement.id for requirement in self.requirements)
        self._enforced = tuple(requirement for requirement in self.requirements if requirement.mode == "enforcement")
        self.enforcing = bool(self._enforced)
        self._forbidden: dict[str, frozenset[str]] = {}
        self._governed = frozenset[str]().union(*(requirement.governs for requirement in self._enforced))

    def governing(self, annotations: Collection[str]) -> list[Requirement]:
        return [requirement for requirement in self.requirements if not requirement.governs.isdisjoint(annotations)]

    def forbidden(self, purpose: str) -> frozenset[str]:
        """The annotations that a requirement in enforcement mode does not permit for the purpose."""
        found = self._forbidden.get(purpose)
        if found is None:
            if not any(purpose in requirement.purposes for requirement in self._enforced):
                return self._governed  # not kept: anything may be stated as a purpose
            found = self._forbidden[purpose] = frozenset[str]().union(
                *(requirement.governs for requirement in self._enforced if purpose not in requirement.purposes))
        return found

    def crosses(self, source: Collection[str], sink: Collection[str]) -> bool:
        """A requirement in enforcement mode governs the source alone."""
        for requirement in self._enforced:
            if not requirement.governs.isdisjoint(source) and requirement.governs.isdisjoint(sink):
                return True
        return False

    def consent_needed(self, annotations: Collection[str], purpose: str) -> bool:
        """Some requirement that governs these asks for the wearer's consent to the purpose."""
        return any(purpose in requirement.consent for requirement in self.governing(annotations))

    def use(self, annotations: Collection[str], purpose: str) -> list[Refusal]:
        """Use by an activity: a refusal for each requirement that does not permit the purpose."""
        return [Refusal("PAI301", requirement, _use_reason(requirement, annotations, purpose))
                for requirement in self.governing(annotations) if purpose not in requirement.purposes]

    def flow(self, source: Collection[str], sink: Collection[str]) -> list[Refusal]:
        """A flow between labels: a refusal for each requirement that governs the source alone."""
        return [Refusal("PAI302", requirement, _flow_reason(requirement, source))
                for requirement in self.governing(source) if requirement.governs.isdisjoint(sink)]


def enforced(refusals: Iterable[Refusal]) -> Refusal | None:
    """The first refusal of a requirement in enforcement mode; logging mode refuses nothing."""
    return next((refusal for refusal in refusals if refusal.requirement.mode == "enforcement"), None)


def _use_reason(requirement: Requirement, annotations: Collection[str], purpose: str) -> str:
    governed = ", ".join(sorted(requirement.governs.intersection(annotations)))
    permitted = ", ".join(sorted(requirement.purposes))
    return (f"{requirement.id} (owner {requirement.owner}) permits {governed} for {permitted}, "
            f"not for {purpose or 'an unstated purpose'}")


def _flow_reason(requirement: Requirement, source: Collection[str]) -> str:
    governed = ", ".join(sorted(requirement.governs.intersection(source)))
    return f"{requirement.id} (owner {requirement.owner}) governs {governed}; the sink carries none of its annotations"
