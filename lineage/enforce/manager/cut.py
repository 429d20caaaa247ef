"""The cheapest set of remedies that leaves no way from governed data to what it may not reach: a minimum cut.

A *way* leads from ``SOURCE`` to ``SINK`` over arcs.  An arc that a remedy can close has the remedy's key; closing it
costs what the remedy costs.  Every remedy is a node split in two with the cost between its halves, so that several may
lie between the same two nodes (Menger; Ford and Fulkerson 1956).  For one requirement the answer is optimal.

Several requirements may share remedies (who blocks a job blocks it for all).  That is no cut any more, but a set cover
of cuts: ``joint`` solves one after another, what is paid for being free, in every order (up to ``MOST``), and says a
lower bound: the cost of a shared remedy is split among the requirements, and the cuts with the split costs add up to no
more than the optimum (Lagrange).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, permutations
from math import ceil
from typing import Any, NamedTuple

import networkx as nx

SOURCE, SINK = "source", "sink"
# Orders that are tried, and rounds of moving costs between requirements.
MOST, ROUNDS = 120, 25

Node = Hashable


class Arc(NamedTuple):
    """``key``: of the remedy that closes it; "" where none does."""

    source: Node
    target: Node
    key: str = ""


class Uncuttable(ValueError):
    """A way that no remedy lies on."""


@dataclass(frozen=True)
class Problem:
    """The arcs of one requirement; a remedy closes one of its arcs."""

    arcs: tuple[Arc, ...]

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(arc.key for arc in self.arcs if arc.key)

    def way(self, closed: Iterable[str] = ()) -> list[Arc] | None:
        """The arcs of a shortest way that is still open, or None; the same one each time."""
        shut = frozenset(closed)
        leaving: dict[Node, list[Arc]] = {}
        for arc in self.arcs:
            if not arc.key or arc.key not in shut:
                leaving.setdefault(arc.source, []).append(arc)
        came: dict[Node, Arc | None] = {SOURCE: None}
        queue: list[Node] = [SOURCE]
        for node in queue:
            for arc in leaving.get(node, ()):
                if arc.target not in came:
                    came[arc.target] = arc
                    queue.append(arc.target)
        return _traced(came) if SINK in came else None


@dataclass(frozen=True)
class Solution:
    """``chosen``: keys of remedies.  ``bound``: no set of remedies is cheaper."""

    chosen: frozenset[str]
    cost: int
    bound: int
    ways: Mapping[str, tuple[int, list[Arc]]] = field(default_factory=dict)

    @property
    def gap(self) -> float:
        """By how much it may be dearer than the optimum, as a share of its cost; 0 is proven to be optimal."""
        return (self.cost - self.bound) / self.cost if self.cost else 0.0


def minimum(problem: Problem, costs: Mapping[str, int]) -> frozenset[str]:
    """The keys of a cheapest cut; of several, always the same.  Raises Uncuttable."""
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_nodes_from((SOURCE, SINK))
    for arc in problem.arcs:
        if arc.key:
            before, after = ("before", arc.key), ("after", arc.key)
            graph.add_edge(arc.source, before)
            graph.add_edge(before, after, capacity=costs[arc.key])
            graph.add_edge(after, arc.target)
        else:
            graph.add_edge(arc.source, arc.target)
    try:
        _, (reached, _) = nx.minimum_cut(graph, SOURCE, SINK)
    except nx.NetworkXUnbounded as error:
        raise Uncuttable("governed data reaches what it may not, and no remedy lies on the way") from error
    return frozenset(key for key in problem.keys
                     if ("before", key) in reached and ("after", key) not in reached)


def joint(problems: Sequence[Problem], costs: Mapping[str, int]) -> Solution:
    """Remedies for every requirement together, none of which can be left out.  Raises Uncuttable."""
    best: tuple[int, list[str]] | None = None
    for order in islice(permutations(range(len(problems))), MOST):
        chosen: frozenset[str] = frozenset()
        for index in order:
            left = {key: 0 if key in chosen else cost for key, cost in costs.items()}
            chosen |= minimum(problems[index], left)
        chosen = reduced(problems, chosen, costs)
        found = sum(costs[key] for key in chosen), sorted(chosen)
        best = found if best is None else min(best, found)
    if best is None:
        return Solution(frozenset(), 0, 0)
    chosen = frozenset(best[1])
    return Solution(chosen, best[0], _bound(problems, costs), needed(problems, chosen))


def reduced(problems: Sequence[Problem], chosen: frozenset[str], costs: Mapping[str, int]) -> frozenset[str]:
    """Without those that close no way that the others leave open, the dearest first."""
    for key in sorted(chosen, key=lambda one: (-costs[one], one)):
        rest = chosen - {key}
        if all(problem.way(rest) is None for problem in problems):
            chosen = rest
    return chosen


def needed(problems: Sequence[Problem], chosen: frozenset[str]) -> dict[str, tuple[int, list[Arc]]]:
    """Why each is needed: the problem and the way in it that this one alone closes."""
    found: dict[str, tuple[int, list[Arc]]] = {}
    for key in sorted(chosen):
        for index, problem in enumerate(problems):
            if (way := problem.way(chosen - {key})) is not None:
                found[key] = index, way
                break
    return found


def _bound(problems: Sequence[Problem], costs: Mapping[str, int]) -> int:
    """A whole number, as costs are; of one problem it is the cost of its cut."""
    alone = max((_price(minimum(problem, costs), costs) for problem in problems), default=0)
    if len(problems) < 2:
        return alone
    # Whole shares, so that no rounding can raise the bound.
    scale = 60 * len(problems)
    users = {key: [index for index, problem in enumerate(problems) if key in problem.keys] for key in costs}
    shares = [{key: scale * cost // len(users[key]) if index in users[key] else 0 for key, cost in costs.items()}
              for index in range(len(problems))]
    best = 0
    for round_ in range(1, ROUNDS + 1):
        cuts = [minimum(problem, share) for problem, share in zip(problems, shares, strict=True)]
        best = max(best, sum(_price(cut, share) for cut, share in zip(cuts, shares, strict=True)))
        if not _move(shares, cuts, users, costs, scale, round_):
            break
    return max(alone, ceil(best / scale))


def _move(shares: list[dict[str, int]], cuts: Sequence[frozenset[str]], users: Mapping[str, list[int]],
          costs: Mapping[str, int], scale: int, round_: int) -> bool:
    """More of a remedy's cost to the requirements that pay for it, less to those that do not; the sum stays."""
    moved = False
    for key, using in users.items():
        paying = [index for index in using if key in cuts[index]]
        idle = [index for index in using if key not in cuts[index]]
        if not paying or not idle:
            continue
        for index in idle:
            part = min(shares[index][key], scale * costs[key] // (round_ * len(using)))
            shares[index][key] -= part
            shares[paying[0]][key] += part
            moved = moved or part > 0
    return moved


def _price(keys: Iterable[str], costs: Mapping[str, int]) -> int:
    return sum(costs[key] for key in keys)


def _traced(came: Mapping[Node, Arc | None]) -> list[Arc]:
    arcs: list[Arc] = []
    node: Node = SINK
    while (arc := came[node]) is not None:
        arcs.append(arc)
        node = arc.source
    return arcs[::-1]
