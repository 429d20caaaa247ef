"""[C] and [D] What was captured beside what was written by hand: every edge found, none that was not written.

Every second scenario; with SIGHTLINE_EVERY=1 in the environment all of them, and as they are bundled.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from lineage import names
from sim.scenario import runner
from sim.scenario.schema import Scenario, expect
from tests.every import EVERY
from tests.scenario.real_runs import Runs, bundled
from tests.scenario.written_edges import HIDDEN, WRITTEN, edges

WEARERS = 8


def small(name: str) -> Scenario:
    """The scenario with WEARERS at most, who ask each question once: which field flows where does not depend on how
    often it does."""
    scenario = next(one for one in bundled() if one.name == name)
    if EVERY:
        return scenario
    steps = tuple(replace(one, given={**one.given, "times": 1}) if "times" in one.given else one
                  for one in scenario.steps)
    world = replace(scenario.world, wearers=min(scenario.world.wearers, WEARERS))
    return replace(scenario, world=world, steps=steps, expect=(expect("discover", "complete"),))


def captured(run: runner.Run) -> set[tuple[str, str]]:
    """Observed edges of C and D between data."""
    return {(one["from"], one["to"]) for one in run.lineage["edges"]
            if one["state"] == "observed" and set(one["families"]) & {"C", "D"}
            and not names.parse(one["to"]).is_activity}


@pytest.mark.parametrize("name", WRITTEN if EVERY else list(WRITTEN)[::2])
def test_every_edge_is_found_and_none_is_invented(name: str, runs: Runs) -> None:
    written, found = edges(*WRITTEN[name]), captured(runs.once(small(name)))
    print(f"{name}: {len(written & found)} of {len(written)} found, {len(found - written)} invented")
    assert (written - found, found - written) == (set(), set())


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_hidden_is_not_found(name: str, runs: Runs) -> None:
    hidden, found = edges(HIDDEN[name]), captured(runs.once(small(name)))
    print(f"{name}: {len(hidden & found)} of {len(hidden)} hidden found")
    assert hidden and not hidden & found


def test_an_edge_that_is_left_out_is_missed(runs: Runs) -> None:
    found = captured(runs.once(small("inference-rpc")))
    assert found - edges(WRITTEN["inference-rpc"][0])
