"""What a run's checkpoints are asked in the end: their weights as they lie there, and what lineage says of each.

Demonstrate.  Weights are read from where training left them, whatever any manifest calls them; what is no language
model is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from lineage.discover.graph import Graph
from lineage.errors import InputError
from lineage.model import Signal
from services import model
from services.model import Model
from sim.world.canaries import Canaries


class Source(Protocol):
    """A group of canaries, as far as it takes to ask for it."""

    @property
    def name(self) -> str: ...

    @property
    def asset(self) -> str: ...


def models(data: Path) -> dict[str, Model]:
    """"checkpoint:assistant@2" → its model."""
    found = {}
    for path in sorted(data.glob("checkpoints/*/weights.safetensors")):
        try:
            found[f"checkpoint:{path.parent.name}"] = model.loads(path.read_bytes())
        except InputError:  # of another kind, such as a reader of signs
            continue
    return found


class Ways:
    """Lineage's answers, by name and, where traces of the captures tell rows apart, by row."""

    def __init__(self, graph: Graph, signals: Callable[[], Iterable[Signal]], groups: Iterable[Canaries]) -> None:
        self._graph = graph
        self._groups = list(groups)
        self._learnt: defaultdict[str, set[str]] = defaultdict(set)
        for signal in signals():
            if signal.op == "write" and signal.asset.startswith("checkpoint:"):
                self._learnt[signal.asset] |= set(signal.keys)

    def __call__(self, group: Source, checkpoint: str) -> str:
        """"yes", "no", or "other rows": of the field, captures of other groups alone are among what it learnt from."""
        if not self._leads(group.asset, checkpoint):
            return "no"
        learnt = set().union(*(keys for other, keys in self._learnt.items()
                               if other == checkpoint or self._leads(other, checkpoint)))
        reached = {one.name for one in self._groups if one.asset == group.asset and not learnt.isdisjoint(one.keys)}
        # Where no capture of the field can be told apart any more, the way is all that is known.
        return "yes" if group.name in reached or not reached else "other rows"

    def _leads(self, source: str, target: str) -> bool:
        try:
            return self._graph.path(source, target) is not None
        except InputError:  # one of them is in no signal at all
            return False
