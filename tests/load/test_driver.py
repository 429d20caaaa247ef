"""The paired driver: its traffic, its bare arm, and what it makes of its blocks."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from lineage.errors import InputError
from lineage.privacylib.context import parse_traceparent
from sim.load.bare import BareLib
from sim.load.driver import Block, report
from sim.load.traffic import DISTINCT, Traffic
from sim.scenario.schema import Scenario, World, step

ASKING = Scenario("asks", "discover", world=World(wearers=2), steps=(
    step("ask", wearers="all", question="What is that building?"), step("flush")))


def test_the_same_questions_come_again_under_new_keys() -> None:
    captures = list(itertools.islice(Traffic(ASKING, 1), 2 * DISTINCT))
    assert len({parse_traceparent(capture.traceparent) for capture in captures}) == 2 * DISTINCT
    assert len({capture.wearer for capture in captures}) == 2
    assert captures[0].photo == captures[DISTINCT].photo
    again = list(itertools.islice(Traffic(ASKING, 1), 2 * DISTINCT))
    assert captures == again


def test_a_scenario_that_asks_nothing_loads_nothing() -> None:
    with pytest.raises(InputError, match="no ask step") as error:
        Traffic(Scenario("idle", "discover", steps=(step("flush"),)), 1)
    assert error.value.code == "PAI010"


async def test_the_bare_arm_takes_what_is_said_and_does_nothing() -> None:
    seen: list[dict[str, Any]] = []

    class Channel:
        def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
            async def call(request: Any, **given: Any) -> str:
                seen.append(given)
                return f"{method} {request}"

            return call

    lib: Any = BareLib("web")
    with lib.scope(key="x"), lib.activity("job:x", purpose="p"), lib.handling("rpc:x.Y", {}) as context:
        with lib.read("web:ask", fields=("a",)) as op:
            op.rows = 3
        assert context.key
    lib.respond({"a": []})
    call = lib.channel(Channel()).unary_unary("/x/Y")
    assert await call("hi", sources={"a": []}, via="web:x", payload=1, timeout=2.0) == "/x/Y hi"
    assert await call("hi") == "/x/Y hi"
    assert seen == [{"timeout": 2.0}, {"timeout": 5.0}]
    app, server = object(), object()
    assert lib.asgi(app, {}) is app and lib.server(server) is server


def test_arms_are_compared_round_by_round() -> None:
    rounds = [1000.0, 3000.0, 2000.0]
    told = report({"off": [Block(one, 0.0, 100.0) for one in rounds],
                   "again": [Block(one, 0.0, 100.0) for one in rounds],
                   "capture": [Block(one * 1.05 + 1, 50.0, 96.0) for one in rounds]})
    assert told["control"] == {"added_cpu_us": [0.0, 0.0, 0.0], "cpu": [1.0, 1.0, 1.0], "throughput": [1.0, 1.0, 1.0]}
    assert told["capture"]["added_cpu_us"][0] == 101.0
    assert told["capture"]["cpu"][0] == pytest.approx(1.0505)
    assert told["capture"]["throughput"] == [0.96, 0.96, 0.96]
    assert told["arms"]["capture"] == {"cpu_us": 2101.0, "collector_us": 50.0, "requests_per_second": 96.0}
