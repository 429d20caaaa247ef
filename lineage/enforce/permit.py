"""What a requirement permits for the data of one origin: its global rule and every regional one, composed.

The stricter wins: purposes and regions of use are intersected, the purposes that need consent united.  This is the
meaning of a requirement file; ``rules`` compiles it, and decides the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from lineage.enforce.regions import ANY, covers, within

if TYPE_CHECKING:
    from lineage.enforce.requirement import Requirement

# An origin that nobody knows: every rule on any origin applies.
UNKNOWN = ""


class Permit(NamedTuple):
    """``{"*"}`` is every purpose.  ``regions``: of each rule that applies, where the data may be used; a use has to
    lie within every one of them."""

    purposes: frozenset[str]
    regions: frozenset[frozenset[str]]
    consent: frozenset[str]

    def allows(self, purpose: str, region: str, consented: bool) -> bool:
        """Use in ``region`` ("": where the data are, which is no transfer) of data whose wearer has consented to
        the purpose, or has not."""
        return ((ANY in self.purposes or purpose in self.purposes)
                and (not region or all(within(region, one) for one in self.regions))
                and (consented or self.consent.isdisjoint({purpose, ANY})))

    @property
    def unrestricted(self) -> bool:
        return ANY in self.purposes and not self.regions and not self.consent


def applying(requirement: Requirement, origin: str) -> Permit:
    """What holds for data of ``origin``; where that is not known, for the data of whatever origin."""
    regional = [values for key, values in requirement.purposes_by_origin.items() if covers(key, origin)]
    purposes = reduce(_common, regional, requirement.purposes)
    regions = {frozenset(names) for key, names in requirement.regions.items()
               if covers(key, origin) and ANY not in names}
    consent = set(requirement.consent).union(*_covering(requirement.consent_by_origin, origin))
    return Permit(purposes, frozenset(regions), frozenset(consent))


def keys(requirement: Requirement) -> set[str]:
    """The countries and groups that a requirement has a rule on."""
    return {*requirement.purposes_by_origin, *requirement.regions, *requirement.consent_by_origin} - {ANY}


def _covering(rules: Mapping[str, Iterable[str]], origin: str) -> list[Iterable[str]]:
    return [values for key, values in rules.items() if covers(key, origin)]


def _common(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    return other if ANY in one else one if ANY in other else one & other
