"""``sightline score --coverage``: the inventory with what reported, and the audit account, of one or more scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.cli.coverage import Union
from sim.stack.config import SERVICES
from tests.cli.conftest import Sightline

STORY = """\
scenario: {name}
stage: discover
world: {{wearers: 1}}
steps:
  - ask: {{question: "What is that building?"}}
{more}
faults: [{fault}]
expect: {{discover: [{{complete: {{}}}}]}}
"""
FAULT = '{side_channel: {asset: "rpc:logger.Append", to: socket, service: web}}'
JOB = "  - batch: {job: daily_sessions}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scenarios"
    made.mkdir()
    return made


def write(folder: Path, name: str, fault: str = "", more: str = "") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(STORY.format(name=name, fault=fault, more=more))
    return path


def point(result: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    [found] = [one for one in result["points"] if (one["kind"], one["name"]) == (kind, name)]
    return dict(found)


def test_the_union_of_two_scenarios(sightline: Sightline, folder: Path) -> None:
    write(folder, "asking"), write(folder, "batching", more=JOB), write(folder, "tampered", FAULT)
    told = sightline("score", "--coverage", folder / "asking.yaml", folder / "batching.yaml", "--json")
    assert told.code == 0 and told.json["verdict"] == "pass"
    result = told.json
    assert result["scenarios"] == ["asking", "batching"]
    assert set(point(result, "handler", "inference.Generate")["scenarios"]) == {"asking", "batching"}
    assert set(point(result, "job", "job:daily_sessions")["scenarios"]) == {"batching"}
    silent = point(result, "manifest", "training:ads_ranker")
    assert (silent["signals"], silent["scenarios"]) == (0, {})  # not reached, and no failure
    for kind, total in result["totals"].items():
        assert total["points"] == total["reported"] + total["silent"] == sum(
            one["kind"] == kind for one in result["points"])
    assert result["unlisted"] == []
    audit = result["audit"]
    assert set(audit["services"]) == {"app", *SERVICES} - {"collector"} and audit["blind"] == [] == audit["gaps"]
    assert audit["services"]["warehouse"]["covered"]["database"] >= 2 and audit["unowned"]["file"] > 0


def test_io_outside_of_operations_is_shown_with_its_stack(sightline: Sightline, folder: Path) -> None:
    told = sightline("score", "--coverage", write(folder, "tampered", FAULT))
    assert told.code == 1 and "\x1b" not in told.out
    assert "web: a datagram was sent outside every operation × 1" in told.out
    assert "services.web.service:" in told.out and "1 outside every operation" in told.out
    header = next(line for line in told.out.splitlines() if line.startswith("service") and "covered" in line)
    assert header.split() == ["service", "covered", "own", "uncovered"]
    assert any(line.split()[:4] == ["web", "route", "POST", "/v1/ask"] for line in told.out.splitlines())
    totals = [line.split() for line in told.out.splitlines() if line.startswith("handler ")]
    assert [len(line) for line in totals] == [4] and int(totals[0][1]) == int(totals[0][2]) + int(totals[0][3]) > 10


def test_faulty_scenarios_are_left_out_unless_they_are_named(sightline: Sightline, folder: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.cli import run
    from sim.scenario import loader
    from sim.scenario.runner import REGISTRIES

    write(folder, "tampered", FAULT)
    monkeypatch.setattr(run, "load", lambda names: loader.select([str(folder)], REGISTRIES))
    told = sightline("score", "--coverage", "--json")
    assert (told.code, told.json["scenarios"], told.json["verdict"]) == (3, [], "unknown")


def test_what_the_inventory_does_not_have_is_a_line_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    from sim.cli.coverage import show

    result = Union().to_dict()
    result["unlisted"] = [{"service": "app", "op": "write", "asset": asset, "signals": 2}
                          for asset in ("file:made/1", "file:made/2", "feature:nearby")]
    show(result)
    said = [line for line in capsys.readouterr().out.splitlines() if "not in the inventory" in line]
    assert said == ["  not in the inventory: app write file:made/… × 4",
                    "  not in the inventory: app write feature:nearby × 2"]


ACCOUNT = {"armed": True, "covered": {"file": 1}, "own": {}, "uncovered": {}, "gaps": [], "failures": {},
           "process": "p", "unowned": {"file": 5}}


@pytest.mark.parametrize(("accounts", "verdict"), [
    ({"web": ACCOUNT}, "pass"),
    ({}, "unknown"),
    ({"web": {}}, "unknown"),
    ({"web": ACCOUNT, "app": {**ACCOUNT, "armed": False}}, "unknown"),
    ({"web": {**ACCOUNT, "failures": {"KeyError": 1}}}, "unknown"),
    ({"web": {**ACCOUNT, "covered": {}}}, "unknown"),
    ({"web": ACCOUNT,
      "app": {**ACCOUNT, "uncovered": {"file": 2}, "gaps": [{"what": "w", "stack": "s", "count": 2}]}}, "fail"),
])
def test_the_verdict(accounts: dict[str, Any], verdict: str) -> None:
    union = Union()
    union.add_audit("one", accounts)
    result = union.to_dict()
    assert result["verdict"] == verdict
    services = sum(bool(one) and one["armed"] and not one["failures"] for one in accounts.values())
    assert result["audit"]["unowned"] == ({"file": 5} if services else {})  # one process, counted once
