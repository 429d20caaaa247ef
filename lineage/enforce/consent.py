"""Consent: which wearers have taken back their consent to a purpose, and in which epoch of the registry.

A wearer consents when the glasses are set up; what is kept is who has changed her mind since.  Every change begins
an epoch, and whatever was judged in an earlier one is judged again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable


class Consents:
    """The registry, in the policy process only.

    >>> consents = Consents()
    >>> consents.set("w1", "assistance", False), consents.set("w1", "assistance", False)
    (1, 1)
    >>> consents.withdrawn("assistance"), consents.set("w1", "assistance", True), consents.withdrawn("assistance")
    (('w1',), 2, ())
    """

    def __init__(self, lines: Iterable[str] = ()) -> None:
        """``lines``: what ``line`` gave for each change before."""
        self.epoch = 0
        self._withdrawn: dict[str, set[str]] = {}
        for line in lines:
            change = json.loads(line)
            self.set(change["wearer"], change["purpose"], change["granted"])

    def set(self, wearer: str, purpose: str, granted: bool) -> int:
        """The epoch from which on it holds; saying the same again begins none."""
        who = self._withdrawn.setdefault(purpose, set())
        if granted == (wearer in who):
            self.epoch += 1
            who.symmetric_difference_update({wearer})
        return self.epoch

    def withdrawn(self, purpose: str) -> tuple[str, ...]:
        return tuple(sorted(self._withdrawn.get(purpose, ())))


def line(wearer: str, purpose: str, granted: bool) -> str:
    return json.dumps({"wearer": wearer, "purpose": purpose, "granted": granted}, sort_keys=True) + "\n"
