"""The rank test is exact: what it says is what counting all choices says, ties included."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.truth.ranks import higher, middle, ranks, share

FEW = st.lists(st.integers(0, 4).map(float), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(FEW, FEW)
def test_it_counts_every_choice(ones: list[float], others: list[float]) -> None:
    pooled = ranks([*ones, *others])
    reached = sum(pooled[:len(ones)])
    choices = [sum(one) for one in combinations(pooled, len(ones))]
    assert higher(ones, others) == pytest.approx(sum(one >= reached for one in choices) / len(choices))


@given(st.lists(st.integers(0, 9).map(float), max_size=12))
def test_equal_values_share_the_middle_of_their_ranks(values: list[float]) -> None:
    found = ranks(values)
    assert sum(found) == len(values) * (len(values) + 1)
    assert all((a < b) == (one < other) for a, one in zip(values, found, strict=True)
               for b, other in zip(values, found, strict=True))


def test_the_ends() -> None:
    assert higher([2.0] * 20, [1.0] * 20) == pytest.approx(1 / math.comb(40, 20))
    assert higher([1.0] * 20, [2.0] * 20) == higher([1.0] * 20, [1.0] * 20) == higher([], [1.0]) == 1.0


def test_the_middle_and_its_interval() -> None:
    # Of 20 values the median lies between the 6th and the 15th in 95.9 of 100 samples.
    assert middle([float(value) for value in range(1, 21)]) == (10.5, 6.0, 15.0)
    assert middle([3.0]) == (3.0, 3.0, 3.0) and middle([4.0, 1.0]) == (2.5, 1.0, 4.0)


@pytest.mark.parametrize(("hits", "of", "low", "high"), [
    (0, 20, 0.0, 0.1684), (20, 20, 0.8316, 1.0), (1, 30, 0.0008, 0.1722), (10, 20, 0.2720, 0.7280)])
def test_the_interval_of_a_share(hits: int, of: int, low: float, high: float) -> None:
    assert share(hits, of) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
