"""Ranks of some values among others: an exact test that they are higher, and the middle with its interval.

Truth.  Exact by counting: of all ways to choose as many of the pooled values, the share with a sum of ranks at least
as high (the permutation distribution of the rank sum, equal values at the middle of their ranks).  No assumption but
that the values are exchangeable where nothing sets the ones apart; where all are equal the answer is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np


def ranks(values: Sequence[float]) -> list[int]:
    """Twice the rank of each, from 2 for the lowest of all; equal values share the middle."""
    ordered = sorted(values)
    first = {value: at for at, value in reversed(list(enumerate(ordered)))}
    last = {value: at for at, value in enumerate(ordered)}
    return [first[value] + last[value] + 2 for value in values]


def higher(ones: Sequence[float], others: Sequence[float]) -> float:
    """The probability of ranks as high as those of ``ones``, or higher, if nothing set them apart; 1 without any."""
    if not ones or not others:
        return 1.0
    doubled = ranks([*ones, *others])
    reached, most = sum(doubled[:len(ones)]), sum(doubled)
    # ways[k, s]: how many choices of k values have the sum s.
    ways = np.zeros((len(ones) + 1, most + 1))
    ways[0, 0] = 1.0
    for rank in doubled:
        ways[1:, rank:] += ways[:-1, :-rank]
    return min(1.0, float(ways[-1, reached:].sum() / ways[-1].sum()))


def middle(values: Sequence[float]) -> tuple[float, float, float]:
    """(median, lower, upper): the order statistics between which the median of all such lies, in 95 of 100 samples.

    Where there are too few values for that, the lowest and the highest."""
    ordered = sorted(values)
    count = len(ordered)
    below = 0.0
    cut = 0
    while (below := below + math.comb(count, cut) / 2**count) <= 0.025:
        cut += 1
    at = max(cut - 1, 0)
    return (ordered[(count - 1) // 2] + ordered[count // 2]) / 2, ordered[at], ordered[-1 - at]


def share(hits: int, of: int) -> tuple[float, float]:
    """The interval of a share, exact by Clopper and Pearson, 95 %; ``of`` at least 1."""
    def end(reached: Callable[[float], bool]) -> float:
        """The share from which on ``reached``, to 40 bits."""
        low, high = 0.0, 1.0
        for _ in range(40):
            at = (low + high) / 2
            low, high = (low, at) if reached(at) else (at, high)
        return high

    lower = 0.0 if hits == 0 else end(lambda at: _below(hits - 1, of, at) <= 0.975)
    upper = 1.0 if hits == of else end(lambda at: _below(hits, of, at) <= 0.025)
    return lower, upper


def _below(hits: int, of: int, chance: float) -> float:
    """The probability of at most ``hits``."""
    if not 0 < chance < 1:
        return float(chance <= 0)
    return sum(math.exp(math.lgamma(of + 1) - math.lgamma(at + 1) - math.lgamma(of - at + 1) + at * math.log(chance)
                        + (of - at) * math.log1p(-chance)) for at in range(hits + 1))
