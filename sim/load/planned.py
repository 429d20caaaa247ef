"""Plans and simulations of the bundled requirements over the bundled scenarios, each run once in logging mode.

So much would be found, remedied and refused if the requirements came into force today.  The runs are thrown away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lineage.discover.store import recorded
from lineage.enforce import requirement
from lineage.enforce.manager.deployed import deployed
from lineage.enforce.manager.plan import Plan, plan
from lineage.enforce.manager.seen import PlanRun
from lineage.enforce.manager.simulate import simulate
from sim.scenario import runner
from sim.scenario.examined import Examined
from sim.scenario.schema import Scenario
from sim.stack.deployment import ROOT, at

KINDS = ("annotate", "block", "reclassify")


def measure(scenarios: Iterable[Scenario], seed: int | None = None, progress: Callable[[str], None] = lambda text: None
            ) -> dict[str, Any]:
    """{"rows": one for each requirement, and one for all together, "runs"}."""
    requirements = [requirement.load(path) for path in sorted((ROOT / "scenarios/requirements").glob("*.yaml"))]
    rows = {one.name: _row(one.name) for one in requirements} | {"all together": _row("all together")}
    runs = 0
    for scenario in scenarios:
        progress(scenario.name)
        with TemporaryDirectory() as home:
            run = runner.run(scenario, seed, home=Path(home), examined=Examined(logging=True))
            runs += 1
            known = deployed(at(run.path / "data/deploy").configs)
            seen = [one for one in requirements if PlanRun(run.lineage, one).sources]
            signals = recorded(run.path / "lineage.db")
            for name, group in [*((one.name, [one]) for one in seen), *([("all together", seen)] if seen else [])]:
                found = plan([PlanRun(run.lineage, one, known) for one in group])
                _count(rows[name], found, simulate(signals, group).to_dict()["requests"])
    return {"rows": [_rounded(row) for row in rows.values()], "runs": runs}


def _row(name: str) -> dict[str, Any]:
    return {"requirement": name, "runs": 0, "violations": 0, "undecided": 0, **dict.fromkeys(KINDS, 0), "cost": 0,
            "bound": 0, "worst_gap": 0.0, "requests": 0, "blocked": 0}


def _count(row: dict[str, Any], found: Plan, requests: dict[str, int]) -> None:
    kinds = Counter[str](remedy.kind for remedy in found.remedies)
    row["runs"] += 1
    row["violations"] += found.violations
    row["undecided"] += len(found.undecided)
    for kind in KINDS:
        row[kind] += kinds[kind]
    row["cost"] += found.solution.cost
    row["bound"] += found.solution.bound
    row["worst_gap"] = max(row["worst_gap"], found.solution.gap)
    row["requests"] += requests["blocked"] + requests["pass"]
    row["blocked"] += requests["blocked"]


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "worst_gap": round(row["worst_gap"], 4)}
