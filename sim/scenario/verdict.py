"""The verdict of a run: fail > unknown > pass, over its expectations and its faults."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sim.scenario.expectations import Verdict, check
from sim.scenario.history import History
from sim.scenario.schema import Scenario

EXIT = {"pass": 0, "fail": 1, "unknown": 3}


def worst(verdicts: Iterable[str]) -> Verdict:
    """Of no verdict at all, unknown."""
    found = set(verdicts)
    if "fail" in found:
        return "fail"
    return "unknown" if "unknown" in found or not found else "pass"


def judge(scenario: Scenario, seed: int, history: History, hits: Sequence[int]) -> dict[str, Any]:
    """The content of verdict.json, with ``exposure`` where canaries were planted.

    A fault that was armed and never fired makes the run unknown."""
    expectations: list[dict[str, Any]] = []
    for expected in scenario.expect:
        seen = check(history, expected.kind, expected.given)
        expectations.append({"stage": expected.stage, "expectation": expected.kind, "given": dict(expected.given),
                             "verdict": seen.verdict, "saw": seen.saw})
    faults = [{"fault": spec.kind, "given": dict(spec.given), "hits": count}
              for spec, count in zip(scenario.faults, hits, strict=True)]
    verdicts = [one["verdict"] for one in expectations] + ["unknown" for fault in faults if not fault["hits"]]
    return {"format": 1, "scenario": scenario.name, "stage": scenario.stage, "seed": seed, "about": scenario.about,
            "verdict": worst(verdicts), "steps": history.steps, "expectations": expectations,
            "operations": history.operations, "faults": faults,
            **({"exposure": shown} if (shown := history.exposure()) else {})}


def row(verdict: dict[str, Any], run_dir: str) -> dict[str, Any]:
    """One row of ``sightline run --json``."""
    counts = {name: sum(one["verdict"] == value for one in verdict["expectations"])
              for name, value in (("held", "pass"), ("failed", "fail"), ("unknown", "unknown"))}
    return {"name": verdict["scenario"], "stage": verdict["stage"], "seed": verdict["seed"],
            "verdict": verdict["verdict"], **counts, "run_dir": run_dir}
