"""What is drawn: nodes, links, and the boxes of zones.  Types only.

:mod:`sim.show.layout` makes a Drawing of a run's ``lineage.json``; pictures, Mermaid, GraphML, trees and the
report are made of the Drawing, so that they cannot disagree.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

from lineage.errors import InputError
from lineage.model import State

# data: a message or a capture; store: a queue, table or file; model: a checkpoint or a served model;
# activity: uses data for a purpose; hop: one half of a call, drawn small.
Role = Literal["data", "store", "model", "activity", "hop"]


@dataclass(frozen=True, slots=True)
class Node:
    """One asset or activity.  ``id`` is safe in DOT, SVG, Mermaid and HTML; ``name`` is not.

    ``fields``: one line each, with its label.  ``inside``: flows between its own fields.
    ``findings``: one line each, the code first.
    """

    id: str
    name: str
    kind: str
    label: str
    role: Role
    column: int
    zones: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """All field-level edges of one state between two nodes.

    ``count``: correlation keys of the edge that has most, so at least so many requests took this way.
    ``through``: calls that were folded into it.  ``codes``: of the decisions that blocked it.
    ``back``: it closes a cycle, so it is drawn against the direction of the columns.
    """

    id: str
    source: str
    target: str
    state: State
    families: tuple[str, ...] = ()
    count: int = 0
    confidence: str = "LOW"
    through: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    back: bool = False
    label: str = ""
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """The nodes that share exactly these zones (an asset may be in the zones of several requirements)."""

    id: str
    zones: tuple[str, ...]
    label: str
    nodes: tuple[str, ...]
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """``nodes`` by column and name, ``links`` by ends; ``notes`` say what was left out."""

    title: str
    summary: str
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    boxes: tuple[Box, ...] = ()
    notes: tuple[str, ...] = ()

    def node(self, name: str) -> Node:
        """Raises InputError (PAI001), with a suggestion, where nothing of that name is drawn."""
        found = {node.name: node for node in self.nodes}
        if name not in found:
            close = get_close_matches(name, found, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise InputError("PAI001", f"no asset {name!r} in the graph of this run{hint}",
                             next="sightline graph  # lists the names of the last run")
        return found[name]

    def keep(self, names: Iterable[str]) -> Drawing:
        """The part of the drawing between these nodes; ids stay as they are."""
        kept = frozenset(names)
        boxes = tuple(replace(box, nodes=tuple(n for n in box.nodes if n in kept)) for box in self.boxes)
        return replace(self, nodes=tuple(n for n in self.nodes if n.name in kept),
                       links=tuple(li for li in self.links if li.source in kept and li.target in kept),
                       boxes=tuple(box for box in boxes if box.nodes))

    def neighbourhood(self, name: str, depth: int) -> Drawing:
        """``name`` and all that is at most ``depth`` links away, up or down.  Raises InputError (PAI001)."""
        start = self.node(name).name
        near: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for link in self.links:
            near[link.source].append(link.target)
            near[link.target].append(link.source)
        distance, waiting = {start: 0}, deque([start])
        while waiting:
            here = waiting.popleft()
            if distance[here] < depth:
                for there in near[here]:
                    if there not in distance:
                        distance[there] = distance[here] + 1
                        waiting.append(there)
        return self.keep(distance)

    def blocked_path(self) -> tuple[str, ...]:
        """Ids of the nodes and links on the shortest way from a source to each blocked use; empty if none."""
        into: dict[str, list[Link]] = {node.name: [] for node in self.nodes}
        for link in self.links:
            if link.state != "blocked" and not link.back:
                into[link.target].append(link)
        ids: set[str] = set()
        by_name = {node.name: node for node in self.nodes}
        for link in self.links:
            if link.state == "blocked":
                ids.update((link.id, by_name[link.target].id, by_name[link.source].id))
                for step in _shortest_to_source(link.source, into):
                    ids.update((step.id, by_name[step.source].id))
        return tuple(sorted(ids))


def _shortest_to_source(name: str, into: dict[str, list[Link]]) -> list[Link]:
    """Backwards, breadth first, until a node that nothing flows into."""
    came: dict[str, Link | None] = {name: None}
    waiting = deque([name])
    while waiting:
        here = waiting.popleft()
        ways = [link for link in into[here] if link.source not in came]
        if not into[here]:
            path, step = [], came[here]
            while step is not None:
                path.append(step)
                step = came[step.target]
            return path
        for link in ways:
            came.setdefault(link.source, link)
            waiting.append(link.source)
    return []
