"""Complete mediation: the hook was there, it saw I/O, and operations covered all of it.

Of every bundled scenario without faults `make scenarios` expects it, whether it says so or not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from lineage.discover.graph import Graph
from lineage.discover.involved import involved
from services.training import service as training
from services.warehouse import service as warehouse
from sim.scenario import runner
from sim.scenario.schema import expect
from sim.stack.config import SERVICES
from tests.scenario.real_runs import Runs, bundled, story

WATCHED = {"app", *SERVICES} - {"collector"}


def accounts(run: runner.Run) -> dict[str, Mapping[str, Any]]:
    services: dict[str, Mapping[str, Any]] = json.loads((run.path / "audit.json").read_text())["services"]
    return services


def gaps(run: runner.Run) -> dict[str, list[str]]:
    """Service → what the findings say, which is what the hooks counted."""
    found: dict[str, list[str]] = {}
    for one in run.lineage["findings"]:
        if one["code"] == "PAI215":
            found.setdefault(one["asset"].removeprefix("rpc:"), []).extend([one["what"]] * one["count"])
    counted = {name: sum(one["uncovered"].values()) for name, one in accounts(run).items()}
    assert {name: len(said) for name, said in found.items()} == {name: n for name, n in counted.items() if n}
    return found


def test_nothing_is_outside_of_operations(runs: Runs) -> None:
    run = runs.once(story("seen"))
    told = accounts(run)
    assert set(told) == WATCHED and all(one["armed"] and not one["failures"] for one in told.values())
    assert sum(sum(one["covered"].values()) for one in told.values()) > 0
    assert gaps(run) == {}


def test_every_service_that_stores_anything_was_seen_to(runs: Runs) -> None:
    """The positive control by service: web and policy keep nothing."""
    seen = {name: set(one["covered"]) for name, one in accounts(runs.once(story("seen"))).items()}
    assert seen == {"app": {"file", "socket"}, "logger": {"file"}, "warehouse": {"database"}, "training": {"file"},
                    "inference": {"file"}, "web": set(), "policy": set()}


def test_an_operation_that_was_forgotten_is_noticed(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if somebody had left the `with` out of the code."""
    def write(self: Any, made: Any, weights: bytes, material: Any) -> None:
        self._lib.register(made.asset, made.labels, made.owner)
        self._store.write(training.checkpoints.weights_path(made.id), weights)
        with self._lib.write(made.asset, fields=("manifest",), sources={}):
            self._store.write(training.checkpoints.manifest_path(made.id),
                              training.dsse.sealed(made.statement(**made.executed), self._sign, "training"))

    monkeypatch.setattr(training.TrainingService, "_write", write)
    run = runs.run(story("forgotten", expected=[expect("discover", "mediated")]))
    assert set(gaps(run)) == {"training"}
    assert any("services.training.service:" in what and "_run" in what for what in gaps(run)["training"])
    assert run.verdict["verdict"] == "fail"


def test_a_statement_outside_of_operations_is_noticed(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection was opened at the start; each statement is told all the same."""
    async def append(lib: Any, engine: Any, table: Any, *given: Any) -> int:
        engine._store.execute(f"SELECT count(*) FROM {table.name}")
        return await real(lib, engine, table, *given)

    real = warehouse.append
    monkeypatch.setattr(warehouse, "append", append)
    found = gaps(runs.run(story("statement")))
    assert set(found) == {"warehouse"} and "a statement ran" in found["warehouse"][0]
    assert "services.warehouse.service:" in found["warehouse"][0] and "Append" in found["warehouse"][0]


def test_a_gap_makes_no_into_unknown(runs: Runs) -> None:
    """What left unseen may be anywhere, so nothing of that run can be said not to be involved."""
    scenario = next(one for one in bundled() if one.name == "unmediated-io")
    tampered, clean = runs.once(scenario), runs.once(story("clean"))
    asked = ("warehouse:core.sessions", "device:glasses#photo")
    answer = involved(Graph(tampered.lineage), *asked)
    assert answer.answer == "unknown" and {"rpc:logger", "rpc:web"} <= set(answer.silent)
    assert involved(Graph(clean.lineage), *asked).answer == "no"
