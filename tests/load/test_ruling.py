"""The measurement of ``bench rules``, on points that answer at once: what counts is told from what does not."""

from __future__ import annotations

import asyncio

import pytest

from lineage.errors import PolicyDenied, RunError
from sim.load import ruling
from sim.load.ruling import AFTER, Point, Round


class Enforcer:
    """Permits until it is told; ``leaks``: things that it permits after that."""

    def __init__(self, leaks: int = 0) -> None:
        self.told = False
        self.leaks = leaks

    async def act(self) -> None:
        await asyncio.sleep(0)
        if self.told:
            self.leaks -= 1
            if self.leaks < 0:
                raise PolicyDenied("PAI301", "not any more")


@pytest.mark.parametrize("leaks", [0, 1, 2])
async def test_what_is_begun_after_the_answer_and_permitted_is_counted(leaks: int) -> None:
    enforcer = Enforcer(leaks)
    point, watched = Point(enforcer.act), Round(1)
    task = asyncio.create_task(point.watch(watched))
    await watched.ready.wait()
    watched.asked = watched.answered = ruling.time.perf_counter()
    enforcer.told = True
    await task
    told = point.report()
    assert told["rounds"] == 1 and told["begun_after"] >= AFTER
    assert told["permitted_after"] in ((0,) if not leaks else (leaks, leaks - 1))  # one may have been under way
    assert told["first_refusal_p50_ms"][0] > 0 and told["last_acceptance_p50_ms"][0] <= told["first_refusal_p99_ms"][2]


async def test_a_rule_that_is_never_enforced_is_said_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ruling, "PATIENCE", 0.05)
    point, watched = Point(Enforcer().act), Round(1)
    watched.asked = watched.answered = ruling.time.perf_counter()
    with pytest.raises(RunError, match="was not enforced"):
        await point.watch(watched)


async def test_every_point_permits_before_a_rule_comes() -> None:
    watched, one, other = Round(2), Point(Enforcer().act), Point(Enforcer().act)
    for _ in range(3):
        watched.seen(one)
    assert not watched.ready.is_set()
    watched.seen(other)
    assert watched.ready.is_set()


def test_a_changed_file_of_a_service_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter([{"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"}])
    monkeypatch.setattr(ruling, "_services", lambda: next(told))

    async def nothing(*given: object) -> dict[str, object]:
        return {}

    monkeypatch.setattr(ruling, "_measured", nothing)
    assert ruling.measure(2)["services_changed"] == 2
