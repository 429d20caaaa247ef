"""``sightline exposure``: a table of sources and checkpoints, from a run with canaries."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.cli import exposure
from sim.scenario.exposing import with_canaries
from sim.scenario.schema import Scenario, World, step
from tests.cli.conftest import Sightline

STORY = """\
scenario: one
stage: discover
world: {{wearers: 2}}
steps: [{steps}]
expect: {{discover: [{{complete: {{}}}}]}}
"""
ASK = '{ask: {question: "What is that building?"}}'


def write(folder: Path, *steps: str) -> Path:
    path = folder / "one.yaml"
    path.write_text(STORY.format(steps=", ".join(steps)))
    return path


def test_a_story_without_canaries_gets_some(sightline: Sightline, tmp_path: Path) -> None:
    path = write(tmp_path, ASK, "{batch: {job: daily_sessions}}", "{train: {manifest: assistant_eval}}")
    told = sightline("exposure", path, "--json")
    assert told.code == 0 and told.json["findings"] == []
    rows = {row["to"]: row for row in told.json["rows"]}
    assert rows["checkpoint:assistant@2"]["verdict"] == "exposed" and rows["checkpoint:assistant@2"]["lineage"] == "yes"
    assert rows["checkpoint:assistant@1"]["verdict"] == "not exposed"
    assert {row["canaries"] for row in rows.values()} == {24} and "one-canaries" in told.json["run_dir"]


def test_where_nobody_asks_nothing_can_be_told(sightline: Sightline, tmp_path: Path) -> None:
    path = write(tmp_path, "{flush: {}}")
    assert sightline("exposure", path, "--json").code == 3
    told = sightline("exposure", path)
    assert told.code == 3 and "nothing was planted" in told.out


def test_how_it_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"group": "asked", "from": "device:glasses#utterance", "to": "checkpoint:ads@1", "canaries": 24,
           "controls": 24, "lineage": "no", "verdict": "exposed", "why": "", "way": "text", "rank": 1.0, "bits": 4.64,
           "interval": [4.64, 4.64], "p": 6e-14}
    few = {**row, "canaries": 3, "verdict": "unknown", "why": "too few", "rank": None, "bits": None, "interval": None,
           "p": None}
    exposure._show({"scenario": "one", "rows": [row, few], "tested": 1, "level": 0.01, "alpha": 0.01,
                    "run_dir": "runs/1",
                    "findings": [{"code": "PAI414", "asset": "checkpoint:ads@1", "what": "it knows"}]})
    out = capsys.readouterr().out
    assert "1 of 25" in out and "4.64 [4.64, 4.64]" in out and "6e-14" in out
    assert "PAI414 checkpoint:ads@1: it knows" in out and "unknown: too few" in out


@pytest.mark.parametrize("given", [[], ["scenarios/01_ask_a_landmark.yaml", "--calibrate", "5"], ["scenarios"]])
def test_one_thing_at_a_time(sightline: Sightline, given: list[str]) -> None:
    told = sightline("exposure", *given, "--json")
    assert told.code == 2 and told.json["error"]["code"] == "PAI010"


def test_calibration(sightline: Sightline) -> None:
    told = sightline("exposure", "--calibrate", "2", "--json")
    assert told.code == 0, told
    assert told.json["rows"][0]["learnt"] == 0
    assert all(row["seeds"] == 2 for row in told.json["rows"])


def test_every_question_is_asked_again_by_as_many_as_it_takes() -> None:
    asked = step("ask", question="What does it say?", wearers=5, sign="Gate 24")
    given = Scenario("s", "discover", world=World(wearers=9), steps=(asked, step("flush")))
    first, said, written, last = with_canaries(given).steps
    assert first == asked and last.kind == "flush"
    assert said.given == {**asked.given, "times": 5, "go_on": True, "canaries": {"name": "step 1, utterance",
                                                                           "in": "utterance"}}
    assert written.given["canaries"]["in"] == "sign"
    assert with_canaries(with_canaries(given)) == with_canaries(given)
