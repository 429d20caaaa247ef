"""A fresh copy of the sample run for each test."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.show.sample_run import LINEAGE, VERDICT


@pytest.fixture
def lineage() -> dict[str, Any]:
    return copy.deepcopy(LINEAGE)


@pytest.fixture
def verdict() -> dict[str, Any]:
    return copy.deepcopy(VERDICT)
