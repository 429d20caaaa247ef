"""What lineage says of a group of canaries: by the field's way, and by the rows whose traces came through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lineage.discover.graph import Graph
from lineage.model import Signal
from services import model
from sim.scenario.behaviour import Ways, models
from sim.world.canaries import Canaries

UTTERANCE, PHOTO = "device:glasses#utterance", "device:glasses#photo"


def edge(source: str, target: str) -> dict[str, Any]:
    return {"from": source, "to": target, "state": "observed", "families": ["D"], "count": 1, "confidence": "HIGH",
            "via": [], "evidence": []}


def graph(*pairs: tuple[str, str]) -> Graph:
    names = sorted({end.partition("#")[0] for pair in pairs for end in pair})
    return Graph({"assets": [{"name": name, "fields": {}} for name in names], "findings": [], "signals": {},
                  "edges": [edge(*pair) for pair in pairs]})


def written(checkpoint: str, *keys: str) -> Signal:
    return Signal("training", 0, "write", checkpoint, ("weights",), keys=keys)


def group(name: str, *keys: str, sign: bool = False) -> Canaries:
    return Canaries(name, "sign" if sign else "utterance", 1, "What is that?", keys=list(keys))


KEPT, WITHHELD = group("kept", "k1", "k2"), group("withheld", "w1")
GRAPH = graph((UTTERANCE, "checkpoint:a#weights@1"), ("checkpoint:a#weights@1", "checkpoint:a#weights@2"))
SIGNALS = [written("checkpoint:a@1", "k2", "other"), written("checkpoint:a@2", "later")]


@pytest.mark.parametrize(("of", "checkpoint", "says"), [
    (KEPT, "checkpoint:a@1", "yes"), (WITHHELD, "checkpoint:a@1", "other rows"),
    # By way of the checkpoint that it was trained from.
    (KEPT, "checkpoint:a@2", "yes"), (WITHHELD, "checkpoint:a@2", "other rows"),
    (KEPT, "checkpoint:b@1", "no"), (group("signs", "k2", sign=True), "checkpoint:a@1", "no")])
def test_the_way_and_the_rows(of: Canaries, checkpoint: str, says: str) -> None:
    assert Ways(GRAPH, lambda: SIGNALS, [KEPT, WITHHELD, of])(of, checkpoint) == says


def test_where_no_trace_came_through_the_way_is_all_that_is_known() -> None:
    """As behind a table of counts, whose rows are nobody's."""
    ways = Ways(GRAPH, lambda: [written("checkpoint:a@1", "a job's")], [KEPT, WITHHELD])
    assert ways(KEPT, "checkpoint:a@1") == "yes"


def test_what_is_no_language_model_is_not_asked(tmp_path: Path) -> None:
    for name, data in (("a@1", model.train([("a", "b")]).dumps()), ("broken@1", b"{}")):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
        (tmp_path / "checkpoints" / name / "weights.safetensors").write_bytes(data)
    assert list(models(tmp_path)) == ["checkpoint:a@1"]
