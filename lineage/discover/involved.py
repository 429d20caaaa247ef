"""Does data of an asset reach a system: yes with the path, no, or unknown (S1: "know exactly which
systems are involved and which ones aren't").

"No" needs a positive control: everything on a way that could lead there has reported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from lineage.codes import ANYWHERE, GAPS
from lineage.discover.graph import ANY, OBSERVED, Graph
from lineage.names import asset_of


@dataclass(frozen=True)
class Answer:
    """``path``: edges; ``silent``: what did not report; ``blocked``: the refused edges on the way."""

    answer: Literal["yes", "no", "unknown"]
    path: list[dict[str, Any]] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    blocked: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {"answer": self.answer, "path": _nodes(self.path), "edges": self.path,
                "silent": self.silent, "blocked": self.blocked}


def involved(graph: Graph, asset: str, system: str) -> Answer:
    """Raises InputError (PAI001) when either name is unknown to the run."""
    sources, targets = graph.resolve(asset), graph.resolve(system)
    path = graph.path_between(sources, targets)
    if path is not None:
        return Answer("yes", path)
    reached = graph.reach(sources)
    blocked = [edge for node in sorted(reached) for edge in graph.out(node, {"blocked"}) if edge["to"] in targets]
    silent = _silent(graph, asset, sources, set(targets), reached, {edge["to"] for edge in blocked})
    return Answer("unknown" if silent else "no", silent=silent, blocked=blocked)


def _silent(graph: Graph, asset: str, sources: list[str], targets: set[str], reached: set[str],
            refused: set[str]) -> list[str]:
    if not any(graph.out(node, OBSERVED) or graph.into(node, OBSERVED) for node in sources):
        return sorted({asset_of(node) for node in sources}) or [asset]  # nothing was seen of the asset itself
    silent = set()
    # A manifest cannot know the version that its run will make.
    arrived = reached | {node.partition("@")[0] for node in reached} | {
        asset_of(node).partition("@")[0] for node in reached}
    # A declared way on which the next system neither reported nor was refused has not been seen to stop.
    for node in reached:
        for edge in graph.out(node, {"declared"}):
            beyond = edge["to"]
            if beyond in arrived or beyond in refused or _confirmed(graph, edge):
                continue
            if beyond in targets or graph.path_between([beyond], targets, ANY - {"blocked"}):
                silent.add(asset_of(beyond))
    for finding in graph.lineage["findings"]:
        if finding["code"] not in GAPS:
            continue
        # A context that was lost anywhere the asset's data passes may hide a way to the system.
        place = finding["asset"]
        if finding["code"] in ANYWHERE or any(place == asset_of(node) or asset_of(node).startswith(f"{place}.")
                                              for node in graph.reach(sources, ANY - {"blocked"})):
            silent.add(place)
    return sorted(silent)


def _confirmed(graph: Graph, declared: dict[str, Any]) -> bool:
    """The activity of this declared edge was refused: its other ends can't have been reached by it."""
    acts = {declared["to"], *declared["via"]}
    return any(edge["to"] in acts for edge in graph.out(declared["from"], {"blocked"}))


def _nodes(path: list[dict[str, Any]]) -> list[str]:
    return [path[0]["from"], *(edge["to"] for edge in path)] if path else []
