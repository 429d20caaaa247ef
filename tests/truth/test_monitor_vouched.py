"""Who vouches for a purpose: the scenario's own word on the credentials that are shown, and the list of principals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.truth.reference.vouched import Vouching, closed

PRINCIPALS = """\
principals:
  quality: {owner: q, purposes: [assistance], invokes: ["job:*"]}
  operator: {owner: o, purposes: ["*"], invokes: ["job:*"]}
  nobody: {owner: n}
"""


@pytest.mark.parametrize(("step", "given", "vouched"), [
    ("batch", {}, True),
    ("present", {"token": "none"}, True), ("present", {"token": "forged"}, False), ("relabel", {}, False),
    ("invoke", {"as": "quality"}, True), ("invoke", {"as": "quality", "claims": "expired"}, False),
    ("invoke", {"as": "nobody"}, False), ("invoke", {"as": "stranger"}, False),
    ("invoke", {"as": "nobody", "claims": "stolen"}, True),  # the stated limit
])
def test_credentials(tmp_path: Path, step: str, given: dict[str, Any], vouched: bool) -> None:
    (tmp_path / "principals.yaml").write_text(PRINCIPALS)
    made = Vouching([{"step": step, "given": given}], [{"step": 0, "method": "RunJob"}], tmp_path)
    assert made.of(0, "job:x", ["assistance"]) is vouched
    if step == "invoke" and vouched and "claims" not in given:
        assert not made.of(0, "job:x", ["ads"]) and not made.of(0, "training:x", ["assistance"])


def test_only_the_last_request_of_a_step_is_the_misuse(tmp_path: Path) -> None:
    sent = [{"step": 0, "method": "RunJob"}, {"step": 0, "method": "RunJob"}, {"step": -1, "method": "Train"}]
    made = Vouching([{"step": "present", "given": {"token": "replayed"}}], sent, tmp_path)
    assert [made.of(at, "job:x", ["assistance"]) for at in range(3)] == [True, False, True]


def test_a_check_that_could_not_be_made_is_planted_and_has_its_own_code() -> None:
    assert closed(["policy_away"], "PAI305") and not closed([], "PAI305") and not closed(["policy_away"], "PAI301")
