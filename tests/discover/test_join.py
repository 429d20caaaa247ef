"""The join of signals to edges, and the questions asked of the graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from lineage.discover.graph import Graph
from lineage.discover.involved import involved
from lineage.discover.join import Join
from lineage.discover.labels import Labels
from lineage.errors import InputError
from lineage.model import Edge, Label, Signal

K1, K2 = "1" * 32, "2" * 32
LABELS = Labels({
    "web:ask": {"utterance": Label("user.utterance", ("G",)), "photo": Label("user.scene_image", ("G",)),
                "region": Label(operational="region")},
    "rpc:x.Y.request": {"prompt": Label("user.utterance", ("G",)), "image": Label("user.scene_image", ("G",))},
    "rpc:x.Y.response": {"text": Label("user.answer", ("G",)), "id": Label(operational="identifier")},
    "warehouse:core.a": {"said": Label("user.utterance", ("G",)), "ds": Label(operational="date")},
    "warehouse:core.b": {"said": Label("user.utterance", ("G",)), "n": Label(operational="count")}})
SCHEMA = {"core.a": {"said": "TEXT", "ds": "TEXT"}, "core.b": {"said": "TEXT", "n": "INTEGER"}}


def signal(op: str, asset: str, **fields: Any) -> Signal:
    return Signal("web", 0, op, asset, **{"scope": "web-1", "keys": (K1,), **fields})  # type: ignore[arg-type]


def edges(signals: Iterable[Signal]) -> dict[tuple[str, str, str], Edge]:
    join = Join(LABELS, SCHEMA)
    for one in signals:
        join.feed(one)
    return dict(join.edges)


def test_written_out_sources_are_the_only_sources() -> None:
    found = edges([signal("read", "web:ask", fields=("utterance", "photo")),
                   signal("write", "logger:l", links=(("u", ("web:ask#utterance",)),), linked=True)])
    assert list(found) == [("web:ask#utterance", "logger:l#u", "observed")]
    assert found["web:ask#utterance", "logger:l#u", "observed"].confidence == "HIGH"


def test_without_sources_a_write_derives_from_all_its_scope_has_read() -> None:
    found = edges([signal("read", "web:ask", fields=("utterance", "photo", "region")),
                   signal("write", "logger:l", fields=("u",)),
                   signal("write", "logger:m", fields=("u",), scope="web-2")])
    assert {(source, target) for source, target, _ in found} == {
        ("web:ask#utterance", "logger:l#u"), ("web:ask#photo", "logger:l#u")}
    assert {edge.confidence for edge in found.values()} == {"LOW"}


def test_a_call_writes_the_request_and_reads_the_response() -> None:
    found = edges([
        signal("read", "web:ask", fields=("utterance",)),
        signal("call", "rpc:x.Y", fields=("request.prompt", "request.image", "response.text", "response.id"),
               links=(("prompt", ("web:ask#utterance",)),), linked=True),
        signal("write", "response:ask", fields=("answer",))])
    assert ("web:ask#utterance", "rpc:x.Y.request#prompt", "observed") in found
    assert ("rpc:x.Y.response#text", "response:ask#answer", "observed") in found
    assert ("rpc:x.Y.response#id", "response:ask#answer", "observed") not in found


def test_count_is_of_distinct_keys_and_a_batch_keeps_one_a_row() -> None:
    write = {"links": (("u", ("web:ask#utterance",)),), "linked": True}
    found = edges([signal("write", "logger:l", keys=(K1, K2), **write), signal("write", "logger:l", **write)])
    assert len(found["web:ask#utterance", "logger:l#u", "observed"].keys) == 2


def test_a_statement_is_resolved_to_columns() -> None:
    sql = "INSERT INTO core.b (said, n) SELECT said, length(ds) FROM core.a"
    found = edges([
        signal("read", "warehouse:core.a", fields=("said", "ds"), activity="job:j"),
        signal("write", "warehouse:core.b", fields=("said", "n"), activity="job:j",
               detail={"statement": sql, "reads": {"core.a": ["said", "ds"]}, "writes": {"core.b": ["said", "n"]}})])
    assert ("warehouse:core.a#said", "warehouse:core.b#said", "observed") in found
    assert ("warehouse:core.a#said", "warehouse:core.b#n", "observed") not in found
    assert found["warehouse:core.a#said", "warehouse:core.b#said", "observed"].via == {"job:j"}
    assert ("warehouse:core.a#said", "job:j", "observed") in found


def test_a_statement_that_cannot_be_resolved_stays_low() -> None:
    found = edges([signal("read", "warehouse:core.a", fields=("said",)),
                   signal("write", "warehouse:core.b", fields=("said",), detail={"statement": "not sql at all ("})])
    assert found["warehouse:core.a#said", "warehouse:core.b#said", "observed"].confidence == "LOW"


def test_a_read_that_writes_nothing_is_usage() -> None:
    found = edges([signal("read", "warehouse:core.a", fields=("said", "ds"), activity="query:q")])
    assert list(found) == [("warehouse:core.a#said", "query:q", "observed"),
                           ("warehouse:core.a#ds", "query:q", "observed")]


def test_a_refusal_is_a_blocked_edge_and_never_observed() -> None:
    found = edges([signal("decision", "training:t", detail={
        "verdict": "blocked", "code": "PAI301", "activity": "training:t", "inputs": ["warehouse:core.a#said"]})])
    assert list(found) == [("warehouse:core.a#said", "training:t", "blocked")]


def test_a_probe_match_raises_an_edge_and_adds_family_a() -> None:
    found = edges([
        signal("read", "web:ask", fields=("utterance",), family="A"), signal("write", "logger:l", fields=("u",)),
        signal("probe", "logger:l", detail={"pairs": [
            ["web:ask#utterance", "logger:l#u", "CONTAINS", "HIGH"],
            ["web:ask#photo", "logger:l#u", "NO_MATCH", "LOW"]]})])
    edge = found["web:ask#utterance", "logger:l#u", "observed"]
    assert (edge.confidence, edge.families) == ("HIGH", {"A"})
    assert ("web:ask#photo", "logger:l#u", "observed") not in found


def test_a_failed_write_moved_nothing() -> None:
    assert not edges([signal("read", "web:ask", fields=("photo",)),
                      signal("write", "logger:l", fields=("u",), detail={"error": "OSError"})])


def row(source: str, target: str, state: str = "observed", via: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"from": source, "to": target, "state": state, "families": ["B"], "count": 1, "confidence": "HIGH",
            "via": list(via), "evidence": []}


def lineage(*edges: dict[str, Any], findings: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    return {"assets": [], "edges": list(edges),
            "findings": [{"code": code, "asset": asset, "what": "", "next": "", "count": 1}
                         for code, asset in findings]}


FLOW = (row("web:ask#u", "warehouse:a#u"), row("warehouse:a#u", "training:yes"),
        row("warehouse:a#u", "training:no", "blocked"), row("warehouse:a#u", "training:no", "declared"),
        row("warehouse:a#u", "training:later", "declared"), row("warehouse:a#n", "warehouse:b#n"))


@pytest.mark.parametrize(("asset", "system", "answer"), [
    ("web:ask#u", "training:yes", "yes"), ("web:ask", "warehouse", "yes"), ("web:ask#u", "training:no", "no"),
    ("web:ask#u", "warehouse:b", "no"), ("web:ask#u", "training:later", "unknown")])
def test_involved(asset: str, system: str, answer: str) -> None:
    got = involved(Graph(lineage(*FLOW)), asset, system)
    assert got.answer == answer
    assert bool(got.path) == (answer == "yes")


def test_a_gap_on_the_way_makes_no_unknown() -> None:
    graph = Graph(lineage(*FLOW, findings=(("PAI201", "warehouse:a"),)))
    got = involved(graph, "web:ask#u", "warehouse:b")
    assert (got.answer, got.silent) == ("unknown", ["warehouse:a"])
    elsewhere = Graph(lineage(*FLOW, findings=(("PAI201", "warehouse:b"),)))
    assert involved(elsewhere, "web:ask#u", "training:no").answer == "no"


def test_an_unknown_name_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(InputError, match="did you mean 'training:yes'"):
        involved(Graph(lineage(*FLOW)), "web:ask#u", "training:yess")


def test_a_name_without_its_version_stands_for_every_version() -> None:
    graph = Graph(lineage(row("warehouse:a#u", "checkpoint:m#weights@2")))
    assert graph.resolve("checkpoint:m") == ["checkpoint:m#weights@2"]
    assert graph.resolve("checkpoint:m@2") == ["checkpoint:m#weights@2"]
    with pytest.raises(InputError):
        graph.resolve("checkpoint:m@3")


def test_a_shortest_path_is_found_through_a_loop() -> None:
    graph = Graph(lineage(row("web:a", "web:b"), row("web:b", "web:a"), row("web:b", "web:c")))
    path = graph.path("web:a", "web:c")
    assert path is not None
    assert [edge["to"] for edge in path] == ["web:b", "web:c"]
    back = graph.path("web:a", "web:a")
    assert back is not None
    assert [edge["to"] for edge in back] == ["web:b", "web:a"]
