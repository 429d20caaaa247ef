"""The naive reading of who may have what run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.truth.monitor_identity import vouched

FILE = """principals:
  operator: {owner: o, purposes: ["*"], invokes: ["job:*"]}
  team: {owner: o, purposes: [assistance], invokes: ["job:daily_*"]}
  other: {owner: o, purposes: [assistance]}
"""


@pytest.mark.parametrize(("step", "given", "held"), [
    ("batch", {"job": "daily"}, True), ("present", {"token": "forged"}, True), ("relabel", {}, False),
    ("invoke", {"as": "team"}, True), ("invoke", {"as": "team", "claims": "own"}, True),
    ("invoke", {"as": "operator"}, True), ("invoke", {"as": "other"}, False), ("invoke", {"as": "nobody"}, False),
    ("invoke", {"as": "other", "claims": "stolen"}, True),
    *(("invoke", {"as": "team", "claims": shown}, False) for shown in ("none", "forged", "expired", "another's key"))])
def test_who_may_have_it_run(tmp_path: Path, step: str, given: dict[str, Any], held: bool) -> None:
    (tmp_path / "principals.yaml").write_text(FILE)
    assert vouched(tmp_path, {"step": step, "given": given}, "job:daily_sessions", "assistance") is held


def test_for_another_purpose_or_activity_nobody_vouches(tmp_path: Path) -> None:
    (tmp_path / "principals.yaml").write_text(FILE)
    one = {"step": "invoke", "given": {"as": "team"}}
    assert not vouched(tmp_path, one, "job:daily_sessions", "ads") and not vouched(tmp_path, one, "job:x", "assistance")
