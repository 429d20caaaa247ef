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
