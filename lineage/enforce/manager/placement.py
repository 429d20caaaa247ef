"""Lineage guides the placement of Policy Zones (S1, Figure 6): a proposal, which never decides.

A zone holds every asset that governed data can have come to, from where it entered; its
crossings are the edges at which it leaves for a use or a sink that the requirement does not allow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lineage.discover.graph import ANY, Graph
from lineage.enforce.requirement import Requirement
from lineage.names import ACTIVITY_KINDS, asset_of, field_of, kind_of

# Where data comes into the stack that the requirement speaks of.
_ENTRIES = ("device", "app", "web")


@dataclass(frozen=True)
class Zone:
    """``members``: asset names.  ``crossings``: edges out of the zone, refused ones among them.

    ``unlabelled``: field-level names inside the zone that carry no label at all.
    """

    name: str
    requirement: Requirement
    members: tuple[str, ...]
    crossings: tuple[dict[str, Any], ...]
    unlabelled: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "requirement": self.requirement.id, "mode": self.requirement.mode,
                "members": list(self.members),
                "crossings": [{"from": edge["from"], "to": edge["to"], "state": edge["state"]}
                              for edge in self.crossings],
                "unlabelled": list(self.unlabelled)}


def place(requirement: Requirement, graph: Graph, activities: dict[str, set[str]]) -> Zone:
    """``activities``: name → the purposes it acts for, seen or declared."""
    labels = {asset["name"]: asset["fields"] for asset in graph.lineage["assets"]}
    reached = [node for node in sorted(graph.nx.nodes) if kind_of(node) in _ENTRIES
               and requirement.governs.intersection(_annotations(labels, node))]
    seen, crossings = set(reached), []
    reviewed = remedied(requirement, graph, labels)
    for node in reached:
        refused = {edge["to"] for edge in graph.out(node, {"blocked"})}
        for edge in graph.out(node, ANY):
            if edge["state"] == "declared" and refused.intersection({edge["to"], *edge["via"]}):
                continue  # what was declared was refused: the data never took this way
            if edge["state"] != "blocked" and (reviewed(edge) or _free(requirement, node, edge["to"], labels)):
                continue
            if edge["state"] == "blocked" or not _permitted(requirement, edge["to"], labels, activities):
                crossings.append(edge)
            elif edge["to"] not in seen:
                seen.add(edge["to"])
                reached.append(edge["to"])
    inside = {node for node in reached if kind_of(node) in ACTIVITY_KINDS or not _operational(labels, node)
              or requirement.governs.intersection(_annotations(labels, node))}
    unlabelled = sorted(node for node in inside if field_of(node) and not _labelled(labels, node))
    return Zone(requirement.zone, requirement, tuple(sorted({asset_of(node) for node in inside})),
                tuple(sorted(crossings, key=lambda edge: (edge["from"], edge["to"], edge["state"]))),
                tuple(unlabelled))


def _permitted(requirement: Requirement, target: str, labels: dict[str, Any], activities: dict[str, set[str]]) -> bool:
    if kind_of(target) in ACTIVITY_KINDS:
        return all(requirement.permits(purpose) for purpose in activities.get(target, set()))
    return bool(requirement.governs.intersection(_annotations(labels, target))) or _operational(labels, target)


def remedied(requirement: Requirement, graph: Graph, labels: dict[str, Any]) -> Callable[[dict[str, Any]], bool]:
    """Whether an edge was let through by a review, which took from it all that the requirement governs: there is an
    entry for it, and a decision says so of the activity that moved it, or of the data."""
    decisions = [one for one in graph.lineage.get("decisions", ()) if one["verdict"] == "remediated"
                 and requirement.id in one["requirements"]]
    jobs = {one["activity"] for one in decisions if one["where"] == "gate"}
    inputs = {name for one in decisions if one["where"] == "guard" for name in one["inputs"]}

    def by_review(edge: dict[str, Any]) -> bool:
        governed = requirement.governs.intersection(_annotations(labels, edge["from"]))
        return bool(governed) and any(
            one.covers(edge["from"], edge["to"]) and governed <= one.drops
            and (f"job:{one.sql}" in jobs.intersection(edge["via"]) if one.sql else edge["from"] in inputs)
            for one in requirement.reclassify)

    return by_review


def _free(requirement: Requirement, node: str, target: str, labels: dict[str, Any]) -> bool:
    """The use of a field that is operational and carries nothing that the requirement governs."""
    return kind_of(target) in ACTIVITY_KINDS and _operational(labels, node) and not requirement.governs.intersection(
        _annotations(labels, node))


def _field(labels: dict[str, Any], node: str) -> dict[str, Any]:
    found: dict[str, Any] = labels.get(asset_of(node), {}).get(field_of(node), {})
    return found


def _annotations(labels: dict[str, Any], node: str) -> list[str]:
    annotations: list[str] = _field(labels, node).get("annotations", [])
    return annotations


def _operational(labels: dict[str, Any], node: str) -> bool:
    return bool(_field(labels, node).get("operational"))


def _labelled(labels: dict[str, Any], node: str) -> bool:
    label = _field(labels, node)
    return bool(label.get("category") or label.get("operational"))
