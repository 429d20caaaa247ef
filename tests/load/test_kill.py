"""--kill: what is counted as delivered is what the store holds, each signal once."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.discover.store import Store
from lineage.errors import InputError
from lineage.model import Signal
from sim.load import kill
from sim.scenario.schema import Scenario, step


def test_only_the_collector_may_be_killed() -> None:
    scenario = Scenario("asks", "discover", steps=(step("ask", question="What?"),))
    with pytest.raises(InputError, match="collector"):
        kill.measure("web", scenario, 1)


def test_delivered_is_what_the_store_holds(tmp_path: Path) -> None:
    path = tmp_path / "lineage.db"
    store = Store(path)
    signals = [Signal("web", seq, "read", "web:ask") for seq in (0, 1, 2, 5)]
    store.add(signals)
    store.add(signals[:2])  # sent again
    store.close()
    assert kill._stored(path) == (4, 1)
