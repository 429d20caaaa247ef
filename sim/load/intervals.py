"""Medians with bootstrap intervals: every figure of the benchmarks says how sure it is.

(Not called ``statistics``: Locust puts this folder on its path, where the name would hide the
standard library's.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

ROUNDS = 2_000
LEVEL = 95.0
# How many resampled values are held at once.
_CELLS = 1_000_000
_Statistic = Callable[..., Any]


class Interval(NamedTuple):
    """An estimate, and the bounds that hold it with a confidence of ``LEVEL`` percent."""

    value: float
    low: float
    high: float

    def rounded(self, digits: int = 4) -> list[float]:
        """[value, low, high]."""
        return [round(part, digits) for part in self]


def median(samples: Sequence[float], seed: int = 1) -> Interval:
    """The median of ``samples``.  Raises ValueError when there is none."""
    return _bootstrap([samples], lambda values: np.median(values, axis=-1), seed)


def percentile(samples: Sequence[float], rank: float, seed: int = 1) -> Interval:
    """The value that ``rank`` percent of ``samples`` do not exceed.  Raises ValueError when there is none."""
    return _bootstrap([samples], lambda values: np.percentile(values, rank, axis=-1), seed)


def ratio(over: Sequence[float], under: Sequence[float], seed: int = 1) -> Interval:
    """median(over) / median(under), where entry i of both was measured in the same round.

    The rounds are resampled, both entries together, so that what slowed a whole round cancels.
    Raises ValueError for different lengths, or a median of ``under`` that is not positive.
    """
    if len(over) != len(under):
        raise ValueError(f"{len(over)} samples over {len(under)}: they were not measured in pairs")
    if under and float(np.median(under)) <= 0:
        raise ValueError("the median of the denominator is not positive: too few operations in a sample")
    return _bootstrap([over, under],
                      lambda top, bottom: np.median(top, axis=-1) / np.median(bottom, axis=-1), seed)


def _bootstrap(columns: Sequence[Sequence[float]], statistic: _Statistic, seed: int) -> Interval:
    data = np.asarray(columns, dtype=float)
    count = data.shape[1]
    if not count:
        raise ValueError("no samples")
    draw = np.random.default_rng(seed)
    at_once = max(1, _CELLS // count)
    found = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for start in range(0, ROUNDS, at_once):
            rounds = min(at_once, ROUNDS - start)
            chosen = data[:, draw.integers(0, count, (rounds, count))]
            found.append(statistic(*chosen))
        low, high = np.percentile(np.concatenate(found), [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
        return Interval(float(statistic(*data)), float(low), float(high))
