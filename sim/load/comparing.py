"""``sightline bench paradigms``: Policy Zones beside what they replaced, on the same steps, judged by the truth.

Each scenario runs once for each paradigm, seed for seed.  What crossed, and what was refused for nothing, the naive
reference monitor says (``sim.truth.reference``); the run without any guard is its twin, in which everything that is
attempted happens, and the positive control: what it does not see cross, nobody can be praised for stopping.

Not shown: how often such traffic comes in life, what people do when a list is long, and what Meta measured, of which
nothing is published.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lineage.enforce import requirement
from sim.bench import workload
from sim.bench.edits import Change, edits
from sim.bench.paradigms import Paradigm, chosen, paradigms
from sim.load import guarding, swayed
from sim.load.weighing import COUNTS, Found, Seen, judged, looked
from sim.scenario import loader, runner
from sim.scenario.examined import Examined
from sim.scenario.schema import Scenario
from sim.stack.deployment import ROOT
from sim.stack.topology import mortal

Progress = Callable[[str], None]
# An export's workers are processes of their own, into which no guard is injected; so is what a fault kills.
_APART = "export"


def bundled() -> list[Scenario]:
    """The scenarios of stage enforce that run in one process, and the changing workload."""
    every = [one for one in loader.load(loader.SCENARIOS, runner.REGISTRIES) if one.stage == "enforce"]
    return [*(one for one in every if not mortal(one.faults) and all(step.kind != _APART for step in one.steps)),
            *changing()]


def changing() -> list[Scenario]:
    return loader.load(workload.CHANGING, runner.REGISTRIES)


def compare(only: Sequence[str], scenarios: Sequence[Scenario], *, rounds: int = guarding.ROUNDS,
            seed: int | None = None, progress: Progress = lambda text: None) -> dict[str, Any]:
    """The report.  Raises InputError (PAI014) for a paradigm that there is not; what a scenario gets wrong, and
    RunError, as ``runner.run`` does.  ``rounds``: of the guards' cost; 0 measures none."""
    names = chosen(only)
    sums: dict[str, Counter[str]] = {name: Counter() for name in names}
    items: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    rows = []
    for scenario in scenarios:
        known = [requirement.load(_file(scenario, name)) for name in scenario.world.requirements]
        found = _runs(scenario, {name: one for name, one in paradigms(known).items() if name in names}, seed, progress)
        for name, one in found.items():
            sums[name].update(one.counts)
            items[name] += [{"scenario": scenario.name, **item} for item in one.items]
        rows.append({"scenario": scenario.name, "crossings": found["nothing"].counts["missed"],
                     **{name: dict(one.counts) for name, one in found.items()}})
    first = paradigms([requirement.load(path) for path in workload.KNOWN])
    cost = guarding.measure({name: first[name] for name in names}, rounds=rounds, progress=progress) if rounds else {}
    told_of = {name: {"published": first[name].published, "here": first[name].here,
                      **{key: sums[name][key] for key in (*COUNTS, "decisions")}, "cost": cost.get(name),
                      "edits": {what: edits(name, change) for what, change in changes().items()},
                      "items": items[name]} for name in names}
    return {"format": 1, "comparison": "this project's own; Meta has published none", "crossings": sums["nothing"][
        "missed"], "paradigms": told_of, "control": cost.get(guarding.AGAIN), "scenarios": rows}


def changes() -> dict[str, Change]:
    """What is counted in edits: the requirement and the table that come in the changing workload."""
    return {"new_requirement": Change(workload.KNOWN, more=workload.COMING),
            "new_sink": Change(workload.KNOWN, tables=[workload.new_table()])}


def _file(scenario: Scenario, name: str) -> Path:
    """As the runner finds a requirement."""
    if name.endswith((".yaml", ".yml")):
        return scenario.path.parent / name if scenario.path else Path(name)
    return ROOT / "scenarios/requirements" / f"{name}.yaml"


def _runs(scenario: Scenario, wanted: Mapping[str, Paradigm], seed: int | None,
          progress: Progress) -> dict[str, Found]:
    """Name → what was found; ``nothing`` comes first, and is everybody's control."""
    found: dict[str, Found] = {}
    other = swayed.other_gaze(scenario)
    with tempfile.TemporaryDirectory(prefix="sightline-paradigms-") as folder:
        control: Seen | None = None
        for name, paradigm in wanted.items():
            def ran(steps: Scenario, paradigm: Paradigm = paradigm, name: str = name) -> runner.Run:
                return runner.run(steps, seed, paradigm=paradigm, home=Path(folder), examined=Examined(values=True),
                                  progress=lambda text: progress(f"{scenario.name}, {name}: {text}"))

            done = ran(scenario)
            seen = looked(done.path, control, ran(other).path if other is not None else None)
            control = control or seen
            found[name] = judged(seen, control, len(done.lineage["decisions"]))
    return found
