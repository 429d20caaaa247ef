"""What ``why`` and ``graph`` answer, as data; the terminal and JSON forms are made from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lineage.codes import CODES
from lineage.discover.graph import Graph
from lineage.errors import InputError
from lineage.names import asset_of, join, kind_of
from sim.show import export, layout, mermaid, picture

_WALKED = frozenset({"observed", "blocked"})
# Where data enters, in the order in which a reader wants to begin.
_ENTRIES = ("device", "app", "web", "file")


def why(lineage: dict[str, Any], to: str, source: str | None) -> dict[str, Any]:
    """{"to", "from", "path": [edges], "decisions": […], "remedies": [text]}; an empty path is "not seen".

    Raises InputError (PAI001) for a name that the run does not have.
    """
    graph = Graph(lineage)
    targets = graph.resolve(to)
    starts = graph.resolve(source) if source else _entries(graph)
    path = _way(graph, starts, targets)
    decisions = [one for one in lineage["decisions"] if one["activity"] == to or any(
        asset_of(name) == asset_of(to) for name in one["inputs"] if kind_of(to) not in ("training", "job", "query"))]
    decisions.sort(key=lambda one: (one["verdict"] != "blocked", one["activity"], one["id"]))
    codes = sorted({one["code"] for one in decisions if one["code"]})
    return {"to": to, "from": path[0]["from"] if path else source or "", "path": path, "decisions": decisions,
            "remedies": [f"{code}: {CODES[code].remedy}" for code in codes if code in CODES],
            "activity": next((one for one in lineage.get("activities", ()) if one["name"] == to), None),
            "findings": [one for one in lineage["findings"] if asset_of(one["asset"]) == asset_of(to)]}


def _entries(graph: Graph) -> list[str]:
    """Where personal data enters; where none does, every entry."""
    personal = {join(asset["name"], field) for asset in graph.lineage["assets"]
                for field, label in asset["fields"].items() if label["category"]}
    entries = [node for node in sorted(graph.nx.nodes) if kind_of(node) in _ENTRIES]
    return [node for node in entries if node in personal] or entries


def _way(graph: Graph, starts: list[str], targets: list[str]) -> list[dict[str, Any]]:
    """From the first kind of entry that leads there: the glasses, before the app, before web."""
    for kind in [*_ENTRIES, ""]:
        group = [name for name in starts if not kind or kind_of(name) == kind]
        path = graph.path_between(group, targets, _WALKED) if group else None
        if path:
            return path
    return []


def neighbourhood(lineage: dict[str, Any], source: str | None, depth: int, *, upstream: bool) -> dict[str, Any]:
    """The run's lineage, cut to what lies within ``depth`` steps of ``source``."""
    if source is None:
        return lineage
    graph = Graph(lineage)
    edges = graph.neighbourhood(graph.resolve(source), depth, upstream=upstream)
    names = {asset_of(edge[end]) for edge in edges for end in ("from", "to")}
    return {**lineage, "edges": edges, "assets": [one for one in lineage["assets"] if one["name"] in names]}


def draw(lineage: dict[str, Any], output: Path | None) -> None:
    """A PNG.  Raises InputError (PAI033) without a file to write it to."""
    if output is None:
        raise InputError("PAI033", "a PNG is written to a file", where="--output",
                         next="sightline graph --format png --output graph.png")
    picture.to_png(layout.drawing(lineage), output)


def render(lineage: dict[str, Any], form: str, source: str | None, depth: int) -> str:
    """``form``: names, tree, mermaid, svg, graphml or json."""
    if form == "names":
        return "\n".join(sorted({edge[end] for edge in lineage["edges"] for end in ("from", "to")}))
    if form == "json":
        return json.dumps({"assets": lineage["assets"], "edges": lineage["edges"]}, sort_keys=True, indent=1)
    drawing = layout.drawing(lineage)
    if form == "mermaid":
        return mermaid.to_mermaid(drawing)
    if form == "svg":
        return picture.to_svg(drawing)
    if form == "graphml":
        return export.to_graphml(drawing)
    start = asset_of(source) if source else next((node.name for node in drawing.nodes), "")
    return export.to_tree(drawing, start, depth=depth)
