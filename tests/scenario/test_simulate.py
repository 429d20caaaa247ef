"""What ``simulate`` says of a run in logging mode is what really happens when the same scenario is enforced."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from lineage.discover.store import Store
from lineage.enforce import requirement
from lineage.enforce.manager.simulate import Refusal, Simulation, simulate
from sim.scenario import loader, runner
from sim.scenario.schema import Scenario, step
from sim.stack.deployment import ROOT
from tests.scenario.real_runs import Runs, story

GLASSES = "glasses-interaction-purpose"
GAZE, NEURAL = "gaze-out-of-prompts", "neural-signal-on-device"


def scenario(name: str) -> Scenario:
    return loader.select([name], runner.REGISTRIES)[0]


def in_mode(mode: str, names: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """The bundled requirements in files of their own, in this mode."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        text = (ROOT / f"scenarios/requirements/{name}.yaml").read_text()
        (folder / f"{name}.yaml").write_text(re.sub(r"(?m)^mode: \w+", f"mode: {mode}", text))
    return tuple(str(folder / f"{name}.yaml") for name in names)


def recorded(runs: Runs, told: Scenario, names: tuple[str, ...], seed: int, folder: Path) -> Simulation:
    files = in_mode("logging", names, folder / "logging")
    run = runs.run(replace(told, expect=(), world=replace(told.world, requirements=files)), seed)
    assert not [one for one in run.lineage["decisions"] if one["verdict"] == "blocked"]
    with closing(Store(run.path / "lineage.db")) as store:
        return simulate(store.signals(), [requirement.load(Path(file)) for file in files])


def enforced(runs: Runs, told: Scenario, names: tuple[str, ...], seed: int, folder: Path) -> set[Refusal]:
    files = in_mode("enforcement", names, folder / "enforcement")
    run = runs.run(replace(told, expect=(), world=replace(told.world, requirements=files)), seed)
    return {(one["activity"], one["purpose"], one["code"], one["where"], tuple(one["inputs"]))
            for one in run.lineage["decisions"] if one["verdict"] == "blocked"}


def told(refusals: set[Refusal]) -> set[tuple[str, str, str, str]]:
    return {one[:4] for one in refusals}


def within(simulated: set[Refusal], real: set[Refusal]) -> bool:
    """Where it is enforced, whose a row is and where it comes from are inputs too, which nobody asked before."""
    return all(any(one[:4] == other[:4] and set(one[4]) <= set(other[4]) for other in real) for one in simulated
               if one[2] != "PAI303")


MORE = story("many-purposes", step("train", manifest="ads_ranker"), step("train", manifest="assistant_eval"),
             step("batch", job="jobs/analyst_looks_for_ads.sql"), step("schedule", **{"from": "2026-01-05"}))
# Scenario, requirements, seed, and how many different refusals there are.
CASES = [
    (scenario("training-refused"), (GLASSES,), 7, 1),
    (scenario("use-without-a-write"), (GLASSES,), 35, 3),
    (scenario("laundered-through-a-table"), (GLASSES,), 4, 2),
    (scenario("misused-token"), (GLASSES,), 28, 3),
    (scenario("conversation-refused"), (GLASSES, GAZE), 12, 1),
    (scenario("raw-signal-refused"), (NEURAL,), 14, 1),
    (scenario("logger-schema"), (GLASSES,), 21, 1),
    (MORE, (GLASSES,), 5, 2),
    (scenario("answer-cache"), (GLASSES,), 17, 0),
]


@pytest.mark.parametrize(("scene", "names", "seed", "refusals"), CASES,
                         ids=[f"{scene.name}-{seed}" for scene, _, seed, _ in CASES])
def test_simulated_is_what_happens(runs: Runs, scene: Scenario, names: tuple[str, ...], seed: int, refusals: int,
                                   tmp_path: Path) -> None:
    found = recorded(runs, scene, names, seed, tmp_path)
    real = enforced(runs, scene, names, seed, tmp_path)
    assert told(found.refusals) == told(real) and within(found.refusals, real)
    assert len(found.refusals) == refusals
    said = found.to_dict()
    assert bool(said["requests"]["blocked"]) == bool(found.outcome.refused) and said["requests"]["pass"] > 0
    assert {one["activity"] for one in said["refusals"]} >= {one[0] for one in found.refusals}


def test_what_goes_by_the_origin_is_unknown(runs: Runs, tmp_path: Path) -> None:
    """Logging mode narrows no rows, so that a record does not tell which would be left: neither refused nor passed."""
    scene = scenario("regional-rule")
    found = recorded(runs, scene, (GLASSES,), 50, tmp_path)
    real = told(enforced(runs, scene, (GLASSES,), 50, tmp_path))
    said = {one["activity"] for one in found.to_dict()["unknown"]}
    assert said and all(one[0] in said for one in real - told(found.refusals)) and told(found.refusals) <= real
