"""The graph over a run's edges, and the questions asked of it.  networkx holds it.

Built from ``lineage.json``, so that a question can be asked of any run folder.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any

import networkx as nx

from lineage.discover.entries import KEYED
from lineage.errors import InputError
from lineage.names import asset_of, field_of, parse

OBSERVED = frozenset({"observed"})
ANY = frozenset({"observed", "declared", "blocked"})


class Graph:
    """``lineage``: the content of ``lineage.json``.  Edges of a state are walked on demand."""

    def __init__(self, lineage: dict[str, Any]) -> None:
        self.lineage = lineage
        self.nx: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        self._by_asset: dict[str, set[str]] = {}
        for asset in lineage["assets"]:
            self._by_asset.setdefault(asset["name"], set())
        for edge in lineage["edges"]:
            self.nx.add_edge(edge["from"], edge["to"], key=edge["state"], **edge)
        for name in self.nx.nodes:
            self._by_asset.setdefault(asset_of(name), set()).add(name)

    def resolve(self, text: str) -> list[str]:
        """The nodes that a name stands for: itself and its sub-fields, or all fields of an asset.

        Without its version, a name stands for every version.  A bare service or kind
        ("training") stands for all of its assets.  Raises InputError (PAI001) for an unknown name.
        """
        if ":" not in text:
            found = [node for node in self.nx.nodes if node.partition(":")[0] == text
                     or node.startswith(f"rpc:{text}.")]
        else:
            name = parse(text)
            found = [node for node in self.nx.nodes if _stands_for(text, name.version, node)]
            if not found and str(name.asset) in self._by_asset and not name.field:
                return []
        if not found:
            known = sorted({*self.nx.nodes, *self._by_asset})
            close = get_close_matches(text, known, 1, 0.5)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise InputError("PAI001", f"nothing in this run is named {text!r}{hint}",
                             next="sightline graph --format names")
        return sorted(found)

    def path(self, source: str, target: str, states: Collection[str] = OBSERVED) -> list[dict[str, Any]] | None:
        """The edges of a shortest path between two names, or None; deterministic."""
        return self.path_between(self.resolve(source), self.resolve(target), states)

    def path_between(self, sources: Iterable[str], targets: Iterable[str],
                     states: Collection[str] = OBSERVED) -> list[dict[str, Any]] | None:
        goals = set(targets)
        came: dict[str, dict[str, Any] | None] = {node: None for node in sorted(sources) if node in self.nx}
        queue = list(came)
        for node in queue:
            for edge in self._onward(node, states, begins=came[node] is None):
                if edge["to"] not in came:
                    came[edge["to"]] = edge
                    queue.append(edge["to"])
                if edge["to"] in goals:
                    return _trace(came, edge)
        return None

    def out(self, node: str, states: Collection[str] = OBSERVED) -> list[dict[str, Any]]:
        """Edges that leave a node; observed before declared before blocked."""
        order = {"observed": 0, "declared": 1, "blocked": 2}
        edges = [data for _, _, key, data in self.nx.out_edges(node, keys=True, data=True) if key in states]
        return sorted(edges, key=lambda edge: (edge["to"], order[edge["state"]]))

    def _onward(self, node: str, states: Collection[str], *, begins: bool) -> list[dict[str, Any]]:
        """The edges by which a way may go on.

        Who reads one key of a key-value store has not read what lies under the others: a way *through* the store
        is the edge from what was written under that key; only one that *begins* at the store leaves it by any.
        """
        return [edge for edge in self.out(node, states) if begins or edge["evidence"] != [KEYED]]

    def into(self, node: str, states: Collection[str] = OBSERVED) -> list[dict[str, Any]]:
        edges = [data for _, _, key, data in self.nx.in_edges(node, keys=True, data=True) if key in states]
        return sorted(edges, key=lambda edge: (edge["from"], edge["state"]))

    def reach(self, sources: Iterable[str], states: Collection[str] = OBSERVED) -> set[str]:
        """Every node that data of the sources can have come to, themselves included."""
        seen = {node for node in sources if node in self.nx}
        queue, begins = list(seen), frozenset(seen)
        for node in queue:
            for edge in self._onward(node, states, begins=node in begins):
                if edge["to"] not in seen:
                    seen.add(edge["to"])
                    queue.append(edge["to"])
        return seen

    def neighbourhood(self, sources: Iterable[str], depth: int, *, upstream: bool = False) -> list[dict[str, Any]]:
        """The edges within ``depth`` steps, each once."""
        edges: dict[tuple[str, str, str], dict[str, Any]] = {}
        level = set(sources)
        for _ in range(depth):
            found = [edge for node in sorted(level) for edge in (self.into if upstream else self.out)(node, ANY)]
            edges.update({(edge["from"], edge["to"], edge["state"]): edge for edge in found})
            level = {edge["from" if upstream else "to"] for edge in found}
        return [edges[key] for key in sorted(edges)]


def _stands_for(text: str, version: str, node: str) -> bool:
    if node == text:
        return True
    bare = node if version else node.partition("@")[0]
    wanted = text.partition("@")[0] if not version else text
    if bare == wanted:
        return True
    if "#" in text:
        return bare.startswith(f"{wanted}.")
    return asset_of(bare) == wanted and bool(field_of(node))


def _trace(came: dict[str, dict[str, Any] | None], last: dict[str, Any]) -> list[dict[str, Any]]:
    edges = [last]
    while (edge := came[edges[-1]["from"]]) is not None:
        edges.append(edge)
    return edges[::-1]
