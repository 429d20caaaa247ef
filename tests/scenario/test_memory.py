"""The feedback loop in a whole run: with and without a memory, everything else equal; in one process and in many."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

from sim.scenario import runner
from sim.scenario.schema import Scenario
from tests.scenario.real_runs import Runs, bundled, outcome

LOOP: Scenario = next(one for one in bundled() if one.name == "memory-loop")
# The steps of the scenario that ask, and how many are answered in each.
ASKED = (3, 4, 4, 4)


def answers(run: runner.Run) -> list[list[str]]:
    """A list for each step that asks."""
    told = [one.answer for one in run.answers]
    assert len(told) == sum(ASKED)
    return [[told.pop(0) for _ in range(count)] for count in ASKED]


def test_an_answer_depends_on_what_she_asked_before_and_on_her_consent(runs: Runs) -> None:
    """The run again without the memory: what differs, differs because of it."""
    without = answers(runs.run(replace(LOOP, world=replace(LOOP.world, memory=False), expect=())))
    found = answers(runs.once(LOOP))
    differ = [[one != other for one, other in zip(mine, theirs, strict=True)]
              for mine, theirs in zip(found, without, strict=True)]
    assert differ == [[False] * 3, [True, True, True, False], [False, False, True, False], [False, False, True, True]]


def test_the_same_in_one_process_and_in_many(runs: Runs) -> None:
    many = runs.run(LOOP, topology="processes")
    assert outcome(many) == outcome(runs.once(LOOP))


def test_those_who_withdrew_are_read_by_nobody_and_gone_from_the_table(runs: Runs) -> None:
    """By the tables and the journal, not by the account of the PAI."""
    run = runs.once(LOOP)
    with closing(sqlite3.connect(run.path / "data/warehouse/feature.db")) as connection:
        kept = [wearer for (wearer,) in connection.execute("SELECT wearer FROM assistant ORDER BY wearer")]
    assert kept == ["w-0003", "w-0004"]
    with closing(sqlite3.connect(run.path / "journal.db")) as connection:
        rows = [count for (count,) in connection.execute(
            "SELECT rows FROM records WHERE process = 'web' AND op = 'received' "
            "AND locator = 'grpc:/sightline.Warehouse/Read:response' ORDER BY rowid")]
    # Three before any feature is made, four before the withdrawal, four after it, four after the job has run again.
    assert rows == [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1]


def test_without_a_memory_web_asks_neither_the_warehouse_nor_the_policy_service(runs: Runs) -> None:
    run = runs.once(next(one for one in bundled() if one.name == "ask-a-landmark"))
    with closing(sqlite3.connect(run.path / "journal.db")) as connection:
        called = {locator for (locator,) in connection.execute(
            "SELECT locator FROM records WHERE process = 'web' AND op = 'sent' AND locator LIKE 'grpc:%'")}
    assert called == {"grpc:/sightline.Inference/Generate:request", "grpc:/sightline.Logger/Append:request"}
