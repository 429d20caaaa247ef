"""Enforce: one policy for all requirements, of which the strictest part of each is kept (S10's "one size fits all").

What governed data of one requirement may be used for is then what every other owner permits too, and a label of one
requirement passes for a label of another: the policy knows of governed and not governed, and nothing between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import reduce

from lineage.enforce.regions import ANY
from lineage.enforce.requirement import Requirement

NAME = "one-policy"


def merged(requirements: Iterable[Requirement]) -> list[Requirement]:
    """One requirement, or none of none.  Its version is the sum of theirs, so that it rises with each.  Purposes and
    regions of use are what all name, rule by rule; consent is asked for whatever anybody asks it for."""
    every = sorted(requirements, key=lambda one: one.id)
    if not every:
        return []
    enforced = any(one.mode == "enforcement" for one in every)
    return [replace(
        every[0], name=NAME, version=sum(one.version for one in every),
        owner=", ".join(sorted({one.owner for one in every})), zone=NAME,
        mode="enforcement" if enforced else "logging",
        governs=frozenset[str]().union(*(one.governs for one in every)),
        purposes=reduce(_common, (one.purposes for one in every)),
        purposes_by_origin=_by_key(one.purposes_by_origin for one in every),
        regions={key: tuple(sorted(names)) for key, names in _by_key(
            {key: frozenset(names) for key, names in one.regions.items()} for one in every).items()},
        consent=tuple(sorted({purpose for one in every for purpose in one.consent})),
        consent_by_origin={key: tuple(sorted({purpose for one in every
                                              for purpose in one.consent_by_origin.get(key, ())}))
                           for key in sorted({key for one in every for key in one.consent_by_origin})})]


def _by_key(rules: Iterable[Mapping[str, frozenset[str]]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for one in rules:
        for key, names in one.items():
            found[key] = _common(found.get(key, frozenset({ANY})), names)
    return dict(sorted(found.items()))


def _common(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    return other if ANY in one else one if ANY in other else one & other
