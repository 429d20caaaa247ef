"""Positive controls of the reference monitor: without guards it sees what they would have stopped, and with a guard
that is too strict what it stopped for nothing.  Otherwise nobody would know that it counts at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lineage.enforce.guard import Guard
from lineage.enforce.rules import Rules
from lineage.errors import PolicyDenied
from lineage.privacylib import Capture, Extension, PrivacyLib
from lineage.privacylib.operation import Operation
from sim.cli.enforcement import SIGNED
from sim.scenario import loader, runner
from sim.scenario.examined import Examined
from sim.scenario.schema import Scenario
from sim.scenario.twins import SHORT, changed
from sim.stack.node import FAMILIES, library
from sim.truth.reference import monitor
from sim.truth.reference.examined import examine, reached

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_RUNS", str(tmp_path / "runs"))


def scenario(file: str) -> Scenario:
    return loader.load(ROOT / "scenarios" / file, runner.REGISTRIES)[0]


def unguarded(name: str, sink: Any, guard: Extension, faults: Any) -> PrivacyLib:
    """PrivacyLib with its capture and without any guard."""
    return PrivacyLib(name, [Capture(sink), *faults], family=FAMILIES[name])


class Strict(Guard):
    """Refuses whatever a job reads, as well."""

    def before(self, op: Operation) -> None:
        if op.kind == "read" and op.context.activity.startswith("job:"):
            raise PolicyDenied("PAI301", "nobody may read anything", where=op.context.activity)


def strict(name: str, sink: Any, guard: Extension, faults: Any) -> PrivacyLib:
    return library(name, sink, Strict(Rules([])) if name == "warehouse" else guard, faults)


def test_without_a_guard_the_raw_signal_leaves_and_the_monitor_says_so() -> None:
    one = scenario("14_raw_signal_refused.yaml")
    guarded = runner.run(one, examined=Examined(values=True))
    twin = runner.run(one, examined=Examined(values=True, logging=True))
    free = runner.run(one, examined=Examined(values=True, library=unguarded))
    assert monitor.of_run(guarded.path, twin.path).to_dict()["missed"] == 0
    found = monitor.of_run(free.path, twin.path).to_dict()
    assert found["missed"] == 1 and found["blocked"] == 0


def test_without_a_guard_a_value_that_is_too_short_to_be_found_is_told_by_its_twin() -> None:
    one = scenario("12_conversation_refused.yaml")
    other = changed(one, "web:converse#gaze")
    assert other is not None
    twin = runner.run(one, examined=Examined(values=True, logging=True))
    for library_, missed in ((None, False), (unguarded, True)):
        done, also = (runner.run(story, examined=Examined(values=True, library=library_)) for story in (one, other))
        found = examine(done.path, twin.path)
        assert "web:converse#gaze" in found.governed(SHORT)
        told = found.with_influence("web:converse#gaze", sorted(reached(done.path, also.path) - SIGNED)).account
        names = {item.attempt for item in told.of("missed")}
        assert ("web:converse#gaze → rpc:inference.Converse.request#prompt" in names) is missed
        assert bool(names) is missed


def test_without_any_enforcement_rows_move_and_the_monitor_says_so() -> None:
    """Neither guard nor gate nor boundary: in logging mode, accounted for as if it were enforced."""
    free = runner.run(scenario("35_use_without_a_write.yaml"), examined=Examined(logging=True))
    given = free.path / "data/deploy/requirements/glasses-interaction-purpose.yaml"
    assert monitor.of_run(free.path).to_dict()["crossings"] == 0
    given.write_text(given.read_text().replace("mode: logging", "mode: enforcement"))
    found = monitor.of_run(free.path).to_dict()
    assert (found["crossings"], found["missed"]) == (3, 3)
    assert {one["attempt"] for one in found["items"] if one["verdict"] == "missed"} == {
        "query:analyst_looks_for_ads", "query:reads_and_discards_for_ads", "job:ads_answers"}


def test_without_any_enforcement_ads_go_on_from_what_the_assistant_has_learnt_and_the_monitor_says_so() -> None:
    """The run names no table: what is in a checkpoint follows from what really went into it."""
    one = scenario("81_fine_tune_of_a_tainted_base.yaml")
    wanted = [step for step in one.steps if step.given.get("manifest") in (
        None, "assistant_eval", "manifests/ads_guide.yaml", "manifests/ads_guide_clean.yaml")]
    free = runner.run(replace(one, world=replace(one.world, wearers=2), steps=tuple(wanted[:-1])),
                      examined=Examined(logging=True))
    given = free.path / "data/deploy/requirements/glasses-interaction-purpose.yaml"
    given.write_text(given.read_text().replace("mode: logging", "mode: enforcement"))
    found = [one for one in monitor.of_run(free.path).items if one.kind == "training"]
    assert {one.attempt for one in found if one.verdict == "missed"} == {"training:ads_guide"}
    assert {one.attempt for one in found if one.verdict == "allowed"} >= {
        "training:assistant_eval", "training:ads_guide_clean"}


def test_a_guard_that_is_too_strict_is_a_false_block() -> None:
    done = runner.run(scenario("02_probe_to_warehouse.yaml"), examined=Examined(library=strict))
    found = monitor.of_run(done.path).to_dict()
    assert (found["crossings"], found["rule_false_blocks"]) == (0, 1)
    assert [one["attempt"] for one in found["items"] if one["verdict"] == "rule_false_blocks"] == [
        "job:daily_sessions"]


def test_a_run_says_what_was_submitted() -> None:
    done = runner.run(scenario("05_training_refused.yaml"))
    said = json.loads((done.path / "construction.json").read_text())
    assert [sent["method"] for sent in said["sent"] if sent["method"] != "Flush"] == [
        "Train", "Train", "RunJob", "Train", "Train"]
    assert not any("token" in sent["request"] for sent in said["sent"])
    found = monitor.of_run(done.path)
    assert [(one.attempt, one.verdict) for one in found.items if one.kind == "training"] == [
        ("training:assistant_base", "allowed"), ("training:sign_reader_base", "allowed"),
        ("training:assistant_eval", "allowed"), ("training:ads_ranker", "blocked")]
