"""What an expectation says against what was seen: exactly, or by ``>``, ``>=``, ``<``, ``<=``.

Serves all four stages; it compares values and knows nothing of what they mean.

>>> matches(">= 3", 4), matches(3, 4), matches(1, True), matches(1.0, 1)
(True, False, False, True)
>>> describe(">= 3"), describe("blocked")
('at least 3', "'blocked'")
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sim.scenario.words import shown

Number = int | float
_FORM = re.compile(r"\s*(>=|<=|>|<)\s*([-+]?[0-9]+(?:\.[0-9]+)?)\s*")
_LONGEST = 40  # characters of a comparator; beyond it the text is only a text


class _Relation(NamedTuple):
    holds: Callable[[Any, Any], bool]
    words: str


_RELATIONS = {
    ">": _Relation(operator.gt, "more than"),
    ">=": _Relation(operator.ge, "at least"),
    "<": _Relation(operator.lt, "less than"),
    "<=": _Relation(operator.le, "at most"),
}


class Comparable:
    """Marks a key whose value is a number or a comparator: ``count: 3``, ``count: ">= 3"``."""


def is_number(value: Any) -> bool:
    """An int or a float; a bool is neither."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _comparator(expected: Any) -> tuple[str, Number] | None:
    if not isinstance(expected, str) or len(expected) > _LONGEST:
        return None
    match = _FORM.fullmatch(expected)
    if match is None:
        return None
    return match[1], float(match[2]) if "." in match[2] else int(match[2])


def is_comparable(value: Any) -> bool:
    """A number, or a text such as ``">= 3"``: what a key of type :class:`Comparable` takes."""
    return is_number(value) or _comparator(value) is not None


def matches(expected: Any, seen: Any) -> bool:
    """True if ``seen`` is what ``expected`` says.

    A comparator holds only for numbers.  Otherwise values are equal with equal kinds: true is
    not 1, ``"3"`` is not 3, but 1 is 1.0.  Lists and mappings are compared part by part.
    """
    comparator = _comparator(expected)
    if comparator is not None:
        relation, bound = comparator
        return is_number(seen) and _RELATIONS[relation].holds(seen, bound)
    if is_number(expected) and is_number(seen):
        return bool(expected == seen)
    if isinstance(expected, list | tuple) and isinstance(seen, list | tuple):
        return len(expected) == len(seen) and all(map(matches, expected, seen))
    if isinstance(expected, Mapping) and isinstance(seen, Mapping):
        return expected.keys() == seen.keys() and all(matches(expected[key], seen[key]) for key in expected)
    return type(expected) is type(seen) and bool(expected == seen)


def describe(expected: Any) -> str:
    """The expectation in words, for a verdict: ``at least 3``, ``exactly 3``, ``'blocked'``."""
    comparator = _comparator(expected)
    if comparator is not None:
        relation, bound = comparator
        return f"{_RELATIONS[relation].words} {bound}"
    return f"exactly {expected}" if is_number(expected) else shown(expected)
