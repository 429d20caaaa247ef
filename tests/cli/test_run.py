"""``sightline run``: one row for each scenario and seed, the exit code of the worst, and the files of a run."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Demo, Sightline

STORY = """\
scenario: {name}
stage: discover
seed: {seed}
world: {{wearers: 1}}
steps:
  - ask: {{question: "What is that building?"}}
expect:
  discover:
    - {expected}
"""
PASS = "complete: {operations: 1.0, invented: 0}"
FAIL = 'path: {from: "response:ask#answer", to: "web:ask#utterance"}'
UNKNOWN = 'evidence: {zone: "no-such-zone", verdict: holds}'
ROW = {"name", "stage", "seed", "verdict", "held", "failed", "unknown", "run_dir", "signals"}
# What would make two runs of the same scenario differ.
TIMING = {"time", "times", "seconds", "ms", "at", "started", "ended", "duration", "timestamp", "pid", "port", "host"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scenarios"
    made.mkdir()
    return made


def write(folder: Path, name: str, expected: str = PASS, seed: int = 5) -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(STORY.format(name=name, seed=seed, expected=expected))
    return file


def test_a_file(sightline: Sightline, folder: Path) -> None:
    told = sightline("run", write(folder, "one"), "--json")
    assert told.code == 0 and set(told.json) == {"verdict", "scenarios"}
    [row] = told.json["scenarios"]
    assert set(row) == ROW
    signals = row.pop("signals")
    assert signals["recorded"] == signals["delivered"] == sum(one["recorded"] for one in signals["emitters"]) > 0
    assert (signals["lost"], signals["merged"]) == (0, 0)
    assert row | {"run_dir": ""} == {"name": "one", "stage": "discover", "seed": 5, "verdict": "pass", "held": 1,
                                     "failed": 0, "unknown": 0, "run_dir": ""}
    assert Path(row["run_dir"]) == sightline.runs / "one/1-seed5" == (sightline.runs / "latest").resolve()
    assert "complete" not in told.err  # progress alone


def test_a_folder_with_several_seeds(sightline: Sightline, folder: Path) -> None:
    write(folder, "b"), write(folder, "a")
    told = sightline("run", folder, "--seeds", "1,3-4", "--json")
    assert [(row["name"], row["seed"]) for row in told.json["scenarios"]] == [
        (name, seed) for name in "ab" for seed in (1, 3, 4)]
    assert len({row["run_dir"] for row in told.json["scenarios"]}) == 6
    for row in told.json["scenarios"]:
        assert json.loads((Path(row["run_dir"]) / "verdict.json").read_text())["seed"] == row["seed"]
    assert (told.code, told.json["verdict"]) == (0, "pass")


@pytest.mark.parametrize(("expected", "verdict", "code"), [
    ([PASS], "pass", 0), ([FAIL], "fail", 1), ([UNKNOWN], "unknown", 3), ([PASS, UNKNOWN], "unknown", 3),
    ([UNKNOWN, FAIL, PASS], "fail", 1),
], ids=["pass", "fail", "unknown", "pass+unknown", "all"])
def test_the_exit_code_is_that_of_the_worst(sightline: Sightline, folder: Path, expected: list[str], verdict: str,
                                            code: int) -> None:
    for number, one in enumerate(expected):
        write(folder, f"s{number}", one)
    told = sightline("run", folder, "--json")
    assert (told.code, told.json["verdict"]) == (code, verdict)
    for row, one in zip(told.json["scenarios"], expected, strict=True):
        counts = {PASS: (1, 0, 0), FAIL: (0, 1, 0), UNKNOWN: (0, 0, 1)}[one]
        assert (row["held"], row["failed"], row["unknown"]) == counts


def test_for_people_it_says_the_same(sightline: Sightline, folder: Path) -> None:
    write(folder, "good"), write(folder, "poor", FAIL)
    told = sightline("run", folder, "--seed", "6")
    assert told.code == 1 and "\x1b" not in told.out + told.err
    assert "PASS" in told.out and "FAIL" in told.out and told.out.count("seed 6") == 2
    assert "no observed path" in told.out and "report.html" in told.out
    assert told.out.splitlines()[-1] == "fail"
    assert "starting the services" in told.err and "starting the services" not in told.out


# -- the files of a run; the demo's run is the richest at hand


@pytest.fixture(scope="module")
def lineage(placed: Demo) -> dict[str, Any]:
    content: dict[str, Any] = placed.read("lineage.json")
    return content


def test_lineage_json(lineage: dict[str, Any]) -> None:
    assert {"format", "scenario", "seed", "assets", "edges", "decisions", "findings", "zones", "evidence",
            "signals"} <= set(lineage)
    for edge in lineage["edges"]:
        assert {"from", "to", "state", "families", "count", "confidence", "via", "evidence"} <= set(edge)
        assert edge["state"] in ("declared", "observed", "blocked") and edge["families"] == sorted(edge["families"])
        assert set(edge["families"]) <= set("ABCD") and edge["confidence"] in ("HIGH", "LOW")
        assert (edge["count"] > 0) == (edge["state"] != "declared"), edge
    assert {edge["state"] for edge in lineage["edges"]} == {"declared", "observed", "blocked"}
    assert {family for edge in lineage["edges"] for family in edge["families"]} == set("ABCD")
    for asset in lineage["assets"]:
        assert {"name", "kind", "annotations", "fields"} <= set(asset)
        assert asset["name"].startswith(f"{asset['kind']}:") and "#" not in asset["name"]


def test_lineage_json_is_sorted_and_says_no_time(placed: Demo, lineage: dict[str, Any]) -> None:
    assert lineage["assets"] == sorted(lineage["assets"], key=lambda one: one["name"])
    edges = [(one["from"], one["to"], one["state"]) for one in lineage["edges"]]
    assert edges == sorted(set(edges))
    text = (placed.folder / "lineage.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    # A field of a contract may be called "at": what stands under it is a label.
    told = {**lineage, "assets": [{**one, "fields": list(one["fields"].values())} for one in lineage["assets"]]}
    assert not keys(told) & TIMING


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {*value, *(key for item in value.values() for key in keys(item))}
    return {key for item in value for key in keys(item)} if isinstance(value, list) else set()


def test_every_end_of_an_edge_is_an_asset(lineage: dict[str, Any]) -> None:
    known = {(asset["name"], field) for asset in lineage["assets"] for field in [*asset["fields"], ""]}
    for edge in lineage["edges"]:
        for end in (edge["from"], edge["to"]):
            name, _, field = end.partition("#")
            field, at, version = field.partition("@")
            assert (f"{name}{at}{version}", field) in known, end


def test_verdict_json(placed: Demo) -> None:
    verdict = placed.read("verdict.json")
    assert {"format", "scenario", "stage", "seed", "verdict", "steps", "expectations", "operations",
            "faults"} <= set(verdict)
    for one in verdict["expectations"]:
        assert set(one) == {"stage", "expectation", "given", "verdict", "saw"} and one["saw"]
    assert [one["step"] for one in verdict["steps"]] == ["ask", "ask", "batch", "train", "ask", "train", "new_job"]
    assert verdict["steps"][5]["outcome"] == "blocked" and verdict["steps"][5]["said"]["code"] == "PAI301"
    assert {"recall", "invented", "truth", "families"} <= set(verdict["operations"])
    assert not keys(verdict) & (TIMING - {"times"})  # how often a step asks


def test_lineage_db(placed: Demo, lineage: dict[str, Any]) -> None:
    with closing(sqlite3.connect(f"file:{placed.folder / 'lineage.db'}?mode=ro", uri=True)) as file:
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert {"signals", "edges", "decisions", "findings"} <= tables
        count = {table: file.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in sorted(tables)}
        edges = file.execute("SELECT source, target, state, count FROM edges ORDER BY 1, 2, 3").fetchall()
    assert edges == [(one["from"], one["to"], one["state"], one["count"]) for one in lineage["edges"]]
    assert count["decisions"] == len(lineage["decisions"]) and count["findings"] == len(lineage["findings"])
    assert count["signals"] == lineage["signals"]["recorded"] == lineage["signals"]["delivered"]
    # One file that can be copied: nothing waits in a log beside it.
    assert not list(placed.folder.glob("lineage.db-*")) and not list(placed.folder.glob("journal.db-*"))


def test_journal_db(placed: Demo) -> None:
    with closing(sqlite3.connect(f"file:{placed.folder / 'journal.db'}?mode=ro", uri=True)) as file:
        processes = {name for (name,) in file.execute("SELECT DISTINCT process FROM records")}
        holes = file.execute("SELECT process FROM records GROUP BY process HAVING max(n) != count(*)").fetchall()
    assert processes == {"app", "web", "logger", "warehouse", "inference", "training", "policy"} and holes == []


def test_the_report_is_one_offline_file(placed: Demo) -> None:
    page = (placed.folder / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page and "training:ads_ranker" in page
    assert not [mark for mark in ('src="http', 'href="http', "url(http", "@import") if mark in page]
