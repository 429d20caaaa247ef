"""One folder of real runs for the session."""

from __future__ import annotations

import pytest

from tests.scenario.real_runs import Runs


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("runs"))
