"""Intervals: the same samples give the same interval, and it says how sure the figure is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.load import intervals

SAMPLES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=40)


@given(SAMPLES)
def test_the_median_lies_within_its_interval_and_the_interval_within_the_samples(samples: list[float]) -> None:
    found = intervals.median(samples)
    assert min(samples) <= found.low <= found.high <= max(samples)
    assert found.low <= found.value <= found.high
    assert found == intervals.median(samples)


def test_more_samples_make_it_narrower() -> None:
    few, many = [1.0, 2.0, 3.0] * 3, [1.0, 2.0, 3.0] * 300
    assert (lambda one: one.high - one.low)(intervals.median(many)) <= (
        lambda one: one.high - one.low)(intervals.median(few))


def test_what_slows_a_whole_round_cancels_in_a_ratio() -> None:
    rounds = [1.0, 5.0, 2.0, 9.0, 3.0]
    assert intervals.ratio([2 * one for one in rounds], rounds) == pytest.approx((2.0, 2.0, 2.0))


@pytest.mark.parametrize(("over", "under"), [([1.0], []), ([], []), ([1.0, 2.0], [0.0, 0.0]), ([1.0], [-1.0])])
def test_what_is_no_ratio_is_refused(over: list[float], under: list[float]) -> None:
    with pytest.raises(ValueError, match=r"sample|positive"):
        intervals.ratio(over, under)


def test_no_samples_have_no_median() -> None:
    with pytest.raises(ValueError, match="no samples"):
        intervals.median([])
