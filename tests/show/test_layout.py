"""The drawable model: folding, collapsing, activities between, declared merged, columns, zones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.errors import InputError
from lineage.names import asset_of
from sim.show import columns
from sim.show.drawing import Drawing, Link
from sim.show.layout import drawing
from tests.show.sample_run import edge


def link(drawn: Drawing, source: str, target: str, state: str = "observed") -> Link:
    found = [li for li in drawn.links if (li.source, li.target, li.state) == (source, target, state)]
    assert len(found) == 1, f"{source} → {target} {state}: {len(found)} links"
    return found[0]


def test_fields_are_collapsed_and_hops_folded(lineage: dict[str, Any]) -> None:
    drawn = drawing(lineage)
    append = link(drawn, "web:ask", "logger:glasses_session")
    assert append.through == ("logger.Append",)
    assert append.fields == ("location → location", "utterance → utterance", "wearer → wearer")
    assert append.count == 60
    assert not [n for n in drawn.nodes if n.role == "hop"]
    assert all("#" not in node.name for node in drawn.nodes)


def test_a_method_that_makes_personal_data_is_a_node(lineage: dict[str, Any]) -> None:
    drawn = drawing(lineage)
    served = drawn.node("rpc:inference.Generate")
    assert served.role == "model" and served.zones == ("glasses-interactions",)
    assert link(drawn, "checkpoint:assistant@2", "rpc:inference.Generate")
    assert link(drawn, "rpc:inference.Generate", "response:ask")
    assert "response.answer: user.answer, GLASSES_INTERACTION" in served.fields


def test_hops_can_be_drawn(lineage: dict[str, Any]) -> None:
    drawn = drawing(lineage, hops_drawn=True)
    assert drawn.node("rpc:logger.Append.request").role == "hop"
    assert link(drawn, "web:ask", "rpc:logger.Append.request")
    assert link(drawn, "logger:glasses_session", "warehouse:raw.glasses_session", "declared")


def test_activities_stand_between(lineage: dict[str, Any]) -> None:
    drawn = drawing(lineage)
    link(drawn, "warehouse:raw.glasses_session", "job:daily_sessions")
    link(drawn, "job:daily_sessions", "warehouse:core.sessions")
    assert not [li for li in drawn.links
                if (li.source, li.target) == ("warehouse:raw.glasses_session", "warehouse:core.sessions")]
    assert drawn.node("training:ads_ranker").role == "activity"


def test_a_declared_link_is_merged_into_what_confirms_it(lineage: dict[str, Any]) -> None:
    drawn = drawing(lineage)
    assert "declared and observed" in link(drawn, "job:daily_sessions", "warehouse:core.sessions").notes
    assert "declared and observed" in link(drawn, "logger:glasses_session", "warehouse:raw.glasses_session").notes
    assert [li.target for li in drawn.links if li.state == "declared"] == ["checkpoint:ads_ranker@1"]


def test_a_declared_edge_without_an_activity_takes_the_observed_one() -> None:
    edges = [edge("warehouse:a#x", "warehouse:b#x", via=("job:j",)), edge("warehouse:a#x", "warehouse:b#x", "declared")]
    drawn = drawing({"edges": edges})
    assert [(li.source, li.target, li.state) for li in drawn.links] == [
        ("job:j", "warehouse:b", "observed"), ("warehouse:a", "job:j", "observed")]


def test_a_declared_and_refused_use_is_one_blocked_link() -> None:
    edges = [edge("warehouse:a#x", "training:t", "declared", "D"), edge("warehouse:a#x", "training:t", "blocked", "D")]
    drawn = drawing({"edges": edges})
    assert [(li.state, li.notes) for li in drawn.links] == [("blocked", ("declared and blocked",))]


def test_a_declared_checkpoint_is_confirmed_by_its_versions() -> None:
    edges = [edge("training:t", "checkpoint:c", "declared", "D"), edge("training:t", "checkpoint:c@1", families="D"),
             edge("training:t", "checkpoint:c@2", families="D"), edge("training:u", "checkpoint:c", "declared", "D")]
    drawn = drawing({"edges": edges})
    assert [(li.source, li.target, li.state, li.notes) for li in drawn.links] == [
        ("training:t", "checkpoint:c@1", "observed", ("declared and observed",)),
        ("training:t", "checkpoint:c@2", "observed", ("declared and observed",)),
        ("training:u", "checkpoint:c", "declared", ())]


def test_a_blocked_link_carries_the_code_of_its_decision(lineage: dict[str, Any]) -> None:
    blocked = link(drawing(lineage), "warehouse:core.sessions", "training:ads_ranker", "blocked")
    assert blocked.codes == ("PAI301",) and blocked.label == "D ✕ PAI301"
    assert "crosses the edge of zone glasses-interactions" in blocked.notes


def test_folding_keeps_two_tables_apart_that_one_method_reads() -> None:
    hop = "rpc:warehouse.Read.response#core.{}.x"
    edges = [edge(f"warehouse:core.{t}#x", hop.format(t)) for t in "ab"]
    edges += [edge(hop.format("a"), "training:one"), edge(hop.format("b"), "training:two")]
    drawn = drawing({"edges": edges})
    assert [(li.source, li.target) for li in drawn.links] == [
        ("warehouse:core.a", "training:one"), ("warehouse:core.b", "training:two")]


def test_a_hop_with_one_side_stays_unless_it_is_operational(lineage: dict[str, Any]) -> None:
    lineage["edges"] = [edge("rpc:inference.Generate.request#prompt", "file:spill#x"),
                        edge("web:ask#utterance", "rpc:logger.Append.response#accepted")]
    drawn = drawing(lineage)
    assert drawn.node("rpc:inference.Generate.request").role == "hop"
    assert [n.name for n in drawn.nodes] == ["rpc:inference.Generate.request", "file:spill"]
    assert "Operational message fields that lead nowhere and are not drawn: 1" in drawn.notes


def test_columns_follow_the_flow_and_only_the_way_back_runs_back(lineage: dict[str, Any]) -> None:
    drawn = drawing(lineage)
    column = {node.name: node.column for node in drawn.nodes}
    order = ["device:glasses", "app:ask", "web:ask", "logger:glasses_session", "warehouse:raw.glasses_session",
             "job:daily_sessions", "warehouse:core.sessions", "training:assistant_eval", "checkpoint:assistant@2",
             "rpc:inference.Generate", "response:ask"]
    assert [column[name] for name in order] == list(range(11))
    assert {(li.source, li.target) for li in drawn.links if li.back} == {
        ("response:ask", "app:ask"), ("app:ask", "device:glasses")}


def test_an_asset_in_two_zones_gets_a_box_of_both(lineage: dict[str, Any]) -> None:
    lineage["zones"].append({"name": "location", "requirement": "r@1", "mode": "logging", "crossings": [],
                             "members": ["warehouse:core.sessions#location", "response:ask"]})
    boxes = {box.label: box.nodes for box in drawing(lineage).boxes}
    assert boxes["glasses-interactions + location"] == ("warehouse:core.sessions",)
    assert boxes["location"] == ("response:ask",)


def test_findings_reach_their_node(lineage: dict[str, Any]) -> None:
    assert drawing(lineage).node("job:topic_counts").findings[0].startswith("PAI402")


def test_flows_inside_an_asset_are_told_not_drawn() -> None:
    drawn = drawing({"edges": [edge("web:ask#photo", "web:ask#location")]})
    assert drawn.links == () and drawn.nodes[0].inside == ("photo → location",)


def test_neighbourhood_and_unknown_names(lineage: dict[str, Any]) -> None:
    drawn = drawing(lineage)
    near = drawn.neighbourhood("training:ads_ranker", 1)
    assert {n.name for n in near.nodes} == {"training:ads_ranker", "warehouse:core.sessions", "checkpoint:ads_ranker@1"}
    assert [box.nodes for box in near.boxes] == [("warehouse:core.sessions",)]
    with pytest.raises(InputError, match=r"PAI001.*did you mean web:ask"):
        drawn.neighbourhood("web:aks", 1)


def test_the_blocked_path_starts_at_the_glasses(lineage: dict[str, Any]) -> None:
    drawn = drawing(lineage)
    ids = drawn.blocked_path()
    assert drawn.node("device:glasses").id in ids and drawn.node("training:ads_ranker").id in ids
    assert drawn.node("response:ask").id not in ids


def test_an_empty_run_can_be_drawn() -> None:
    drawn = drawing({})
    assert drawn.nodes == () and drawn.links == () and drawn.blocked_path() == ()


NAMES = st.sampled_from(["device:g#x", "web:ask#a", "web:ask#b", "rpc:m.S.request#a", "rpc:m.S.response#a",
                         "rpc:m.T.request#a", "logger:q#a", "warehouse:t#a", "job:j", "training:t", "file:f#a"])
EDGES = st.lists(st.builds(edge, NAMES, NAMES, st.sampled_from(["observed", "declared", "blocked"]),
                           via=st.sampled_from([(), ("job:j",), ("rpc:m.S",)])), max_size=25)


@settings(deadline=None)
@given(EDGES)
def test_any_graph_has_columns_and_loses_no_stored_data(edges: list[dict[str, Any]]) -> None:
    drawn = drawing({"edges": edges})
    column = {node.name: node.column for node in drawn.nodes}
    assert all(li.back or column[li.source] < column[li.target] for li in drawn.links)
    assert min(column.values(), default=0) >= 0
    ends = {asset_of(e[side]) for e in edges for side in ("from", "to")}
    assert {name for name in ends if not name.startswith("rpc:")} <= set(column)
    assert drawn == drawing({"edges": list(reversed(edges))})


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=40))
def test_columns_without_back_links_have_no_cycle(pairs: list[tuple[int, int]]) -> None:
    named = [(f"file:f{a}", f"file:f{b}") for a, b in pairs if a != b]
    column, back = columns.assign({n for pair in named for n in pair}, named)
    assert all(pair in back or column[pair[0]] < column[pair[1]] for pair in named)
