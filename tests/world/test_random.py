"""Keyed randomness and the clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.seams import Clock
from sim.world.clock import SimClock, rfc3339
from sim.world.random import key_id, keyed

PARTS = st.lists(st.one_of(st.text(max_size=5), st.integers()), max_size=4)


@given(st.integers(), PARTS, st.integers(), PARTS)
def test_equal_keys_and_only_those_agree(seed: int, parts: list[str | int], other: int,
                                         others: list[str | int]) -> None:
    same = (seed, parts) == (other, others)
    assert (key_id(seed, *parts) == key_id(other, *others)) is same
    assert (keyed(seed, *parts).getrandbits(128) == keyed(other, *others).getrandbits(128)) is same


@given(st.integers(), st.integers(1, 64))
def test_size_is_in_bytes_and_never_all_zero(seed: int, size: int) -> None:
    identifier = key_id(seed, "x", size=size)
    assert len(identifier) == 2 * size
    assert int(identifier, 16) > 0


def test_parts_are_kept_apart() -> None:
    assert len({key_id(7, "a", "b"), key_id(7, "a/b"), key_id(7, "ab"), key_id(7, 1), key_id(7, "1")}) == 5


def test_values_are_the_same_on_every_machine() -> None:
    assert key_id(7, "w-0001", 1) == "6d489167531e153a3af3ba225ebdf6ce"
    assert keyed(7, "w-0001").randrange(1_000_000) == 358_318


def test_the_clock_moves_only_when_told() -> None:
    clock: Clock = SimClock()
    assert clock.now() == clock.now() == datetime(2026, 1, 5, 9, tzinfo=UTC)
    simulated = SimClock()
    simulated.advance(90.5)
    assert rfc3339(simulated.now()) == "2026-01-05T09:01:30Z"
    assert rfc3339(simulated.at(3)) == rfc3339(SimClock().at(3)) == "2026-01-05T09:03:00Z"
    with pytest.raises(ValueError, match="back"):
        simulated.advance(-1)
