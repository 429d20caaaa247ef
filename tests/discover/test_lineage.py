"""The derived picture: the same whatever order signals came in, and what configs declare."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.discover import declare, manifests
from lineage.discover.declare import Declared
from lineage.discover.lineage import derive, save
from lineage.discover.store import Store
from lineage.errors import InputError
from lineage.model import Op, Signal
from sim.stack.deployment import bundled


def contract(emitter: str, asset: str, field: str, category: str) -> Signal:
    return Signal(emitter, 0, "asset", asset, detail={"owner": emitter, "fields": {
        field: {"category": category, "annotations": ["G"] if category else [], "operational": ""}}})


SIGNALS = [
    contract("web", "web:ask", "u", "user.utterance"), contract("logger", "logger:l", "u", "user.utterance"),
    Signal("web", 1, "read", "web:ask", ("u",), keys=("k",), scope="web-1"),
    Signal("web", 2, "write", "logger:l", ("u",), (("u", ("web:ask#u",)),), True, "A", "web:log", ("k",), "web-1"),
    Signal("web", 3, "proposal", "web:ask", ("u.name",), scope="web-1", detail={"category": "user.name"}),
    Signal("logger", 1, "gap", "rpc:logger.Append", detail={"code": "PAI201", "why": "lost"}),
    Signal("logger", 2, "gap", "rpc:logger.Append", detail={"code": "PAI201", "why": "lost"})]


@given(st.permutations(SIGNALS))
def test_the_order_of_arrival_does_not_matter(order: list[Signal]) -> None:
    store = Store(":memory:")
    for signal in order:
        store.add([signal])
    lineage = derive(store, Declared([], {}), {})
    save(store, lineage)
    assert [(edge.source, edge.target) for edge in lineage.edges] == [
        ("web:ask#u", "logger:l#u"), ("web:ask#u", "web:ask#u.name")]
    assert [(one.code, one.count) for one in lineage.findings] == [("PAI201", 2)]
    ask = next(asset for asset in lineage.assets() if asset["name"] == "web:ask")
    assert ask["fields"]["u.name"] == {"category": "user.name", "annotations": ["G"], "operational": ""}
    assert store.db["edges"].count == 2


def test_the_bundled_configs_declare_the_way_from_the_log_to_the_model() -> None:
    declared = declare.declared(bundled().configs)
    edges = {(edge.source, edge.target): edge for edge in declared.edges}
    for source, target, family in (
            ("logger:glasses_session#utterance", "rpc:warehouse.Append.request#core.sessions.utterance", "B"),
            ("warehouse:core.sessions#utterance", "warehouse:core.daily_sessions#utterance", "B"),
            ("warehouse:core.daily_sessions#utterance", "training:assistant_eval", "D"),
            ("warehouse:core.daily_sessions#utterance", "checkpoint:assistant", "D")):
        assert edges[source, target].families == {family}
        assert edges[source, target].state == "declared"
    assert declared.purposes["training:ads_ranker"] == "ads_ranking"
    assert declared.purposes["job:daily_sessions"] == "assistance"


@pytest.mark.parametrize(("text", "where"), [
    ("", "m.yaml"), ("name: x", "m.yaml"), ("- a", "m.yaml"),
    ("name: x\npurpose: p\noutput: o\ninputs: [3]", "m.yaml"), ("name: x\na: [", "m.yaml:2")])
def test_a_malformed_manifest_is_an_error_with_its_place(text: str, where: str) -> None:
    with pytest.raises(InputError) as refused:
        manifests.parse(text, "m.yaml")
    assert (refused.value.code, refused.value.where) == ("PAI020", where)


def test_a_malformed_category_is_an_error_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("category: x\n")
    configs = bundled().configs._replace(categories=tmp_path)
    with pytest.raises(InputError) as refused:
        declare.declared(configs)
    assert (refused.value.code, refused.value.where) == ("PAI022", f"{tmp_path / 'x.yaml'}:1")


def stream(emitter: str, number: int, op: Op, sent: int = 0) -> Signal:
    asset = "rpc:talk.Converse" + (".request" if op == "read" else "")
    return Signal(emitter, number, op, asset, scope=f"{emitter}-{number // 10}",
                  detail={"messages": {"sent": sent, "received": 0}} if op == "call" else {})


def test_a_stream_is_one_call_and_one_side_of_it_however_many_messages_it_has() -> None:
    signals = [stream("web", 10, "call", 3), stream("web", 20, "call", 1), stream("web", 30, "call"),
               *(stream("inference", number, "read") for number in (10, 11, 12, 20))]
    store = Store(":memory:")
    for signal in signals:
        store.add([signal])
    reported = derive(store, Declared([], {}), {}).reported
    assert reported == {("call", "rpc:talk.Converse"): 2, ("read", "rpc:talk.Converse.request"): 2}


def test_a_table_that_one_job_makes_another_may_declare_to_read(tmp_path: Path) -> None:
    head = ("-- job: {0}\n-- owner: o\n-- purpose: assistance\n-- output: core.{0}\n"
            "CREATE TABLE core.{0} (\n  x TEXT\n);\n")
    for name, source in (("b_made", "utterance FROM core.sessions"), ("a_reads", "x FROM core.b_made")):
        (tmp_path / f"{name}.sql").write_text(head.format(name) + f"INSERT INTO core.{name} (x) SELECT {source};")
    found = declare.declared(bundled().configs._replace(jobs=tmp_path))
    flows = {(edge.source, edge.target) for edge in found.edges}
    assert ("warehouse:core.b_made#x", "warehouse:core.a_reads#x") in flows
    assert found.schema["core.b_made"] == {"x": "TEXT"} and "core.sessions" in found.schema
