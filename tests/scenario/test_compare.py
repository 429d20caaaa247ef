"""Expected against seen."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scenario.compare import describe, is_comparable, matches

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=4), below, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("expected", "seen", "holds"),
    [
        (">= 3", 3, True),
        (">= 3", 2, False),
        ("> 0", 1, True),
        ("> 0", 0, False),
        ("<= 1.5", 1.5, True),
        ("<2", 1, True),
        ("< 2", 2, False),
        ("> -1", 0, True),
        (" >= 3 ", 4, True),
        (3, 3, True),
        (3, 4, False),
        (1.0, 1, True),
        (1, 1.0, True),
        (0, 0.5, False),
        (1, True, False),
        (True, 1, False),
        (0, False, False),
        (True, True, True),
        ("> 0", True, False),
        ("> 0", "1", False),
        ("> 0", None, False),
        ("> 0", math.nan, False),
        (3, "3", False),
        ("3", 3, False),
        ("blocked", "blocked", True),
        ("blocked", "Blocked", False),
        (None, None, True),
        (None, 0, False),
        ([1, "a"], ["1", "a"], False),
        ([1, "a"], (1, "a"), True),
        ([1], [1, 2], False),
        ([True], [1], False),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([">= 1"], [5], True),
        (">= three", ">= three", True),
        ("> x", 5, False),
        (">> 3", 4, False),
        (">= 1 or 2", 1, False),
    ],
)
def test_matches(expected: object, seen: object, holds: bool) -> None:
    assert matches(expected, seen) is holds


@given(PLAIN)
def test_everything_but_a_comparator_matches_itself(value: object) -> None:
    assert matches(value, value) or (isinstance(value, str) and is_comparable(value)) or _holds_comparator(value)


def _holds_comparator(value: object) -> bool:
    items = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    return any((isinstance(item, str) and is_comparable(item)) or _holds_comparator(item) for item in items)


@given(st.sampled_from([">", ">=", "<", "<="]), st.integers(), st.integers())
def test_comparators_agree_with_python(relation: str, bound: int, seen: int) -> None:
    if len(f"{relation} {bound}") <= 40:
        python = {">": seen > bound, ">=": seen >= bound, "<": seen < bound, "<=": seen <= bound}[relation]
        assert matches(f"{relation} {bound}", seen) is python


@given(PLAIN)
def test_describe_always_says_something(value: object) -> None:
    assert describe(value)


def test_describe_in_words() -> None:
    assert [describe(one) for one in (">= 3", "> 0", "<= 2.5", "< 1", 3, "blocked", True, None)] == [
        "at least 3",
        "more than 0",
        "at most 2.5",
        "less than 1",
        "exactly 3",
        "'blocked'",
        "true",
        "nothing",
    ]


def test_what_a_comparable_key_takes() -> None:
    assert all(map(is_comparable, (0, 1.5, ">= 3", "< -2")))
    assert not any(map(is_comparable, (True, None, "3", "blocked", "> x", [1], ">" + " " * 50 + "1")))
