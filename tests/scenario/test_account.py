"""The account of a run's signals: what was lost is named by emitter and number, in words that a person understands."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.discover.store import Store
from lineage.model import Signal
from sim.scenario.account import account, checks
from sim.scenario.stage import Outcome, Stage
from sim.scenario.vocabulary import STEPS
from sim.show import terminal, words
from tests.scenario.real_runs import Runs, story

ASK = STEPS.lookup("ask").make


def signal(emitter: str, seq: int) -> Signal:
    return Signal(emitter, seq, "read", "web:ask", keys=("k",))


def text(signals: dict[str, Any]) -> list[str]:
    return words.account(signals)


def test_what_each_life_of_an_emitter_lost_is_told_apart() -> None:
    store = Store(":memory:")
    store.add([signal("web", seq) for seq in (0, 1, 4)], emitter="web", incarnation="1", recorded=7)
    store.add([signal("web", 1)], [3], emitter="web", incarnation="2", recorded=4)
    store.add([signal("app", 0)], emitter="app", incarnation="1", recorded=1)
    found = account(store, {"web": {"recorded": 4, "spooled": 2}, "app": {"recorded": 1}})
    assert found == {
        "recorded": 12, "delivered": 7, "lost": 5, "spooled": 2, "merged": 2, "emitters": [
            {"emitter": "app", "recorded": 1, "delivered": 1, "lost": 0, "spooled": 0, "merged": 0, "missing": []},
            {"emitter": "web", "recorded": 11, "delivered": 6, "lost": 5, "spooled": 2, "merged": 2, "missing": [
                {"start": 1, "first": 2, "last": 3}, {"start": 1, "first": 5, "last": 6},
                {"start": 2, "first": 0, "last": 0}]}],
        "consent": {"checked": 0, "withheld": 0, "seconds": 0.0}}
    assert text(found) == [
        "12 signals recorded, 7 delivered, each once; 2 of them waited on disk while the collector was away; "
        "2 travelled merged with others that are alike",
        "5 lost (PAI203): what passed then is unknown",
        "  web: numbers 2 to 3 of its 11 signals never arrived",
        "  web: numbers 5 to 6 of its 11 signals never arrived",
        "  web, start 2: number 0 of its 11 signals never arrived"]


def test_checks_for_consent_are_counted_and_told_by_the_second() -> None:
    store = Store(":memory:")
    store.add([Signal("warehouse", seq, "read", "warehouse:core.sessions", keys=("k",), activity=f"job:j{seq}",
                      detail={"consent": {"checked": 300, "withheld": seq, "ns": 1_000_000}}) for seq in (0, 1)],
              emitter="warehouse", recorded=2)
    assert checks(store, "job:j1") == {"checked": 300, "withheld": 1, "seconds": 0.001}
    assert text(account(store, {}))[1:] == [
        "600 rows checked for consent, 1 withheld; 300,000 checks/s in the statements that asked"]


@given(st.dictionaries(st.sampled_from(["app", "web", "logger"]),
                       st.tuples(st.sets(st.integers(0, 20)), st.integers(0, 25)), max_size=3))
def test_recorded_is_delivered_and_lost_and_the_ranges_are_what_was_lost(given_: dict[str, Any]) -> None:
    store = Store(":memory:")
    for emitter, (numbers, recorded) in given_.items():
        store.add([signal(emitter, seq) for seq in numbers], emitter=emitter, recorded=recorded)
    found = account(store, {})
    assert found["recorded"] == found["delivered"] + found["lost"]
    for row in found["emitters"]:
        numbers, recorded = given_[row["emitter"]]
        missing = {seq for hole in row["missing"] for seq in range(hole["first"], hole["last"] + 1)}
        assert missing == set(range(max([recorded, *(seq + 1 for seq in numbers)]))) - numbers
        assert row["lost"] == len(missing)


def printed(done: Any) -> str:
    out = io.StringIO()
    terminal.print_run(done.verdict, done.lineage, done.path, account=done.account, out=terminal.console(out))
    return out.getvalue()


def test_a_run_that_lost_nothing_says_so(tmp_path: Any) -> None:
    done = Runs(tmp_path / "runs").run(story("account"))
    signals = done.account
    assert signals["recorded"] == signals["delivered"] == done.lineage["signals"]["recorded"] > 0
    assert (signals["lost"], [row["missing"] for row in signals["emitters"]]) == (0, [[]] * len(signals["emitters"]))
    assert f"{signals['recorded']} signals recorded, {signals['delivered']} delivered, each once\n" in printed(done)
    assert "PAI203" not in printed(done)


def test_a_run_that_lost_a_signal_says_whose_and_which(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(stage: Stage, given: Any, where: str) -> Outcome:
        app: Any = stage.app
        with app.lib.scope(), app.lib.read("no asset name"):  # which the collector will not take
            pass
        outcome: Outcome = await ASK(stage, given, where)
        return outcome

    monkeypatch.setitem(STEPS._entries, "ask", replace(STEPS.lookup("ask"), make=ask))
    done = Runs(tmp_path / "runs").run(story("account-lost"))
    signals = done.account
    assert (signals["recorded"] - signals["delivered"], signals["lost"]) == (1, 1)
    (hole,) = next(row for row in signals["emitters"] if row["emitter"] == "app")["missing"]
    told = next(row for row in signals["emitters"] if row["emitter"] == "app")["recorded"]
    assert f"  app: number {hole['first']} of its {told} signals never arrived\n" in printed(done)
    assert {one["code"] for one in done.lineage["findings"]} >= {"PAI203", "PAI207"}
