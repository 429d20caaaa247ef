"""What a plan knows of a run: its flows, labels, owners and purposes, read through one requirement's eyes.

[plan] The requirement's own rules judge each use and each flow (``Rules``, as if it were enforced); nothing here has a
rule of its own.  An asset has two *parts*: the fields that the requirement governs, and those that governed data would
come to without its annotation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from lineage.discover.graph import ANY, Graph
from lineage.enforce.manager.placement import remedied
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Refusal, Rules
from lineage.names import ACTIVITY_KINDS, asset_of, field_of, kind_of

# Evidence of flows that the guard and the policy service judge also into a field that is only operational.
_JUDGED = frozenset({"sources", "sql", "sql:indirect"})
_ORDER = {"observed": 0, "blocked": 1, "declared": 2}


class Part(NamedTuple):
    """``governed``: its fields carry the requirement's annotations."""

    asset: str
    governed: bool


@dataclass(frozen=True)
class Deployed:
    """What configs say of activities: name → owner, name → purpose, name → the file."""

    owners: Mapping[str, str] = field(default_factory=dict)
    purposes: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)


class PlanRun:
    """``lineage``: the content of a run's lineage.json."""

    def __init__(self, lineage: dict[str, Any], requirement: Requirement, deployed: Deployed | None = None) -> None:
        self.graph = Graph(lineage)
        self.requirement = requirement
        self._rules = Rules([replace(requirement, mode="enforcement")])
        self._assets = {asset["name"]: asset for asset in lineage["assets"]}
        self._acting = {one["name"]: one for one in lineage.get("activities", ())}
        self._deployed = deployed or Deployed()
        self._lineage = lineage
        self._remedied = remedied(requirement, self.graph, {one["name"]: one["fields"] for one in lineage["assets"]})

    # --- step 1: assets -------------------------------------------------------------------------

    @cached_property
    def sources(self) -> list[str]:
        """Field-level names that carry a governed annotation."""
        return [node for node in sorted(self.graph.nx.nodes) if self.governed(node)]

    def identified(self) -> list[dict[str, Any]]:
        """{"asset", "owner", "fields", "by"}: by contract, or proposed by a detector and not in a contract yet."""
        found = [{"asset": asset, "owner": self.owner(asset), "by": "contract", "fields": sorted(
            path for path, label in known["fields"].items() if self._governs(label["annotations"]))}
            for asset, known in sorted(self._assets.items())]
        proposed = sorted({(one["asset"], one["what"]) for one in self._lineage["findings"]
                           if one["code"] == "PAI101" and self.governed(one["asset"])})
        return [one for one in found if one["fields"]] + [
            {"asset": asset_of(asset), "owner": self.owner(asset_of(asset)), "by": "detector",
             "fields": [field_of(asset)], "what": what} for asset, what in proposed]

    # --- what is asked of a name ----------------------------------------------------------------

    def label(self, name: str) -> dict[str, Any]:
        """Of a field; of an asset without one, of all its fields together."""
        fields = self._assets.get(asset_of(name), {}).get("fields", {})
        path = field_of(name)
        while path:
            if path in fields:
                found: dict[str, Any] = fields[path]
                return found
            path = path.rpartition(".")[0]
        if field_of(name):
            return {"category": "", "annotations": [], "operational": ""}
        return {"category": "mixed" if fields else "", "operational": "",
                "annotations": sorted({one for label in fields.values() for one in label["annotations"]})}

    def governed(self, name: str) -> bool:
        return kind_of(name) not in ACTIVITY_KINDS and self._governs(self.label(name)["annotations"])

    def part(self, name: str) -> Part:
        return Part(asset_of(name), self.governed(name))

    def owner(self, name: str) -> str:
        """Whom to ask: of an activity the job's or the manifest's, else on whose behalf it acted."""
        if kind_of(name) in ACTIVITY_KINDS:
            told = self._deployed.owners.get(name) or ", ".join(self._acting.get(name, {}).get("principals", ()))
        else:
            told = self._assets.get(asset_of(name), {}).get("owner", "")
        return told or "nobody named"

    def purposes(self, activity: str) -> list[str]:
        """As seen, else as declared; [""] where nobody stated one."""
        seen = self._acting.get(activity, {}).get("purposes") or []
        return list(seen) or [self._deployed.purposes.get(activity, "")]

    def use(self, activity: str) -> Refusal | None:
        """The refusal of a use of what the requirement governs by this activity.

        None where data of some origin may be used so: the warehouse withholds the rows of the others."""
        return next((refusal for purpose in self.purposes(activity) if not self.requirement.permits(purpose)
                     for refusal in self._rules.use(self.requirement.governs, purpose)), None)

    def flow(self, sink: str) -> Refusal | None:
        """The refusal of a flow of governed data into a field."""
        return next(iter(self._rules.flow(self.requirement.governs, self.label(sink)["annotations"])), None)

    # --- flows ----------------------------------------------------------------------------------

    @cached_property
    def edges(self) -> dict[str, list[dict[str, Any]]]:
        """By the name that they leave; of several states of one edge, what was seen before what was only declared."""
        return {node: self._leaving(node) for node in sorted(self.graph.nx.nodes)}

    def _leaving(self, node: str) -> list[dict[str, Any]]:
        best: dict[str, dict[str, Any]] = {}
        for edge in sorted(self.graph.out(node, ANY), key=lambda one: (one["to"], _ORDER[one["state"]])):
            if self._followed(edge):
                best.setdefault(edge["to"], edge)
        return list(best.values())

    def _followed(self, edge: dict[str, Any]) -> bool:
        target = edge["to"]
        if edge["state"] != "blocked" and self._remedied(edge):
            return False  # a review took the annotation off
        if kind_of(target) in ACTIVITY_KINDS or self.governed(target):
            return True
        if edge["state"] == "declared" and not self._registered(target):
            return False  # what it will carry is said when it is made: a checkpoint has the join of its inputs
        if not self.label(target)["operational"]:
            return True
        return edge["state"] != "declared" and not _JUDGED.isdisjoint(edge["evidence"])

    def _registered(self, name: str) -> bool:
        """Somebody gave a field of the asset a label."""
        fields = self._assets.get(asset_of(name), {}).get("fields", {})
        return any(label["category"] or label["operational"] for label in fields.values())

    def _governs(self, annotations: Iterable[str]) -> bool:
        return not self.requirement.governs.isdisjoint(annotations)


def acts(edge: Mapping[str, Any]) -> list[str]:
    """The activities that move the data of an edge, or use it."""
    ends = [edge["to"]] if kind_of(edge["to"]) in ACTIVITY_KINDS else []
    return ends or sorted(name for name in edge["via"] if kind_of(name) in ACTIVITY_KINDS)
