"""The table of plans and simulations over scenarios."""

from __future__ import annotations

from sim.load.planned import KINDS, measure
from sim.scenario import loader, runner


def test_a_refused_training_run_is_one_violation_and_one_job() -> None:
    report = measure(loader.select(["training-refused"], runner.REGISTRIES))
    rows = {row["requirement"]: row for row in report["rows"]}
    glasses, both = rows["glasses-interaction-purpose"], rows["all together"]
    assert report["runs"] == 1 and glasses["runs"] == 1
    assert (glasses["violations"], glasses["block"], glasses["blocked"]) == (1, 1, 1)
    assert glasses["cost"] == glasses["bound"] > 0 and glasses["worst_gap"] == 0
    assert both["violations"] == sum(row["violations"] for name, row in rows.items() if name != "all together")
    assert sum(glasses[kind] for kind in KINDS) == 1 and glasses["requests"] > glasses["blocked"]
    # Nothing that the muscle signal's owner governs was there: no plan, rather than an empty one.
    assert rows["neural-signal-on-device"]["runs"] == 0
