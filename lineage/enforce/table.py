"""What all requirements permit for the data of one origin, compiled: each requirement is a bit of an integer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lineage.enforce.permit import Permit
from lineage.enforce.regions import ANY, GROUPS, members, within


class Table(NamedTuple):
    """``purposes`` → those that permit it, else ``others``; ``regions`` → those that permit a use there, else
    ``elsewhere``; ``consent`` → those that ask for it, else ``always``."""

    purposes: dict[str, int]
    others: int
    regions: dict[str, int]
    elsewhere: int
    consent: dict[str, int]
    always: int

    def permitting(self, purpose: str, region: str) -> int:
        found = self.purposes.get(purpose, self.others)
        return found & self.regions.get(region, self.elsewhere) if region else found

    def asking(self, purpose: str) -> int:
        return self.consent.get(purpose, self.always)


def compiled(permits: Sequence[Permit]) -> Table:
    """``permits``: of each requirement, in the order of its bit."""
    purposes = {name for one in permits for name in one.purposes}
    regions = {name for one in permits for rule in one.regions for place in rule for name in members(place)}
    consent = {name for one in permits for name in one.consent}

    def bits(which: Sequence[bool]) -> int:
        return sum(1 << at for at, chosen in enumerate(which) if chosen)

    return Table(
        {name: bits([not one.purposes.isdisjoint({name, ANY}) for one in permits]) for name in purposes},
        bits([ANY in one.purposes for one in permits]),
        {name: bits([all(within(name, rule) for rule in one.regions) for one in permits])
         for name in regions | GROUPS.keys()},
        bits([not one.regions for one in permits]),
        {name: bits([not one.consent.isdisjoint({name, ANY}) for one in permits]) for name in consent},
        bits([ANY in one.consent for one in permits]))
