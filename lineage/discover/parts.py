"""Parts of one output: which of them were written, under which correlation key, and which are missing.

[A] to [D] alike.  Each write under a new key is a new making of the output, and has to be whole by itself.
An edge of such an output counts the distinct parts that were written from its source, or read by its target.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from lineage.model import Signal
from lineage.names import asset_of


class Missing(NamedTuple):
    """``numbers``: the parts that nobody wrote, of ``of``; summed over every making of ``asset``."""

    asset: str
    numbers: tuple[int, ...]
    of: int
    makings: int


class Parts:
    """Told of every read and write by ``Join``."""

    def __init__(self) -> None:
        # (asset, correlation key) → parts written; and how many there are to be.
        self._written: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        self._of: dict[tuple[str, str], int] = {}
        # (emitter, scope, asset) → parts read.
        self._read: defaultdict[tuple[str, str, str], set[int]] = defaultdict(set)

    def note(self, signal: Signal) -> None:
        if "part" not in signal.detail:
            return
        number, of = signal.detail["part"]
        if signal.op == "read":
            self._read[signal.emitter, signal.scope, signal.asset].add(number)
            return
        for key in signal.keys:
            making = signal.asset, key
            self._written[making].add(number)
            # Workers that do not agree: whoever expects more is not yet satisfied.
            self._of[making] = max(of, self._of.get(making, 0))

    def of(self, source: str, signal: Signal) -> set[int]:
        """The parts that an edge from ``source``, made by this write, has to do with."""
        if "part" in signal.detail:
            return {signal.detail["part"][0]}
        return self._read.get((signal.emitter, signal.scope, asset_of(source)), set())

    def missing(self) -> list[Missing]:
        """Outputs that are not whole, by name."""
        found: defaultdict[tuple[str, tuple[int, ...], int], int] = defaultdict(int)
        for making, written in self._written.items():
            of = self._of[making]
            numbers = tuple(sorted(set(range(of)) - written))
            if numbers:
                found[making[0], numbers, of] += 1
        return [Missing(*what, makings) for what, makings in sorted(found.items())]
