"""sightline load: one measurement at a time, of one scenario."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sim.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    with pytest.raises(SystemExit) as ended:
        main(["load", *arguments, "--json"])
    return int(str(ended.value.code)), json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("arguments", [
    ("--self-time", "--kill", "collector"), ("--locust", "--self-time"), ("--kill", "web"), ("scenarios",)])
def test_what_cannot_be_measured_is_a_usage_error(arguments: tuple[str, ...],
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(capsys, *arguments)
    assert code == 2
    assert told["error"]["code"] == "PAI010"


@pytest.mark.parametrize(("lost", "exit_code"), [(0, 0), (3, 1)])
def test_a_loss_fails(lost: int, exit_code: int, monkeypatch: pytest.MonkeyPatch,
                      capsys: pytest.CaptureFixture[str]) -> None:
    from sim.load import kill

    told = {"signals": {"recorded": 10, "delivered": 10 - lost, "lost": lost, "spooled": 4}}
    monkeypatch.setattr(kill, "measure", lambda *given, **options: told)
    assert run(capsys, "--kill", "collector") == (exit_code, told)
