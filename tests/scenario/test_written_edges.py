"""[C] and [D] What was captured beside what was written by hand: every edge found, none that was not written."""

from __future__ import annotations

import pytest

from lineage import names
from sim.scenario import runner
from tests.scenario.real_runs import Runs, bundled
from tests.scenario.written_edges import WRITTEN, edges


def captured(run: runner.Run) -> set[tuple[str, str]]:
    """Observed edges of C and D between data."""
    return {(one["from"], one["to"]) for one in run.lineage["edges"]
            if one["state"] == "observed" and set(one["families"]) & {"C", "D"}
            and not names.parse(one["to"]).is_activity}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_edge_is_found_and_none_is_invented(name: str, runs: Runs) -> None:
    scenario = next(one for one in bundled() if one.name == name)
    written, found = edges(*WRITTEN[name]), captured(runs.once(scenario))
    print(f"{name}: {len(written & found)} of {len(written)} found, {len(found - written)} invented")
    assert (written - found, found - written) == (set(), set())


def test_an_edge_that_is_left_out_is_missed(runs: Runs) -> None:
    scenario = next(one for one in bundled() if one.name == "inference-rpc")
    found = captured(runs.once(scenario))
    assert found - edges(WRITTEN["inference-rpc"][0])
