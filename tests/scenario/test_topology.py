"""One process for each service, or one for all of them: the same lineage.json and verdict.json, byte for byte."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sim.scenario import runner
from sim.scenario.schema import expect, fault, step
from sim.stack.config import SERVICES
from sim.stack.processes import ProcessStack
from tests.scenario.real_runs import QUESTION, Runs, outcome, story

# All that can differ between one process and many: hops, a refusal, a model that changes, faults on either side.
BUSY = story(
    "busy", step("train", manifest="assistant_eval", purpose="assistance"), step("ask", question=QUESTION, wearers=1),
    step("train", manifest="ads_ranker", purpose="ads_ranking"), step("export", export="daily_answers"),
    faults=[fault("strip_context", method="Logger/Append", after=1), fault("drop_probe", asset="web:ask", after=1),
            fault("unlink_write", asset="checkpoint:assistant@2"), fault("new_job", job="sessions_copy"),
            fault("side_channel", asset="logger:glasses_session", to="file", times=1)],
    expected=[expect("enforce", "moved", from_="warehouse:core.daily_sessions", to="training:assistant_eval", rows=2),
              expect("enforce", "moved", from_="warehouse:core.daily_sessions", to="training:ads_ranker", rows=0),
              expect("discover", "mediated", gaps=">= 1"),
              expect("demonstrate", "finding", code="PAI402", asset="job:sessions_copy")])


def test_the_same_in_one_process_and_in_many(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ProcessStack] = []
    start = runner.processes

    def spy(*given: Any) -> ProcessStack:
        made.append(start(*given))
        return made[-1]

    monkeypatch.setattr(runner, "processes", spy)
    alone = runs.once(BUSY)
    assert made == []
    many = runs.run(BUSY, topology="processes")
    assert outcome(many) == outcome(alone)
    assert alone.verdict["verdict"] == "pass"
    assert [one for one in alone.verdict["faults"] if not one["hits"]] == []

    [stack] = made
    pids = {stack.pid(name) for name in SERVICES}
    assert len(pids) == len(SERVICES) and os.getpid() not in pids
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]  # all were stopped, and waited for
    assert {path.name for path in (many.path / "logs").iterdir()} == {f"{name}.log" for name in SERVICES}
