"""``sightline score``: what was captured against what really moved, over the scenarios without faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.truth import score
from tests.cli.conftest import Sightline

STORY = """\
scenario: {name}
stage: discover
world: {{wearers: 1}}
steps: [{{ask: {{question: "What is that building?"}}}}]
faults: [{fault}]
expect: {{discover: [{{complete: {{}}}}]}}
"""
FAULT = '{drop_probe: {asset: "web:ask"}}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scenarios"
    made.mkdir()
    return made


def write(folder: Path, name: str, fault: str = "") -> None:
    (folder / f"{name}.yaml").write_text(STORY.format(name=name, fault=fault))


def test_the_shape(sightline: Sightline, folder: Path) -> None:
    write(folder, "one"), write(folder, "two")
    told = sightline("score", folder, "--json")
    assert told.code == 0
    assert {"operations", "families", "missed", "invented"} <= set(told.json)
    operations = told.json["operations"]
    assert (operations["recall"], operations["invented"]) == (1.0, 0) and operations["truth"] > 50
    assert set(told.json["families"]) == set("ABCD")
    assert {family: one["operations"] for family, one in told.json["families"].items()} == dict.fromkeys("ABCD", 1.0)
    assert sum(one["truth"] for one in told.json["families"].values()) == operations["truth"]
    assert told.json["missed"] == told.json["invented"] == []
    assert [row["name"] for row in told.json["scenarios"]] == ["one", "two"]
    assert sum(row["truth"] for row in told.json["scenarios"]) == operations["truth"]


def test_scenarios_with_faults_are_left_out(sightline: Sightline, folder: Path) -> None:
    write(folder, "clean"), write(folder, "faulty", FAULT)
    told = sightline("score", folder, "--json")
    assert told.code == 0 and [row["name"] for row in told.json["scenarios"]] == ["clean"]


def test_of_nothing_the_score_is_unknown(sightline: Sightline, folder: Path) -> None:
    write(folder, "faulty", FAULT)
    told = sightline("score", folder, "--json")
    assert told.code == 3 and told.json["operations"]["recall"] is None and told.json["operations"]["truth"] == 0
    assert {one["operations"] for one in told.json["families"].values()} == {None}


def test_what_was_missed_or_invented_is_listed(sightline: Sightline, folder: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """As a probe that was forgotten in the code, and one that tells of what did not happen."""
    real = score.signals_of

    def signals(path: Path) -> list[score.Operation]:
        told = real(path)
        return [*(one for one in told if one[2] != "app:ask"), ("web", "read", "web:other")]

    monkeypatch.setattr(score, "signals_of", signals)
    write(folder, "one")
    told = sightline("score", folder, "--json")
    assert told.code == 1 and told.json["operations"]["recall"] < 1 and told.json["operations"]["invented"] == 1
    assert told.json["missed"] == [{"emitter": "app", "op": "write", "asset": "app:ask", "count": 1}]
    assert told.json["invented"] == [{"emitter": "web", "op": "read", "asset": "web:other", "count": 1}]
    said = sightline("score", folder)
    assert said.code == 1 and "missed: app write app:ask × 1" in said.out and "invented: web read web:other" in said.out


def test_for_people(sightline: Sightline, folder: Path) -> None:
    write(folder, "one")
    told = sightline("score", folder)
    assert told.code == 0 and "\x1b" not in told.out
    assert "recall 1.0000" in told.out and "0 invented" in told.out
    assert [line.split()[0] for line in told.out.splitlines() if line[:2].strip() in "ABCD" and line[1:2] == " "] == [
        *"ABCD"]


CROSSING = """\
scenario: {name}
stage: enforce
world: {{wearers: 1, regions: [US]}}
steps:
  - ask: {{question: "What is that building?"}}
  - batch: {{job: daily_sessions}}
  - train: {{manifest: ads_ranker}}
expect: {{discover: [{{complete: {{}}}}]}}
"""
COUNTS = ("crossings", "blocked", "missed", "rule_false_blocks", "influence_false_blocks", "allowed")


def test_enforcement_is_scored_by_the_reference_monitor(sightline: Sightline, folder: Path) -> None:
    (folder / "one.yaml").write_text(CROSSING.format(name="one"))
    write(folder, "two", FAULT)
    told = sightline("score", folder, "--enforcement", "--seeds", "1-2", "--json")
    assert told.code == 0
    assert [told.json[key] for key in COUNTS[:5]] == [2, 2, 0, 0, 0] and told.json["allowed"] > 10
    assert [(row["name"], row["seed"], row["crossings"]) for row in told.json["scenarios"]] == [
        ("one", 1, 1), ("one", 2, 1), ("two", 1, 0), ("two", 2, 0)]
    assert [one["attempt"] for one in told.json["items"]] == ["training:ads_ranker"] * 2
    assert told.json["stopped"] == {"mean": 1.0, "interval": None, "scenarios": 1}
    assert told.json["decisions"]["disagree"] == 0 < told.json["decisions"]["agree"] and not told.json["disagreements"]


def test_enforcement_for_people_and_without_a_crossing(sightline: Sightline, folder: Path) -> None:
    write(folder, "one")
    told = sightline("score", folder, "--enforcement")
    assert told.code == 3 and "0 crossings: 0 blocked, 0 missed" in told.out


def test_seeds_go_with_enforcement(sightline: Sightline, folder: Path) -> None:
    write(folder, "one")
    assert sightline("score", folder, "--seeds", "1-2").code == 2
    assert sightline("score", folder, "--enforcement", "--seeds", "1-2", "--seed", "1").code == 2
