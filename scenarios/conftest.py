"""``pytest scenarios/`` collects every scenario file: one test for each scenario in it, and one for each code that
`sightline explain` says it shows.  A scenario without faults has to be mediated besides, whether it says so or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from lineage.codes import CODES
from sim.scenario import loader, runner
from sim.scenario.schema import Scenario, expect


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    if file_path.parent == Path(__file__).parent and file_path in loader.files(file_path.parent):
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


class ScenarioFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        scenarios = [ScenarioItem.from_parent(self, name=scenario.name, scenario=scenario)
                     for scenario in loader.load(self.path, runner.REGISTRIES)]
        yield from scenarios
        for code, told in CODES.items():
            if told.scenario == f"scenarios/{self.path.name}":
                yield CodeItem.from_parent(self, name=code, scenarios=scenarios)


class ScenarioItem(pytest.Item):
    def __init__(self, *, scenario: Scenario, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.scenario = scenario if scenario.faults else replace(
            scenario, expect=(*scenario.expect, expect("discover", "mediated")))

    @cached_property
    def outcome(self) -> tuple[dict[str, Any], Path, frozenset[str]]:
        """The verdict, the run's folder, and the codes that it showed; run once, for every test of the file."""
        done = runner.run(self.scenario)
        return done.verdict, done.path, _codes(done)

    def runtest(self) -> None:
        if self.outcome[0]["verdict"] != "pass":
            raise NotPassed

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        if not isinstance(excinfo.value, NotPassed):
            return str(super().repr_failure(excinfo))
        verdict, folder, _ = self.outcome
        held = [f"{one['verdict']}: {one['expectation']} {one['given']}\n    saw: {one['saw']}"
                for one in verdict["expectations"] if one["verdict"] != "pass"]
        return "\n".join([f"{self.scenario.name} seed {verdict['seed']}: {verdict['verdict']}", *held, str(folder)])

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"scenario {self.name}"


class CodeItem(pytest.Item):
    """The file that a code names really shows it: in a decision, a finding, what a step was told or a plan refused."""

    def __init__(self, *, scenarios: list[ScenarioItem], **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.scenarios = scenarios

    def runtest(self) -> None:
        shown = frozenset().union(*(one.outcome[2] for one in self.scenarios))
        assert self.name in shown, f"it shows {', '.join(sorted(shown))}"

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"code {self.name}"


class NotPassed(Exception):
    pass


def _codes(run: runner.Run) -> frozenset[str]:
    found = {one["code"] for part in ("decisions", "findings") for one in run.lineage[part]}
    # What was refused, or could not be told, is said with its code first.
    found |= {one["saw"][:6] for one in run.verdict["expectations"] if one["verdict"] == "pass"}
    told = json.dumps([run.verdict["steps"], run.verdict.get("exposure")])
    return frozenset(found | {code for code in CODES if f'"{code}"' in told})
