"""The benchmark of consent: small, but whole; and an observer that would notice a withdrawal that does not hold."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from lineage.errors import PolicyDenied, RunError
from sim.cli.main import main
from sim.load import consenting, observing
from sim.load.observing import Observer, Seen


@pytest.mark.timeout(240)
def test_nobody_who_looks_after_the_acknowledgement_sees_her() -> None:
    report = consenting.measure(3, rows=2_000, rounds=2)
    assert set(report["revocation"]) == {"statement", "read", "answer"}
    for seen in report["revocation"].values():
        assert seen["withdrawals"] == 3 and seen["looks_begun_after"] >= 3 * observing.AFTER and seen["saw_after"] == 0
        assert all(0 < low <= value <= high for value, low, high in (seen["p50_ms"], seen["p99_ms"]))
    for checked in report["checks"].values():
        # 2,000 rows and those of the wearers themselves, in two rounds and the one before them.
        assert checked["checked"] >= 3 * 2_000 and checked["withheld"] >= 3 * 3
        assert checked["checks_per_second"] > 0 and checked["with_s"][0] > 0 < checked["without_s"][0]


async def watched(sees_until: float, *, refuse_once: bool = False) -> Seen:
    """An observer of a wearer who is seen for ``sees_until`` seconds after her withdrawal."""
    seen = Seen()
    refusals = [refuse_once]

    async def look(wearer: str) -> bool:
        await asyncio.sleep(0.002)
        if refusals.pop() if refusals else False:
            raise PolicyDenied("PAI303", "of another epoch")
        return one.acknowledged is None or time.perf_counter() < one.acknowledged + sees_until

    one = Observer(look, "w-1", seen)
    task = asyncio.create_task(one.watch())
    await one.first.wait()
    one.acknowledged = time.perf_counter()
    await task
    return seen


async def test_an_observer_tells_a_stale_look_from_one_under_way() -> None:
    at_once = await watched(0, refuse_once=True)
    assert (at_once.saw_after, at_once.refused, len(at_once.latencies)) == (0, 1, 1)
    late = await watched(0.05)
    assert late.saw_after > 0 and late.latencies[0] >= 0.05


async def test_who_is_never_seen_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "PATIENCE", 0.02)

    async def look(wearer: str) -> bool:
        await asyncio.sleep(0.001)
        return False

    with pytest.raises(RunError, match="never seen"):
        await Observer(look, "w-1", Seen()).watch()


@pytest.mark.parametrize(("saw", "exit_code"), [(0, 0), (1, 1)])
@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_fails_when_a_withdrawal_did_not_hold(saw: int, exit_code: int, as_json: bool,
                                                          monkeypatch: pytest.MonkeyPatch,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    three = [1.0, 0.5, 2.0]
    seen = {"withdrawals": 2, "p50_ms": three, "p99_ms": three, "looks_begun_after": 6, "saw_after": saw, "refused": 0}
    checked = {"rows": 9, "rounds": 2, "with_s": three, "without_s": three, "ns_a_row": three, "checked": 27,
               "withheld": 3, "checks_per_second": 4}
    monkeypatch.setattr(consenting, "measure", lambda withdrawals, **options: {
        "revocation": {"statement": seen}, "checks": {"daily_sessions": checked}})
    with pytest.raises(SystemExit) as ended:
        main(["bench", "consent", *(["--json"] if as_json else [])])
    assert ended.value.code == exit_code
    out = capsys.readouterr().out
    assert json.loads(out)["revocation"]["statement"]["saw_after"] == saw if as_json else "1 [0.5..2]" in out
