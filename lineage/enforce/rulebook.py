"""The rulebook: what a process judges by now.  Requirements change while it runs; whoever judges asks here.

It holds one compiled ``Rules`` and tells its listeners when another takes its place.  Nothing is judged by half of a
change: a listener is called after the new rules are in place, and what was judged before by the old ones is forgotten
there (``Postures.forget``).  Where requirements come from is ``requiring``'s and ``following``'s business.

>>> from lineage.enforce.requirement import Requirement
>>> book, told = Rulebook(), []
>>> book.listen(lambda rules: told.append(rules.versions))
>>> one = Requirement("gaze", 2, "o", "z", "logging", frozenset({"GAZE"}), frozenset({"assistance"}))
>>> book.replace([one]), book.replace([one]), told, book.rules.enforcing
(True, False, [('gaze@2',)], False)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules

Listener = Callable[[Rules], None]


class Rulebook:
    """``rules`` may be read from any thread: it is always one whole set."""

    def __init__(self, rules: Rules | Iterable[Requirement] = ()) -> None:
        self.rules = rules if isinstance(rules, Rules) else Rules(rules)
        self._listeners: list[Listener] = []

    def replace(self, requirements: Iterable[Requirement]) -> bool:
        """All of them at once; false where they are those in force, and nobody is told."""
        rules = Rules(requirements)
        if rules.requirements == self.rules.requirements:
            return False
        self.rules = rules
        for listener in self._listeners:
            listener(rules)
        return True

    def listen(self, listener: Listener) -> None:
        """``listener`` is called after each change, in the order of listening."""
        self._listeners.append(listener)

    @property
    def enforced(self) -> tuple[str, ...]:
        """The requirements in enforcement mode: "glasses-interaction-purpose@3"."""
        return tuple(one.id for one in self.rules.requirements if one.mode == "enforcement")


def held(rules: Rules | Rulebook) -> Rulebook:
    """Rules that nobody changes are a book as well."""
    return rules if isinstance(rules, Rulebook) else Rulebook(rules)
