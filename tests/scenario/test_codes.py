"""Every scenario that a code names really shows it: in a decision, a finding, or what a step was told."""

from __future__ import annotations

import json

import pytest

from lineage.codes import CODES
from sim.scenario import loader, runner
from tests.scenario.real_runs import Runs

SHOWN = {code: told.scenario for code, told in CODES.items() if told.scenario}


def codes(run: runner.Run) -> set[str]:
    found = {one["code"] for part in ("decisions", "findings") for one in run.lineage[part]}
    steps = json.dumps(run.verdict["steps"])
    return found | {code for code in CODES if f'"{code}"' in steps}


@pytest.mark.parametrize("code", sorted(SHOWN))
def test_the_scenario_shows_the_code(runs: Runs, code: str) -> None:
    scenarios = loader.load(loader.SCENARIOS.parent / SHOWN[code], runner.REGISTRIES)
    assert any(code in codes(runs.once(scenario)) for scenario in scenarios)
