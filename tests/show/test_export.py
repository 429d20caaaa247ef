"""GraphML can be read back, JSON holds the drawing, the tree says where data comes from and goes to."""

from __future__ import annotations

import io
from typing import Any

import networkx
import pytest

from lineage.errors import InputError
from sim.show import export
from sim.show.layout import drawing


def test_graphml_can_be_read_back(lineage: dict[str, Any]) -> None:
    drawn = drawing(lineage)
    text = export.to_graphml(drawn)
    assert text == export.to_graphml(drawing(lineage))
    graph = networkx.read_graphml(io.BytesIO(text.encode()), force_multigraph=True)
    assert set(graph.nodes) == {node.name for node in drawn.nodes}
    assert graph.number_of_edges() == len(drawn.links)
    blocked = [d for _, _, d in graph.edges(data=True) if d["state"] == "blocked"]
    assert blocked[0]["codes"] == "PAI301" and graph.nodes["web:ask"]["zones"] == "glasses-interactions"
    assert graph.nodes["web:ask"]["uri"] == "asset://web/ask"


def test_graphml_of_hostile_text(lineage: dict[str, Any]) -> None:
    lineage["findings"].append({"code": "PAI101", "asset": "web:ask", "what": "<b>\x00&\x1b", "next": "", "count": 1})
    graph = networkx.read_graphml(io.BytesIO(export.to_graphml(drawing(lineage)).encode()), force_multigraph=True)
    assert "<b>\ufffd&\ufffd" in graph.nodes["web:ask"]["findings"]


def test_tree(lineage: dict[str, Any]) -> None:
    text = export.to_tree(drawing(lineage), "warehouse:core.sessions", depth=2)
    assert text.splitlines() == [
        "warehouse:core.sessions  [zone glasses-interactions]",
        "comes from",
        "└── job:daily_sessions  observed B",
        "    └── warehouse:raw.glasses_session  observed B",
        "goes to",
        "├── job:topic_counts  observed B",
        "│   └── warehouse:scratch.topics  observed B",
        "├── training:ads_ranker  blocked D PAI301",
        "└── training:assistant_eval  observed D through warehouse.Read",
        "    └── checkpoint:assistant@2  observed D through warehouse.Read"]


def test_a_tree_ends_in_a_cycle_and_can_be_ascii(lineage: dict[str, Any]) -> None:
    text = export.to_tree(drawing(lineage), "app:ask", depth=50, ascii_only=True)
    assert text.isascii() and "(see above)" in text


def test_an_unknown_start(lineage: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="PAI001"):
        export.to_tree(drawing(lineage), "web:nothing")
