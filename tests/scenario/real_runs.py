"""Real runs for tests: made in a folder of their own, and once for all tests that only look at them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sim.scenario import loader, runner
from sim.scenario.lock import lock_text
from sim.scenario.schema import Expectation, FaultSpec, Scenario, Step, World, expect, step
from tests.every import EVERY

# What must be the same whenever the same scenario runs with the same seed.
OUTCOME = ("lineage.json", "verdict.json")
QUESTION = "What is that building?"


class Runs:
    """Runs scenarios below ``folder`` instead of the user's runs folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[str, runner.Run] = {}

    def run(self, scenario: Scenario, seed: int | None = None, *, topology: str = "inproc",
            engine: str = "sqlite") -> runner.Run:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SIGHTLINE_RUNS", str(self.folder))
            return runner.run(scenario, seed, topology=topology, engine=engine)

    def once(self, scenario: Scenario) -> runner.Run:
        """The first run of an equal scenario in this session."""
        name = lock_text(scenario)
        if name not in self._kept:
            self._kept[name] = self.run(scenario)
        return self._kept[name]


def outcome(run: runner.Run | Path) -> dict[str, bytes]:
    """File name → bytes of what must not depend on when, where and after what a scenario ran."""
    folder = run if isinstance(run, Path) else run.path
    return {name: (folder / name).read_bytes() for name in OUTCOME}


def bundled() -> list[Scenario]:
    return loader.load(loader.SCENARIOS, runner.REGISTRIES)


def sample(*named: str) -> list[Scenario]:
    """Every sixth bundled scenario, those that are ``named``, and the last; in their order.

    SIGHTLINE_EVERY=1 in the environment: all of them.  `make scenarios` runs all of them once in any case.
    """
    found = bundled()
    if EVERY:
        return found
    return [one for at, one in enumerate(found) if at % 6 == 0 or one.name in named or at == len(found) - 1]


def story(name: str, *more: Step, wearers: int = 2, faults: Iterable[FaultSpec] = (),
          expected: Iterable[Expectation] = ()) -> Scenario:
    """A small story: everybody asks once, the daily job runs, then ``more``; the path is that of the bundled ones."""
    return Scenario(
        name=name, stage="discover", seed=11, world=World(wearers=wearers),
        steps=(step("ask", question=QUESTION), step("batch", job="daily_sessions"), *more), faults=tuple(faults),
        expect=tuple(expected) or (expect("discover", "complete"),), path=loader.SCENARIOS / "story")


def faulty(clean: Scenario, *faults: FaultSpec) -> Scenario:
    return replace(clean, faults=faults)


def rows(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()
