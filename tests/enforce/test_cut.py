"""Minimum cuts against brute force on small random graphs; what is shared, its bound, and that nothing is idle."""

from __future__ import annotations

from itertools import chain, combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce.manager.cut import SINK, SOURCE, Arc, Problem, Uncuttable, joint, minimum, needed

NODES = [SOURCE, "a", "b", "c", "d", SINK]


@st.composite
def problems(draw: st.DrawFn, keys: tuple[str, ...] = ("k1", "k2", "k3", "k4", "k5", "k6", "k7")) -> Problem:
    """Each key on one arc at most, and arcs that nothing closes between."""
    ends = st.tuples(st.sampled_from(NODES[:-1]), st.sampled_from(NODES[1:])).filter(lambda pair: pair[0] != pair[1])
    closed = [Arc(*draw(ends), key) for key in draw(st.lists(st.sampled_from(keys), unique=True, max_size=7))]
    free = [Arc(*pair) for pair in draw(st.lists(ends, max_size=5, unique=True))]
    return Problem(tuple(closed + free))


COSTS = st.fixed_dictionaries({f"k{number}": st.integers(1, 9) for number in range(1, 8)})


def cheapest(every: list[Problem], costs: dict[str, int]) -> int | None:
    """By trying every set of remedies."""
    keys = sorted({key for problem in every for key in problem.keys})
    sets = chain.from_iterable(combinations(keys, size) for size in range(len(keys) + 1))
    return min((sum(costs[key] for key in chosen) for chosen in sets
                if all(problem.way(chosen) is None for problem in every)), default=None)


@given(problems(), COSTS)
def test_the_minimum_is_that_of_brute_force(problem: Problem, costs: dict[str, int]) -> None:
    expected = cheapest([problem], costs)
    if expected is None:
        with pytest.raises(Uncuttable):
            minimum(problem, costs)
        return
    chosen = minimum(problem, costs)
    assert problem.way(chosen) is None
    assert sum(costs[key] for key in chosen) == expected
    found = joint([problem], costs)
    assert (found.cost, found.bound, found.gap) == (expected, expected, 0.0)


@given(st.lists(problems(), min_size=2, max_size=3), COSTS)
def test_several_are_between_the_bound_and_the_gap(every: list[Problem], costs: dict[str, int]) -> None:
    expected = cheapest(every, costs)
    if expected is None:
        with pytest.raises(Uncuttable):
            joint(every, costs)
        return
    found = joint(every, costs)
    assert all(problem.way(found.chosen) is None for problem in every)
    assert found.bound <= expected <= found.cost
    assert found.gap >= (found.cost - expected) / max(found.cost, 1)


@given(st.lists(problems(), min_size=1, max_size=3), COSTS)
def test_every_element_closes_a_way_that_it_alone_closes(every: list[Problem], costs: dict[str, int]) -> None:
    try:
        found = joint(every, costs)
    except Uncuttable:
        return
    assert found.ways.keys() == found.chosen
    for key, (index, way) in found.ways.items():
        # Left out, exactly this way is open: it goes over the element, and over no other one.
        assert {arc.key for arc in way} & found.chosen == {key}
        assert every[index].way(found.chosen - {key}) is not None
        assert way[0].source == SOURCE and way[-1].target == SINK
        assert all(one.target == other.source for one, other in pairwise(way))


def test_what_two_share_is_paid_once() -> None:
    """Alone each would take its own, cheaper one; together the shared one is cheaper."""
    one = Problem((Arc(SOURCE, "a", "own1"), Arc("a", SINK, "shared")))
    two = Problem((Arc(SOURCE, "a", "own2"), Arc("a", SINK, "shared")))
    costs = {"own1": 3, "own2": 3, "shared": 4}
    found = joint([one, two], costs)
    assert found.cost in (4, 6) and found.bound == 4  # the heuristic may miss it, and then says by how much
    assert found.gap == (found.cost - 4) / found.cost
    assert joint([one], costs).chosen == {"own1"}


def test_nothing_to_cut() -> None:
    assert joint([], {}).chosen == frozenset()
    found = joint([Problem((Arc(SOURCE, "a"), Arc("b", SINK)))], {})
    assert (found.chosen, found.cost, found.gap) == (frozenset(), 0, 0.0)
    assert needed([], frozenset()) == {}
