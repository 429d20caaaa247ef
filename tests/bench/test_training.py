"""The benchmark of training: small, but whole, with the stack in this process; and what the command prints."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services import embedding, safety
from services.kinds import Trained
from services.training.reader import corpus_files
from sim.bench import training, whole
from sim.cli.main import main
from sim.load.running import deployed, train
from sim.load.untapped import Untapped
from sim.scenario.schema import Scenario
from sim.stack.config import NodeConfig
from sim.stack.injected import Seams
from sim.stack.inproc import InprocStack
from sim.world.clock import SimClock


class Here(InprocStack):
    """As the processes, all of which are this one."""

    def pid(self, name: str) -> int:
        return os.getpid()


@asynccontextmanager
async def here(folder: Path, scenario: Scenario, seed: int) -> AsyncIterator[tuple[Here, None]]:
    deployment = deployed(folder / "data", scenario)
    async with Here(NodeConfig(folder / "data", seed), lambda service: Seams(SimClock(), Untapped())) as stack:
        await train(stack.addresses, deployment, seed)
        yield stack, None


def test_every_kind_of_model_is_made_and_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "running", here)
    told: list[str] = []
    report = training.measure(1, sizes=(12, 24), calls=2, progress=told.append)
    rows = {name: len(corpus_files()[f"corpus/{name}.tsv"].splitlines()) - 1 for name in ("characters", "safety")}
    assert {name: one["rows"] for name, one in report["training"].items()} == {
        "model, 12 rows": 12, "model, 24 rows": 24, "fine-tune, 12 rows more": 12, "retrieval index, 12 rows": 12,
        "embedder": 12, "reader of signs": rows["characters"], "safety classifier": rows["safety"]}
    assert [one["rows"] for one in report["checkpoint"].values()] == [12, 12]
    assert set(report["serving"]) == {"answer", "vector", "64 vectors", "sign"}
    assert report["stack"]["training run, 12 rows"]["rows"] == 12, "every session has gone through the gate"
    runs = {**report["training"], **report["checkpoint"], "run": report["stack"].pop("training run, 12 rows")}
    calls = {**report["serving"], **report["stack"]}
    assert {"Generate", "Generate, with a photo"} <= set(calls)
    for of, n, figures in ((runs, 1, ("wall_ms", "cpu_ms")), (calls, 2, ("p50_ms", "p99_ms", "cpu_ms"))):
        for one in of.values():
            assert one["n"] == n and one.get("wrong", 0) == 0
            assert all(0 < low <= value <= high for value, low, high in (one[name] for name in figures))
    assert report["largest_weights_bytes"] == max(one["bytes"] for one in runs.values()) > 0
    assert report["changed"] == 0 and report["rounds"] == 1
    assert "stack: round 1 of 1" in told and "serving: round 1 of 1" in told


def test_weights_that_differ_from_round_to_round_are_counted() -> None:
    made: list[Trained] = [embedding.train([("a", "b")]), safety.train([("a", "safe"), ("b", "unsafe")])] * 2
    weights, figures, changed = training._trained({"one": (1, lambda: made.pop())}, 3, lambda text: None)
    assert changed == 2 and figures["one"]["n"] == 3 and figures["one"]["bytes"] == len(weights["one"])


@pytest.mark.parametrize(("changed", "exit_code"), [(0, 0), (1, 1)])
@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_fails_when_equal_rows_gave_other_weights(changed: int, exit_code: int, as_json: bool,
                                                              monkeypatch: pytest.MonkeyPatch,
                                                              capsys: pytest.CaptureFixture[str]) -> None:
    three = [1.0, 0.5, 2.0]
    run = {"n": 4, "rows": 7, "bytes": 9, "wall_ms": three, "cpu_ms": three}
    call = {"n": 8, "p50_ms": three, "p99_ms": three, "cpu_ms": three}
    report = {"training": {"model": run}, "checkpoint": {"opened": run}, "serving": {"answer": {**call, "wrong": 0}},
              "stack": {"run": run, "Generate": call}, "largest_weights_bytes": 9, "changed": changed,
              "confidence": "-"}
    monkeypatch.setattr(training, "measure", lambda rounds, **options: {**report, "rounds": rounds})
    with pytest.raises(SystemExit) as ended:
        main(["bench", "training", "--rounds", "4", *(["--json"] if as_json else [])])
    assert ended.value.code == exit_code
    out = capsys.readouterr().out
    assert json.loads(out) == {**report, "rounds": 4} if as_json else out.count("1 [0.5..2]") == 3 * 2 + 2 * 3
