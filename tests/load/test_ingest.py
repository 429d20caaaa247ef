"""The logger as real processes: killed in the middle of traffic, nothing acknowledged is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from sim.cli.main import main
from sim.load import collecting, ingest
from sim.load.logged import Table, logging_stack
from sim.load.logged import producers as producers_of

EVENTS, CLIENTS, EACH = 400, 4, 8


@pytest.mark.timeout(240)
async def test_what_was_acknowledged_before_a_kill_is_in_the_table_once(tmp_path: Path) -> None:
    """The logger is killed twice while appends are under way, the warehouse once while it is needed."""
    async with logging_stack(tmp_path, 1) as stack, producers_of(stack.addresses, 1) as producers:
        account = producers.account
        for victim in ("logger", "warehouse", "logger"):
            sending = asyncio.create_task(producers.send(EVENTS, CLIENTS, EACH))
            await producers.accepted(len(account.accepted) + EVENTS // 5)
            assert not sending.done(), "killed in the middle, not after it"
            stack.kill(victim)
            await stack.restart(victim)
            await sending
        assert len(account.accepted) == 3 * EVENTS and account.repeated > 0, "a kill was noticed by the producers"
        await producers.flush()
        await stack.check()
        rows = Counter(Table(tmp_path).all())
    assert set(rows) == account.accepted and set(rows.values()) == {1}


@pytest.mark.timeout(120)
def test_the_benchmark_accounts_for_every_event() -> None:
    report = ingest.measure(2, events=128, clients=2, each=16)["logger"]
    assert report["accepted"] == report["in_table"] == report["events"] == 384
    assert report["lost"] == report["twice"] == 0
    for figure in ("events_per_second", "p50_ms", "p99_ms"):
        value, low, high = report[figure]
        assert 0 < low <= value <= high


def test_the_collector_is_measured_beside_sqlite_utils_on_the_same_signals() -> None:
    report = collecting.measure(2, signals=600)
    assert report["sent"] == report["stored"] == 600 and report["lost"] == 0
    assert all(0 < low <= value <= high for value, low, high in (
        report["signals_per_second_a_core"], report["insert_all"], report["ratio"]))


@pytest.mark.parametrize(("lost", "exit_code"), [(0, 0), (2, 1)])
@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_fails_when_something_was_lost(lost: int, exit_code: int, as_json: bool,
                                                   monkeypatch: pytest.MonkeyPatch,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    three = [1.0, 0.5, 2.0]
    logger = {"events_per_second": three, "p50_ms": three, "p99_ms": three, "rounds": 4, "accepted": 9,
              "in_table": 9 - lost, "lost": lost, "twice": 0, "cpu_us_an_event": {"logger": 3.5}}
    collector = {"signals_per_second_a_core": three, "insert_all": three, "ratio": three, "rounds": 4, "lost": 0}
    monkeypatch.setattr(ingest, "measure", lambda rounds, **options: {"logger": logger})
    monkeypatch.setattr(collecting, "measure", lambda rounds, **options: collector)
    with pytest.raises(SystemExit) as ended:
        main(["bench", "ingest", *(["--json"] if as_json else [])])
    assert ended.value.code == exit_code
    out = capsys.readouterr().out
    assert json.loads(out)["logger"]["lost"] == lost if as_json else "1 [0.5..2]" in out
