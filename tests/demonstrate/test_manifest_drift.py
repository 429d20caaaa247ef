"""A training run uses what its manifest names; what it used besides is reported, nothing else is."""

from __future__ import annotations

from collections import Counter

from lineage.demonstrate.manifest_drift import manifest_drift
from lineage.demonstrate.verifiers import drift
from lineage.discover.labels import Labels
from lineage.discover.lineage import Lineage
from lineage.discover.manifests import declared_edges, parse
from lineage.model import Edge, Label

MANIFEST = """
name: run
purpose: assistance
inputs:
  - {checkpoint: base@2}
  - {answers_of: teacher, prompts: {corpus: asked}}
  - {table: core.a, columns: [x, y], where: "z = 'NO'"}
  - {table: core.b, columns: [x]}
replace: {core.b: core.c}
output: made
"""
RUN = "training:run"


def use(source: str, run: str = RUN) -> Edge:
    return Edge(source, run, "observed", confidence="HIGH", evidence={"usage"}, keys={"k"})


def lineage(*seen: Edge) -> Lineage:
    labels = Labels({"warehouse:core.a": {"_key": Label(operational="correlation_key")}})
    return Lineage(labels, {}, [*declared_edges(parse(MANIFEST, "m.yaml")), *seen], [], [], {RUN: {"assistance"}}, {},
                   Counter(), subjects={("warehouse:core.a#who", RUN)})


def found(*seen: Edge) -> list[tuple[str, str]]:
    return [(one.code, one.asset) for one in manifest_drift(lineage(*seen))]


def test_what_is_declared_is_no_drift() -> None:
    assert found(*map(use, (
        "checkpoint:base#weights@2", "checkpoint:teacher#weights@7", "file:corpus/asked.tsv", "warehouse:core.a#x",
        "warehouse:core.a#z", "warehouse:core.c#x", "warehouse:core.a#_key", "warehouse:core.a#who",
        "rpc:warehouse.Read.response#core.a.q"))) == []
    assert found(use("warehouse:core.a#q", "training:other")) == [], "a run without a manifest is PAI402's"


def test_what_is_not_is() -> None:
    for name in ("checkpoint:base#weights@3", "warehouse:core.a#q", "warehouse:core.d#x", "file:corpus/other.tsv",
                 "feature:made#x@1", "warehouse:core.c#y"):
        assert found(use(name)) == [("PAI405", name)]


def test_of_two_tables_of_which_a_remedy_chooses_neither_is_missed() -> None:
    missed = {one.what.partition(" → ")[0] for one in drift(lineage())}
    assert missed == {"checkpoint:base", "checkpoint:teacher", "file:corpus/asked.tsv", "warehouse:core.a"}
