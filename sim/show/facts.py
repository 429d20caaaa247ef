"""What a run says of each asset beside its edges: zones, labels, findings, refusals; looked up by drawn node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from lineage.names import asset_of

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Facts:
    """Keys are asset-level names as drawn, so a served method stands for both of its messages.

    ``labels``: field → label; the asset's own annotations under the empty field.
    ``codes``: by activity, of the decisions that blocked it.  ``crossings``: (from, to) → zones.
    """

    zones: dict[str, tuple[str, ...]]
    labels: dict[str, dict[str, Mapping[str, Any]]]
    codes: dict[str, tuple[str, ...]]
    crossings: dict[tuple[str, str], tuple[str, ...]]
    findings: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, lineage: Mapping[str, Any], merged: Mapping[str, str]) -> Facts:
        """``merged``: message asset → the node that stands for it (see :class:`sim.show.hops.Folded`)."""
        def drawn(name: str) -> str:
            return merged.get(asset_of(name), asset_of(name))

        zones: dict[str, set[str]] = {}
        crossings: dict[tuple[str, str], set[str]] = {}
        for zone in lineage.get("zones", ()):
            for member in zone.get("members", ()):
                zones.setdefault(drawn(member), set()).add(zone["name"])
            for crossing in zone.get("crossings", ()):
                crossings.setdefault((drawn(crossing["from"]), drawn(crossing["to"])), set()).add(zone["name"])
        codes: dict[str, set[str]] = {}
        for decision in lineage.get("decisions", ()):
            if decision["verdict"] == "blocked" and decision.get("code"):
                codes.setdefault(drawn(decision["activity"]), set()).add(decision["code"])
        findings: dict[str, set[str]] = {}
        for finding in lineage.get("findings", ()):
            findings.setdefault(drawn(finding["asset"]), set()).add(f"{finding['code']} {finding['what']}")
        return cls(_sorted(zones), _labels(lineage, merged), _sorted(codes), _sorted(crossings), _sorted(findings))

    def fields(self, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """One line per field with its label, and all annotations of the node."""
        lines, annotations = [], set()
        for field, label in sorted(self.labels.get(name, {}).items()):
            own = [str(annotation) for annotation in label.get("annotations", ())]
            annotations.update(own)
            if field:
                said = label.get("category") or label.get("operational") or "no label"
                lines.append(f"{field}: {', '.join([said, *own])}")
        return tuple(lines), tuple(sorted(annotations))


def _sorted(found: Mapping[K, set[str]]) -> dict[K, tuple[str, ...]]:
    return {key: tuple(sorted(values)) for key, values in found.items()}


def _labels(lineage: Mapping[str, Any], merged: Mapping[str, str]) -> dict[str, dict[str, Mapping[str, Any]]]:
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for asset in lineage.get("assets", ()):
        name = asset["name"]
        here = found.setdefault(merged.get(name, name), {})
        own = here.get("", {}).get("annotations", [])
        here[""] = {"annotations": sorted({*own, *asset.get("annotations", ())})}
        part = f"{name.rpartition('.')[2]}." if name in merged else ""
        here.update({part + field: label for field, label in asset.get("fields", {}).items()})
    return found
