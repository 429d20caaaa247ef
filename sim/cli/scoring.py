"""``sightline score``: runs scenarios and sets what was captured beside what really moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sim.scenario import runner
from sim.scenario.schema import Scenario
from sim.show import terminal
from sim.truth import score as truth


def score_scenarios(scenarios: Sequence[Scenario], seed: int | None) -> dict[str, Any]:
    """Sums over the scenarios, their macro-average with its interval, and a row for each."""
    scores, rows = [], []
    for scenario in scenarios:
        with terminal.progress(f"{scenario.name}") as say:
            done = runner.run(scenario, seed, progress=say)
        one = truth.of_run(done.path)
        scores.append(one)
        rows.append({"name": scenario.name, "seed": done.verdict["seed"], **one.to_dict()["operations"]})
    return {**truth.combine(scores), "scenarios": rows}


def show(result: dict[str, Any]) -> None:
    console = terminal.console()
    operations = result["operations"]
    terminal.table(("scenario", "seed", "truth", "recall", "invented"),
                   [(row["name"], row["seed"], row["truth"], _share(row["recall"]), row["invented"])
                    for row in result["scenarios"]])
    terminal.table(("family", "truth", "recall", "invented"),
                   [(family, one["truth"], _share(one["operations"]), one["invented"])
                    for family, one in result["families"].items()])
    console.print(f"operations: recall {_share(operations['recall'])} of {operations['truth']} real reads, writes and "
                  f"calls in {len(result['scenarios'])} scenarios; {operations['invented']} invented")
    for name in ("missed", "invented"):
        for one, count in Counter({(m["emitter"], m["op"], m["asset"]): m["count"] for m in result[name]}).items():
            console.print(f"  {name}: {' '.join(one)} × {count}")


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
