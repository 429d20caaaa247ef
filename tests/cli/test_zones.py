"""zones plan, simulate and enforce, asked of the demo's run."""

from __future__ import annotations

from pathlib import Path

from sim.stack.deployment import ROOT
from tests.cli.conftest import Demo

GLASSES, ADS = "glasses-interaction-purpose", "training:ads_ranker"
FILE = ROOT / "scenarios/requirements" / f"{GLASSES}.yaml"


def logging(folder: Path) -> Path:
    """A copy of the bundled requirement, in logging mode, with its comments."""
    path = folder / "mine.yaml"
    path.write_text(FILE.read_text().replace("\nmode: enforcement", "\nmode: logging"))
    return path


def test_plan(placed: Demo) -> None:
    told = placed.sightline("zones", "plan", GLASSES, "--json")
    assert told.code == 0
    [requirement] = told.json["requirements"]
    sinks = {one["sink"]: one for one in requirement["violations"]}
    assert sinks[ADS]["code"] == "PAI301" and sinks[ADS]["owner"] == "ads-ranking"
    assert sinks[ADS]["path"][0]["from"].startswith("device:glasses#") and sinks[ADS]["path"][-1]["to"] == ADS
    assert told.json["cost"] == told.json["bound"] and told.json["gap"] == 0
    [block] = [one for one in told.json["remedies"] if one["at"] == ADS]
    assert block["remedy"] == "block" and block["needed"]["way"][-1] == ADS
    assert [one["text"] for one in block["paste"]] == [
        f"block: [{ADS}]", "  purposes: [assistance, safety, ads_ranking]"]
    permit = block["paste"][1]
    assert "purposes:" in FILE.read_text().splitlines()[permit["line"] - 1]
    said = placed.sightline("zones", "plan", GLASSES)
    assert all(step in said.out for step in ("1 assets", "2 flows", "3 violations", "4 remedies", "ask ads-ranking"))
    assert "\x1b" not in said.out


def test_decisions_are_kept_and_gone_on_with(placed: Demo, tmp_path: Path) -> None:
    kept = tmp_path / "zone.yaml"
    asked = ("zones", "plan", GLASSES, "--decisions", kept)
    assert placed.sightline(*asked, "--exclude", "file:corpus/landmarks.tsv").code in (0, 3)
    assert "exclude: [file:corpus/landmarks.tsv]" in kept.read_text()
    assert placed.sightline(*asked, "--include", "file:corpus/landmarks.tsv").code in (0, 3)
    assert "include: [file:corpus/landmarks.tsv]" in kept.read_text() and "exclude: []" in kept.read_text()
    before = kept.read_text()
    wrong = placed.sightline(*asked, "--exclude", "warehouse:core.sessions")
    assert wrong.code == 2 and wrong.err.startswith("PAI321") and kept.read_text() == before
    assert placed.sightline(*asked, "--exclude", "warehouse:core.none").err.startswith("PAI001")
    kept.write_text("exclud: []\n")
    malformed = placed.sightline(*asked).err
    assert malformed.startswith("PAI024") and f"{kept}:1" in malformed


def test_costs_decide_and_are_said(placed: Demo, tmp_path: Path) -> None:
    costs = tmp_path / "costs.yaml"
    costs.write_text(f"at: {{{ADS}: {{block: 77}}}}\n")
    told = placed.sightline("zones", "plan", GLASSES, "--costs", costs, "--json").json
    assert {one["at"]: one["cost"] for one in told["remedies"]}[ADS] == 77
    assert told["costs"]["at"] == {ADS: {"block": 77}}


def test_simulate(placed: Demo, tmp_path: Path) -> None:
    told = placed.sightline("zones", "simulate", GLASSES, "--json")
    assert told.code == 0 and told.json["blocked_before"] >= 1 and told.json["requests"]["pass"] > 0
    said = placed.sightline("zones", "simulate", GLASSES)
    assert "as if it were enforced" in said.out and "would pass" in said.out
    # A purpose less: what the assistant learned from would have been refused, and all that follows from it.
    path = tmp_path / "stricter.yaml"
    path.write_text(FILE.read_text().replace("purposes: [assistance, safety]", "purposes: [safety]"))
    stricter = placed.sightline("zones", "simulate", path, "--json").json
    assert stricter["requests"]["blocked"] > 0
    assert any(one["activity"] == "training:assistant_eval" for one in stricter["refusals"])


def test_enforce_refuses_until_the_number_is_said(placed: Demo, tmp_path: Path) -> None:
    path = logging(tmp_path)
    before = path.read_text()
    refused = placed.sightline("zones", "enforce", path)
    assert refused.code == 2 and refused.err.startswith("PAI322") and ADS in refused.err
    count = len(placed.sightline("zones", "plan", path, "--json").json["requirements"][0]["violations"])
    assert f"--despite {count}" in refused.err
    assert placed.sightline("zones", "enforce", path, "--despite", count + 1).err.startswith("PAI322")
    assert path.read_text() == before
    done = placed.sightline("zones", "enforce", path, "--despite", count, "--json")
    assert done.code == 0 and done.json["requirement"] == f"{GLASSES}@4" and done.json["accepted"] == count
    assert ADS in {one["sink"] for one in done.json["denied"]}
    changed = path.read_text().splitlines()
    assert [(old, new) for old, new in zip(before.splitlines(), changed, strict=True) if old != new] == [
        ("version: 3", "version: 4"), ("mode: logging", "mode: enforcement")]
    assert [one.name for one in tmp_path.iterdir()] == ["mine.yaml"]
    assert placed.sightline("zones", "enforce", path, "--despite", count).err.startswith("PAI318")


def test_what_was_agreed_to_is_not_open(placed: Demo, tmp_path: Path) -> None:
    path, kept = logging(tmp_path), tmp_path / "zone.yaml"
    sinks = [one["sink"] for one in
             placed.sightline("zones", "plan", path, "--json").json["requirements"][0]["violations"]]
    kept.write_text(f"block: [{', '.join(sinks)}]\n")
    done = placed.sightline("zones", "enforce", path, "--decisions", kept)
    assert done.code == 0 and f"{GLASSES}@4" in done.out and "PAI301" in done.out


def test_what_cannot_be_planned(placed: Demo) -> None:
    assert placed.sightline("zones", "plan", "no-such-requirement").err.startswith("PAI012")
    assert placed.sightline("zones", "plan", "neural-signal-on-device", "--json").json["error"]["code"] == "PAI323"
