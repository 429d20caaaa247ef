"""The plan: violations with owner, path and rule; the cheapest remedies, each with a reason; several requirements."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce.manager import costs as plan_costs
from lineage.enforce.manager.candidates import Decided
from lineage.enforce.manager.costs import Costs
from lineage.enforce.manager.plan import Plan, plan
from lineage.enforce.manager.seen import PlanRun
from lineage.errors import InputError
from tests.enforce.made_lineage import LABELLED, edge, lineage, requirement

SESSIONS, COPY, MORE = "warehouse:core.sessions#said", "warehouse:core.copy#said", "warehouse:core.more#said"
ADS, EVAL, JOB = "training:ads", "training:eval", "job:copy"
PURPOSES = {ADS: "ads", EVAL: "assistance", JOB: "assistance"}


def planned(edges: list[dict[str, Any]], costs: Costs | None = None, governed: set[str] | None = None,
            decided: Decided | None = None) -> Plan:
    found = lineage(edges, governed or {"web:ask#said", SESSIONS}, PURPOSES)
    return plan([PlanRun(found, requirement())], decided or Decided(), costs or Costs())


ENTERS = edge("web:ask#said", SESSIONS, count=6)


def keys(found: Plan) -> set[str]:
    return set(found.solution.chosen)


def test_a_use_that_is_not_permitted_can_only_be_blocked() -> None:
    found = planned([ENTERS, edge(SESSIONS, ADS, count=6, evidence="usage"),
                     edge(SESSIONS, EVAL, count=6, evidence="usage")])
    assert keys(found) == {f"block {ADS}"} and (found.solution.cost, found.solution.gap) == (6, 0.0)
    told = found.to_dict()["requirements"][0]["violations"]
    assert [(one["sink"], one["code"], one["owner"]) for one in told] == [(ADS, "PAI301", "somebody")]
    assert [one["from"] for one in told[0]["path"]] == ["web:ask#said", SESSIONS]
    assert "glasses@1 (owner privacy-glasses)" in told[0]["rule"] and told[0]["remedies"] == [f"block {ADS}"]


def test_a_use_of_which_only_some_rows_are_withheld_is_no_violation() -> None:
    """By a rule on the origin: EU data not for ads, which is the warehouse's to see to."""
    found = lineage([ENTERS, edge(SESSIONS, ADS, count=6, evidence="usage")], {"web:ask#said", SESSIONS}, PURPOSES)
    for origin, refused in (("EU", []), ("*", [ADS])):
        rule = replace(requirement(), purposes=frozenset({"assistance", "ads"}),
                       purposes_by_origin={origin: frozenset({"assistance"})})
        made = plan([PlanRun(found, rule)], Decided(), Costs())
        assert [one["sink"] for one in made.to_dict()["requirements"][0]["violations"]] == refused


def test_an_unannotated_sink_is_annotated_where_nothing_follows_from_it() -> None:
    found = planned([ENTERS, edge(SESSIONS, COPY, JOB), edge(SESSIONS, JOB, evidence="usage")],
                    Costs(annotate=2, block=5))
    assert keys(found) == {"annotate warehouse:core.copy"}
    violation = found.to_dict()["requirements"][0]["violations"][0]
    assert (violation["sink"], violation["code"]) == ("warehouse:core.copy", "PAI302")
    assert violation["owner"] == "owner of warehouse:core.copy"


def test_annotating_costs_what_follows_from_it() -> None:
    """Annotated, the copy would have to be kept from the ads too: the job is cheaper to block."""
    edges = [ENTERS, edge(SESSIONS, COPY, JOB), edge(SESSIONS, JOB, evidence="usage"),
             edge(COPY, ADS, count=9, evidence="usage")]
    assert keys(planned(edges, Costs(annotate=2, block=1))) == {f"block {JOB}"}
    dear = Costs(annotate=2, at={JOB: {"block": 100}})
    assert keys(planned(edges, dear)) == {"annotate warehouse:core.copy", f"block {ADS}"}
    reviewed = Costs(annotate=50, reclassify=3, at={JOB: {"block": 100}})
    assert keys(planned(edges, reviewed)) == {f"reclassify {JOB} → warehouse:core.copy"}


def test_what_only_copies_cannot_be_reclassified() -> None:
    costs = Costs(annotate=50, block=10, reclassify=1)
    copied = planned([ENTERS, edge(SESSIONS, "web:log#said", evidence="EXACT_MATCH")], costs)
    assert keys(copied) == {"block warehouse:core.sessions → web:log"}
    made = planned([ENTERS, edge(SESSIONS, "web:log#said", evidence="sources")], costs)
    assert keys(made) == {"reclassify warehouse:core.sessions → web:log"}


def test_an_operational_field_is_a_sink_only_where_code_or_sql_names_it() -> None:
    """As the guard judges it: what is merely found again in a count is none."""
    for evidence, violations in (("sources", 1), ("sql", 1), ("CONTAINS", 0)):
        edges = [ENTERS, edge(SESSIONS, COPY, evidence=evidence)]
        found = plan([PlanRun(lineage(edges, {"web:ask#said", SESSIONS}, operational=frozenset({COPY})),
                              requirement())])
        assert found.violations == violations


def test_candidates_are_not_planned_for_until_they_are_included() -> None:
    edges = [ENTERS, edge(SESSIONS, COPY, confidence="LOW")]
    assert planned(edges).undecided == ["warehouse:core.copy"] and planned(edges).violations == 0
    included = planned(edges, decided=Decided(include=frozenset({"warehouse:core.copy"})))
    assert included.undecided == [] and included.violations == 1
    excluded = planned(edges, decided=Decided(exclude=frozenset({"warehouse:core.copy"})))
    assert excluded.undecided == [] and excluded.violations == 0


def test_an_agreed_denial_is_not_open() -> None:
    edges = [ENTERS, edge(SESSIONS, ADS, evidence="usage")]
    assert [one.sink for one in planned(edges).open] == [ADS]
    assert planned(edges, decided=Decided(block=frozenset({ADS}))).open == []


def test_nothing_governed_is_no_plan() -> None:
    with pytest.raises(InputError) as caught:
        plan([PlanRun(lineage([ENTERS], set()), requirement())])
    assert caught.value.code == "PAI323"


def test_a_name_that_the_run_does_not_have() -> None:
    with pytest.raises(InputError) as caught:
        planned([ENTERS], decided=Decided(include=frozenset({"warehouse:core.none"})))
    assert caught.value.code == "PAI001"


def test_several_requirements_share_a_block() -> None:
    """Blocking the job once is enough for both; annotating would have to be done for each."""
    edges = [ENTERS, edge(SESSIONS, COPY, JOB, count=3), edge(SESSIONS, JOB, count=3, evidence="usage"),
             edge(COPY, ADS, count=2, evidence="usage")]
    found = lineage(edges, {"web:ask#said", SESSIONS}, PURPOSES)
    for asset in found["assets"]:
        for label in asset["fields"].values():
            label["annotations"] += ["WEARER"] if label["annotations"] else []
    both = plan([PlanRun(found, requirement()), PlanRun(found, requirement("wearer", "WEARER"))])
    assert set(both.solution.chosen) == {f"block {JOB}"} and both.solution.cost == 3
    assert both.solution.bound <= 3 and both.violations == 2


TABLES = [f"warehouse:t.{letter}#x" for letter in "abcd"]
ACTS = [("job:one", "assistance"), ("job:two", "assistance"), ("training:ads", "ads")]


@st.composite
def runs(draw: st.DrawFn) -> PlanRun:
    ends = st.tuples(st.sampled_from(["web:ask#x", *TABLES]), st.sampled_from(TABLES)).filter(
        lambda two: two[0] != two[1])
    via = st.sampled_from(["", *(name for name, _ in ACTS[:2])])
    moved = [edge("web:ask#x", TABLES[0])]
    for _ in range(draw(st.integers(1, 6))):
        moved.append(edge(*draw(ends), *filter(None, [draw(via)]), count=draw(st.integers(1, 4))))
    used = [edge(name, "training:ads", evidence="usage") for name in draw(st.sets(st.sampled_from(TABLES), max_size=2))]
    governed = draw(st.sets(st.sampled_from(TABLES), max_size=2)) | {"web:ask#x"}
    return PlanRun(lineage([*moved, *used], governed, dict(ACTS)), requirement())


@given(runs())
def test_every_remedy_is_needed_and_all_together_are_enough(run: PlanRun) -> None:
    found = plan([run])
    problem = found.requirements[0].model.problem
    assert problem.way(found.solution.chosen) is None and found.solution.gap == 0.0
    for remedy in found.remedies:
        name, way = found.why(remedy)
        assert name == "glasses@1" and len(way) >= 2
        assert problem.way(found.solution.chosen - {remedy.key}) is not None
    # Each violation has a remedy, or one that stands further up takes its source away.
    assert bool(found.solution.chosen) == bool(found.violations)


@pytest.mark.parametrize(("content", "line", "what"), [
    ("annotate: 0\n", 1, "whole number"), ("annotate: 1\nblok: 2\n", 2, "unknown key"), ("[]\n", 1, "a mapping"),
    ("at: [1]\n", 1, "a mapping"), ("at:\n  job:x: 3\n", 2, "a mapping"), ("at:\n  job:x: {block: true}\n", 2, "whole"),
    ("{", 0, "cannot be read")])
def test_malformed_costs(tmp_path: Path, content: str, line: int, what: str) -> None:
    file = tmp_path / "costs.yaml"
    file.write_text(content)
    with pytest.raises(InputError, match=what) as caught:
        plan_costs.load(file)
    assert caught.value.code == "PAI024" and (not line or caught.value.where.endswith(f":{line}"))


def test_costs_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "costs.yaml"
    file.write_text("block: 3\nat: {training:ads: {block: 7}}\n")
    found = plan_costs.load(file)
    assert (found.annotate, found.of("block", "training:ads", 60), found.of("block", "job:x", 2)) == (2, 7, 6)
    assert LABELLED and found.to_dict()["at"] == {"training:ads": {"block": 7}}
