"""Same scenario and seed: the same lineage.json and verdict.json, byte for byte.

Every sixth of the bundled scenarios, and those that a test names, run twice: here, in order, and at the same time in
another process, backwards and with another hash seed.  So each runs after others here that come after it there.
With SIGHTLINE_EVERY=1 in the environment it is all of them, which takes six times as long.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.scenario import loader, runner
from sim.scenario.schema import Scenario
from tests.scenario.real_runs import Runs, outcome, sample

# All in one test's fixture, twice at the same time: on a busy machine that takes minutes.
pytestmark = pytest.mark.timeout(900)
LANDMARK, NORWAY, UNDECLARED = "ask-a-landmark", "every-region-no", "undeclared-job"
SCENARIOS = sample(LANDMARK, NORWAY, UNDECLARED)
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Rows]]:
    """The rows of ``sightline run … --json`` for the same scenarios, the last one first."""
    names = [scenario.name for scenario in reversed(SCENARIOS)]
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    process = subprocess.Popen(
        [sys.executable, "-m", "sim.cli.main", "run", *names, "--json"], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, cwd=loader.ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed, "SIGHTLINE_RUNS": str(tmp_path_factory.mktemp("elsewhere"))})
    told: Rows = []

    def rows() -> Rows:
        if not told:
            told.extend(json.loads(process.communicate(timeout=800)[0])["scenarios"])
        return told

    yield rows
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def here(runs: Runs, elsewhere: Callable[[], Rows]) -> dict[str, runner.Run]:
    """The scenarios in this process, in order; the other process has been started before."""
    return {scenario.name: runs.once(scenario) for scenario in SCENARIOS}


def folder(rows: Rows, name: str) -> Path:
    return Path(next(row["run_dir"] for row in rows if row["name"] == name))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_twice_byte_for_byte(scenario: Scenario, here: dict[str, runner.Run], elsewhere: Callable[[], Rows]) -> None:
    assert here[scenario.name].verdict["verdict"] == "pass"
    assert outcome(here[scenario.name]) == outcome(folder(elsewhere(), scenario.name))


def test_what_ran_before_leaves_no_trace(here: dict[str, runner.Run], elsewhere: Callable[[], Rows]) -> None:
    """Here the last scenario came after all others; there it came first, so it was alone."""
    last = SCENARIOS[-1].name
    assert list(here)[-1] == last and len(here) > 1
    assert elsewhere()[0]["name"] == last
    assert outcome(here[last]) == outcome(folder(elsewhere(), last))


def test_in_one_process_a_then_b_equals_b(runs: Runs, here: dict[str, runner.Run]) -> None:
    """B has faults, an unlisted table and a job of its own; A has none of them."""
    a, b = (next(one for one in SCENARIOS if one.name == name) for name in (NORWAY, UNDECLARED))
    alone = outcome(runs.run(b))
    after = [outcome(runs.run(one)) for one in (a, b)]
    assert after == [outcome(here[a.name]), alone]
    assert alone == outcome(here[b.name])


def test_the_outcome_says_nothing_of_the_machine(here: dict[str, runner.Run], runs: Runs) -> None:
    strange = re.compile(rf"127\.0\.0\.1|localhost|\[::|{re.escape(str(runs.folder))}|\.partial|inproc|processes")
    for name, run in here.items():
        for file, content in outcome(run).items():
            assert strange.findall(content.decode()) == [], f"{file} of {name}"


def test_the_lock_repeats_the_run(here: dict[str, runner.Run], runs: Runs) -> None:
    done = here[LANDMARK]
    [scenario] = loader.load(done.path / "scenario.lock.yaml", runner.REGISTRIES)
    assert outcome(runs.run(scenario)) == outcome(done)


def test_another_seed_is_another_world(here: dict[str, runner.Run], runs: Runs) -> None:
    scenario = next(one for one in SCENARIOS if one.name == LANDMARK)
    other = runs.run(scenario, scenario.seed + 1)
    assert other.verdict["seed"] == scenario.seed + 1 and other.path.name.endswith(f"-seed{scenario.seed + 1}")
    assert [one.session for one in other.answers] != [one.session for one in here[scenario.name].answers]
