"""Evidence that a zone holds: from the edges, the decisions and the findings of a run.

- *broken*: governed data was observed at a use or a sink that the requirement does not allow.
- *unknown*: nothing was judged, nothing entered, a part of the zone is unlabelled, or an
  instrumentation gap may hide a crossing.
- *holds*: neither, and at least one decision was made about the zone's data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lineage.codes import ANYWHERE, GAPS
from lineage.enforce.manager.placement import Zone
from lineage.names import asset_of


@dataclass(frozen=True)
class Evidence:
    zone: str
    requirement: str
    verdict: Literal["holds", "broken", "unknown"]
    because: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"zone": self.zone, "requirement": self.requirement, "verdict": self.verdict,
                "because": list(self.because)}


def evidence(zone: Zone, decisions: Sequence[dict[str, Any]], findings: Sequence[dict[str, Any]]) -> Evidence:
    """``decisions`` and ``findings`` as in ``lineage.json``."""
    observed = [edge for edge in zone.crossings if edge["state"] == "observed"]
    if observed:
        return Evidence(zone.name, zone.requirement.id, "broken", tuple(
            f"{edge['from']} reached {edge['to']} ({edge['count']} times)" for edge in observed))
    doubts = _doubts(zone, set(zone.members), decisions, findings)
    if doubts:
        return Evidence(zone.name, zone.requirement.id, "unknown", tuple(doubts))
    judged = _judged(set(zone.members), decisions)
    blocked = sum(decision["verdict"] == "blocked" for decision in judged)
    return Evidence(zone.name, zone.requirement.id, "holds", (
        f"{len(zone.members)} assets, no crossing observed",
        f"{len(judged)} decisions on the zone's data: {len(judged) - blocked} allowed, {blocked} blocked",
        f"judged by {zone.requirement.id} in {zone.requirement.mode} mode"))


def worst(found: Iterable[dict[str, Any]]) -> str:
    """Of all requirements' evidence on one zone: broken > unknown > holds."""
    verdicts = {one["verdict"] for one in found}
    return "broken" if "broken" in verdicts else "holds" if verdicts == {"holds"} else "unknown"


def _doubts(zone: Zone, members: Collection[str], decisions: Sequence[dict[str, Any]],
            findings: Sequence[dict[str, Any]]) -> list[str]:
    doubts = []
    if not members:
        doubts.append("nothing that the requirement governs was seen")
    elif not _judged(members, decisions):
        doubts.append("no decision was made about the zone's data")
    doubts += [f"{name} is in the zone and has no label" for name in zone.unlabelled]
    doubts += [f"{finding['code']} at {finding['asset']}: {finding['what']}" for finding in findings
               if finding["code"] in GAPS and _touches(finding, members)]
    return doubts


def _touches(finding: dict[str, Any], members: Collection[str]) -> bool:
    place = finding["asset"]
    return finding["code"] in ANYWHERE or any(name == place or name.startswith(f"{place}.") for name in members)


def _judged(members: Collection[str], decisions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [decision for decision in decisions if any(asset_of(name) in members for name in decision["inputs"])]
