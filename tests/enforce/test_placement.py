"""Placement and evidence: where governed data went, and whether that can be said to hold."""

from __future__ import annotations

from typing import Any

import pytest

from lineage.demonstrate.evidence import evidence
from lineage.discover.graph import Graph
from lineage.enforce.manager.placement import Zone, place
from lineage.enforce.requirement import Requirement

REQUIREMENT = Requirement("glasses", 3, "owner", "zone", "enforcement", frozenset({"G"}), frozenset({"assistance"}))
PERSONAL: dict[str, Any] = {"category": "user.utterance", "annotations": ["G"], "operational": ""}
BARE: dict[str, Any] = {"category": "user.utterance", "annotations": [], "operational": ""}
OPERATIONAL: dict[str, Any] = {"category": "", "annotations": [], "operational": "count"}
NOTHING: dict[str, Any] = {"category": "", "annotations": [], "operational": ""}


def edge(source: str, target: str, state: str = "observed", *via: str) -> dict[str, Any]:
    return {"from": source, "to": target, "state": state, "families": [], "count": 2, "confidence": "HIGH",
            "via": list(via), "evidence": []}


def zone(*edges: dict[str, Any], activities: dict[str, set[str]] | None = None, **labels: dict[str, Any]) -> Zone:
    """Fields are named by their label: ``web:ask#x`` is personal unless it is given another."""
    fields: dict[str, dict[str, Any]] = {}
    for one in edges:
        for end in (one["from"], one["to"]):
            asset, _, field = end.partition("#")
            if field:
                fields.setdefault(asset, {})[field] = labels.get(field, PERSONAL)
    assets = [{"name": name, "fields": known} for name, known in fields.items()]
    graph = Graph({"assets": assets, "edges": list(edges), "findings": []})
    return place(REQUIREMENT, graph, activities or {})


def test_a_zone_is_all_that_the_glasses_input_can_have_reached() -> None:
    placed = zone(edge("web:ask#a", "logger:l#a"), edge("logger:l#a", "warehouse:t#a", "declared"),
                  edge("warehouse:other#a", "warehouse:u#a"))
    assert placed.members == ("logger:l", "warehouse:t", "web:ask")
    assert placed.crossings == ()


def test_a_use_for_a_purpose_that_is_not_permitted_is_a_crossing() -> None:
    placed = zone(edge("web:ask#a", "training:ok"), edge("web:ask#a", "training:ads"),
                  activities={"training:ok": {"assistance"}, "training:ads": {"ads_ranking"}})
    assert [one["to"] for one in placed.crossings] == ["training:ads"]
    assert "training:ads" not in placed.members


def test_a_sink_without_the_annotation_is_a_crossing_and_hides_what_is_behind_it() -> None:
    placed = zone(edge("web:ask#a", "logger:l#bare"), edge("logger:l#bare", "warehouse:t#a"), bare=BARE)
    assert [one["to"] for one in placed.crossings] == ["logger:l#bare"]
    assert placed.members == ("web:ask",)


def test_an_operational_field_that_carries_the_annotation_is_inside() -> None:
    placed = zone(edge("web:ask#a", "warehouse:t#n"), n={**OPERATIONAL, "annotations": ["G"]})
    assert placed.members == ("warehouse:t", "web:ask") and placed.crossings == ()


def test_an_operational_sink_is_none() -> None:
    placed = zone(edge("web:ask#a", "logger:l#n"), n=OPERATIONAL)
    assert (placed.crossings, placed.members) == ((), ("web:ask",))


def test_what_was_declared_and_refused_is_outside() -> None:
    placed = zone(edge("web:ask#a", "training:ads", "blocked"), edge("web:ask#a", "training:ads", "declared"),
                  edge("web:ask#a", "checkpoint:ads", "declared", "training:ads"))
    assert placed.members == ("web:ask",)
    assert [one["state"] for one in placed.crossings] == ["blocked"]


def test_a_loop_ends() -> None:
    assert zone(edge("web:ask#a", "web:b#a"), edge("web:b#a", "web:ask#a")).members == ("web:ask", "web:b")


ALLOWED = {"verdict": "allowed", "inputs": ["web:ask#a"]}
BLOCKED = {"verdict": "blocked", "inputs": ["web:ask#a"]}


def verdict(placed: Zone, decisions: list[dict[str, Any]], *findings: tuple[str, str]) -> str:
    return evidence(placed, decisions, [{"code": code, "asset": asset, "what": ""} for code, asset in findings]).verdict


def test_it_holds_when_something_was_judged_and_nothing_crossed() -> None:
    placed = zone(edge("web:ask#a", "logger:l#a"), edge("web:ask#a", "training:ads", "blocked"))
    assert verdict(placed, [BLOCKED]) == "holds"


def test_an_observed_crossing_breaks_it_whatever_was_decided() -> None:
    placed = zone(edge("web:ask#a", "logger:l#bare"), bare=BARE)
    got = evidence(placed, [ALLOWED], [])
    assert (got.verdict, got.because) == ("broken", ("web:ask#a reached logger:l#bare (2 times)",))


@pytest.mark.parametrize(("decisions", "findings"), [
    ([], ()), ([{"verdict": "blocked", "inputs": ["warehouse:elsewhere#x"]}], ()),
    ([BLOCKED], (("PAI201", "logger:l"),)), ([BLOCKED], (("PAI203", "rpc:web"),))])
def test_what_was_not_seen_or_not_judged_is_unknown(decisions: list[dict[str, Any]],
                                                    findings: tuple[tuple[str, str], ...]) -> None:
    assert verdict(zone(edge("web:ask#a", "logger:l#a")), decisions, *findings) == "unknown"


def test_a_gap_elsewhere_is_no_doubt_about_this_zone() -> None:
    assert verdict(zone(edge("web:ask#a", "logger:l#a")), [BLOCKED], ("PAI201", "rpc:other.X")) == "holds"


def test_a_zone_where_nothing_entered_is_unknown() -> None:
    assert verdict(zone(edge("warehouse:t#a", "warehouse:u#a")), [BLOCKED]) == "unknown"
