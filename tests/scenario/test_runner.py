"""The runner: a whole run folder or none, taps that see what PrivacyLib misses, and services that die."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lineage.errors import InputError, RunError
from sim.scenario import runner
from sim.scenario.schema import expect, fault, step
from sim.scenario.stage import Outcome, Stage
from sim.scenario.vocabulary import STEPS
from sim.stack.config import SERVICES
from sim.stack.inproc import InprocStack
from sim.stack.processes import ProcessStack
from sim.truth import journal, moved
from tests.scenario.real_runs import Runs, faulty, rows, story

FILES = {"verdict.json", "lineage.json", "lineage.db", "journal.db", "report.html", "scenario.lock.yaml", "data"}
CLEAN = story("runner")
DAILY = "warehouse:core.daily_sessions"
TRAINING = story(
    "rows", step("train", manifest="assistant_eval", purpose="assistance"),
    step("train", manifest="ads_ranker", purpose="ads_ranking"),
    expected=[expect("enforce", "moved", from_=DAILY, to="training:assistant_eval", rows=2),
              expect("enforce", "moved", from_=DAILY, to="training:ads_ranker", rows=0)])


@pytest.fixture
def own(tmp_path: Path) -> Runs:
    """A runs folder that holds one finished run."""
    made = Runs(tmp_path / "runs")
    made.run(CLEAN)
    return made


def untouched(made: Runs) -> bool:
    """The one finished run is still the latest, and there is no other."""
    first = made.folder / "runner/1-seed11"
    return (made.folder / "latest").resolve() == first and list(made.folder.glob("*/*-seed*[0-9]")) == [first]


def answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as caller:
        return caller.connect_ex((host, int(port))) == 0


def stepping(patch: pytest.MonkeyPatch, kind: str, make: Any) -> None:
    patch.setitem(STEPS._entries, kind, replace(STEPS.lookup(kind), make=make))


def test_a_finished_run_is_whole(runs: Runs) -> None:
    done = runs.once(CLEAN)
    assert {path.name for path in done.path.iterdir()} >= FILES
    assert json.loads((done.path / "verdict.json").read_text()) == done.verdict
    assert json.loads((done.path / "lineage.json").read_text()) == json.loads(json.dumps(done.lineage))
    signals = done.lineage["signals"]
    [(stored,)] = rows(done.path / "lineage.db", "SELECT count(*) FROM signals")
    assert signals["recorded"] == signals["delivered"] == stored
    assert not list(done.path.rglob("*.partial")) and not (done.path / "data/journal").exists()


def test_the_seed_given_wins(runs: Runs) -> None:
    done = runs.run(CLEAN, 12)
    assert done.path.name.endswith("-seed12") and "seed: 12\n" in (done.path / "scenario.lock.yaml").read_text()
    assert done.verdict["seed"] == done.lineage["seed"] == 12


def test_progress_says_what_is_waited_for(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_RUNS", str(runs.folder))
    said: list[str] = []
    runner.run(CLEAN, progress=said.append)
    assert said[0] == "starting the services" and said[1:3] == ["ask", "batch"] and len(said) == 5


def test_the_tap_sees_what_the_library_misses(runs: Runs) -> None:
    """With its probes dropped, the table has no signal; the journal below the storage has every access."""
    clean = runs.once(CLEAN)
    silenced = runs.run(faulty(CLEAN, fault("drop_probe", asset="warehouse:core.sessions")))
    touched = "SELECT op, rows FROM records WHERE locator = 'sql:core.sessions' ORDER BY n"
    told = "SELECT op, rows FROM signals WHERE asset = 'warehouse:core.sessions' AND op IN ('read', 'write')"
    assert rows(silenced.path / "journal.db", touched) == rows(clean.path / "journal.db", touched) != []
    assert rows(clean.path / "lineage.db", told) != [] == rows(silenced.path / "lineage.db", told)
    operations = silenced.verdict["operations"]
    assert operations["matched"] == operations["truth"] - 2 and operations["recall"] < 1
    assert operations["families"]["B"]["operations"] < 1 == operations["families"]["C"]["operations"]


def test_rows_that_moved_are_counted_below_the_storage(runs: Runs) -> None:
    done = runs.once(TRAINING)
    assert done.verdict["verdict"] == "pass"
    allowed, refused = (one for one in done.verdict["steps"] if one["step"] == "train")
    assert (allowed["outcome"], refused["outcome"]) == ("done", "blocked")
    records = journal.Journal.read(done.path / "journal.db")
    found = moved.moved(records, DAILY, "training:assistant_eval")
    assert found.armed and found.rows == allowed["said"]["rows"] == TRAINING.world.wearers
    assert moved.moved(records, DAILY, "training:ads_ranker") == (0, True)


def test_a_run_that_moved_nothing_is_told_from_one_that_was_never_tried(runs: Runs) -> None:
    """The same two expectations, and no training run: neither can be told."""
    done = runs.run(replace(TRAINING, name="untried", steps=TRAINING.steps[:2]))
    assert {one["verdict"] for one in done.verdict["expectations"]} == {"unknown"}
    assert done.verdict["verdict"] == "unknown"


def test_what_the_user_got_wrong_leaves_nothing(own: Runs) -> None:
    wrong = story("wrong", step("train", manifest="no_such_manifest"))
    with pytest.raises(InputError) as caught:
        own.run(wrong)
    assert caught.value.code == "PAI012" and caught.value.where.startswith("tests/scenario/test_runner.py:")
    assert not list((own.folder / "wrong").rglob("*"))
    assert untouched(own)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyboardInterrupt()], ids=["bug", "interrupted"])
def test_a_run_that_was_broken_off_leaves_nothing(own: Runs, monkeypatch: pytest.MonkeyPatch,
                                                  error: BaseException) -> None:
    made: list[InprocStack] = []
    addresses: list[str] = []
    before = threading.enumerate()

    def spy(*given: Any) -> InprocStack:
        made.append(InprocStack(*given))
        return made[-1]

    async def broken(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
        addresses.extend(str(address["grpc"]) for address in made[0].addresses.values())
        raise error

    monkeypatch.setattr(runner, "InprocStack", spy)
    stepping(monkeypatch, "batch", broken)
    with pytest.raises(type(error)):
        own.run(story("broken"))
    assert not list((own.folder / "broken").rglob("*"))
    assert untouched(own)
    # A server that lost its tasks while it served is written to by the next call: a crash, some time later.
    assert len(addresses) == len(SERVICES) and not any(map(answers, addresses))
    assert not [one.name for one in threading.enumerate() if one not in before and one.name.startswith("ship-")]


def test_a_run_that_could_not_be_completed_is_kept_apart(own: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dying(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
        log = own.folder / "died/1-seed11.partial/logs/warehouse.log"
        log.parent.mkdir()
        log.write_text("the reason")
        raise RunError("PAI031", "it died", where=str(log))

    stepping(monkeypatch, "batch", dying)
    with pytest.raises(RunError) as caught:
        own.run(story("died"))
    kept = own.folder / "died/1-seed11.aborted"
    assert kept.is_dir() and str(kept) in caught.value.next
    assert not (kept / "lineage.json").exists() and untouched(own)
    assert Path(caught.value.where).read_text() == "the reason"  # the folder was renamed; the message knows


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_service_that_no_step_needs_dies(own: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector: every step works without it, and nothing that was captured arrives.

    tests/cli/test_bad_input.py kills one that a step needs.
    """
    service = "collector"
    made: list[ProcessStack] = []
    pids: dict[str, int] = {}
    start, batch = runner.processes, STEPS.lookup("batch").make

    def spy(*given: Any) -> ProcessStack:
        made.append(start(*given))
        made[-1]._stop_seconds = 1  # each emitter would wait longer than that for its last flush
        return made[-1]

    async def stab(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
        pids.update({name: made[0].pid(name) for name in SERVICES})
        os.kill(pids[service], signal.SIGKILL)
        return await batch(stage, given, where)

    monkeypatch.setattr(runner, "processes", spy)
    stepping(monkeypatch, "batch", stab)
    try:
        with pytest.raises(RunError) as caught:
            own.run(story("killed"), topology="processes")
    finally:
        left = [name for name, pid in pids.items() if running(pid)]
    assert len(pids) == len(SERVICES) and left == []
    assert caught.value.code == "PAI031" and caught.value.exit_code == 3
    assert service in f"{caught.value.what} {caught.value.where}"
    kept = own.folder / "killed/1-seed11.aborted"
    assert str(kept) in caught.value.next and (kept / f"logs/{service}.log").is_file()
    assert untouched(own)
