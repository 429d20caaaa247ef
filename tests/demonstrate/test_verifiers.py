"""The verifiers: each reports what it is for, and is quiet otherwise."""

from __future__ import annotations

from collections import Counter
from typing import Any

from lineage.demonstrate import verifiers
from lineage.discover.labels import Labels
from lineage.discover.lineage import Lineage
from lineage.model import Edge


def lineage(**changes: Any) -> Lineage:
    fields: dict[str, Any] = {
        "labels": Labels({}), "owners": {}, "edges": [], "decisions": [], "findings": [], "activities": {},
        "declared": {}, "reported": Counter(), "holes": []}
    return Lineage(**{**fields, **changes})


def test_a_job_that_moved_data_and_is_not_declared_is_reported() -> None:
    edges = [Edge("warehouse:a#x", "job:new", "observed"), Edge("warehouse:a#x", "job:known", "observed"),
             Edge("warehouse:a#x", "job:refused", "blocked")]
    found = list(verifiers.undeclared(lineage(
        edges=edges, declared={"job:known": "assistance"},
        activities={"job:new": {"assistance"}, "job:known": {"assistance"}, "job:refused": {"ads"}})))
    assert [(one.code, one.asset) for one in found] == [("PAI402", "job:new")]


def test_one_silent_side_of_a_call_is_reported() -> None:
    reported = Counter({("call", "rpc:logger.Append"): 5, ("read", "rpc:logger.Append.request"): 3,
                        ("call", "rpc:inference.Generate"): 5, ("read", "rpc:inference.Generate.request"): 5,
                        ("read", "rpc:training.Train.request"): 2, ("read", "rpc:policy.Admit.request"): 1})
    found = {one.asset: (one.code, one.count) for one in verifiers.silent(lineage(reported=reported))}
    assert found == {"rpc:logger.Append": ("PAI202", 2), "rpc:policy.Admit": ("PAI202", 1)}


def test_a_hole_is_reported_with_its_range() -> None:
    (found,) = verifiers.holes(lineage(holes=[("web", 10, 14)]))
    assert (found.code, found.count) == ("PAI203", 5)
    assert "10 to 14 of web" in found.what


def test_a_sound_lineage_has_no_findings() -> None:
    assert verifiers.verify(lineage()) == []


def test_a_message_that_carried_one_schema_had_no_data_of_another() -> None:
    def edges(schema: str, state: str) -> list[Edge]:
        return [Edge(f"rpc:logger.Append.request#{schema}.x", f"logger:{schema}#x", state)]  # type: ignore[arg-type]

    declared = [*edges("questions", "declared"), *edges("profiles", "declared")]
    assert list(verifiers.drift(lineage(edges=[*declared, *edges("questions", "observed")]))) == []
    came = Edge("web:log#x", "rpc:logger.Append.request#profiles.x", "observed")
    (found,) = verifiers.drift(lineage(edges=[*declared, *edges("questions", "observed"), came]))
    assert (found.code, found.asset) == ("PAI403", "logger:profiles")


def test_what_inference_holds_of_an_answer_is_on_the_way_and_no_other_place_is() -> None:
    ends = ("rpc:inference.Generate.request#prompt", "rpc:inference.Generate.response#answer")
    for between, found in (("inference:draft#answer", 0), ("warehouse:core.sessions#answer", 1)):
        edges = [Edge(*ends, "declared"), Edge(ends[0], between, "observed"), Edge(between, ends[1], "observed")]
        assert len(list(verifiers.drift(lineage(edges=edges)))) == found
