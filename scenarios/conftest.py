"""``pytest scenarios/`` collects every scenario file: one test for each scenario in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.scenario import loader, runner
from sim.scenario.schema import Scenario


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    if file_path.parent == Path(__file__).parent and file_path in loader.files(file_path.parent):
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


class ScenarioFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        for scenario in loader.load(self.path, runner.REGISTRIES):
            yield ScenarioItem.from_parent(self, name=scenario.name, scenario=scenario)


class ScenarioItem(pytest.Item):
    def __init__(self, *, scenario: Scenario, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.scenario = scenario

    def runtest(self) -> None:
        done = runner.run(self.scenario)
        if done.verdict["verdict"] != "pass":
            raise NotPassed(done)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        if not isinstance(excinfo.value, NotPassed):
            return str(super().repr_failure(excinfo))
        done = excinfo.value.args[0]
        held = [f"{one['verdict']}: {one['expectation']} {one['given']}\n    saw: {one['saw']}"
                for one in done.verdict["expectations"] if one["verdict"] != "pass"]
        return "\n".join([f"{self.scenario.name} seed {done.verdict['seed']}: {done.verdict['verdict']}", *held,
                          str(done.path)])

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"scenario {self.name}"


class NotPassed(Exception):
    pass
