"""The paired closed-loop driver: what PrivacyLib costs on the whole five-service request.

``clients`` ask one question after another, so many questions a block; the arms take turns in an
order that is shuffled each round.  What is compared is CPU time per request (of the services and
the app; the collector's apart) and requests per second, each round with itself.  The control
compares ``off`` with ``off`` built again: its interval says what this machine can resolve.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

from lineage.errors import RunError
from sim.load import intervals
from sim.load.arms import ARMS, Arm, arm
from sim.load.traffic import Traffic
from sim.scenario.schema import Scenario
from sim.stack import ending
from sim.world.glasses import Capture

ROUNDS = 30
REQUESTS = 40
CLIENTS = 4
Progress = Callable[[str], None]


class Block(NamedTuple):
    """One block of one arm: CPU microseconds a request of services and collector, and requests a second."""

    services: float
    collector: float
    throughput: float


def measure(scenario: Scenario, seed: int, *, rounds: int = ROUNDS, requests: int = REQUESTS, clients: int = CLIENTS,
            progress: Progress = lambda text: None) -> dict[str, Any]:
    """The report.  Raises InputError (PAI010) for a scenario that asks nothing, RunError when a request fails."""
    traffic = Traffic(scenario, seed)
    with tempfile.TemporaryDirectory(prefix="sightline-load-") as folder:
        blocks = ending.run(_measure(Path(folder), scenario, seed, traffic, rounds, requests, clients, progress))
    return {"scenario": scenario.name, "rounds": rounds, "requests": rounds * requests, "clients": clients,
            **report(blocks)}


def report(blocks: dict[str, list[Block]]) -> dict[str, Any]:
    """Per arm the medians; ``capture`` and the control ``again`` against ``off``, with intervals."""
    def column(name: str, field: str) -> list[float]:
        return [getattr(block, field) for block in blocks[name]]

    told: dict[str, Any] = {"arms": {name: {
        "cpu_us": round(intervals.median(column(name, "services")).value, 1),
        "collector_us": round(intervals.median(column(name, "collector")).value, 1),
        "requests_per_second": round(intervals.median(column(name, "throughput")).value, 2)} for name in blocks}}
    for name, arm_name in (("capture", "capture"), ("control", "again")):
        added = [one - base for one, base in zip(column(arm_name, "services"), column("off", "services"), strict=True)]
        told[name] = {
            "added_cpu_us": intervals.median(added).rounded(1),
            "cpu": intervals.ratio(column(arm_name, "services"), column("off", "services")).rounded(),
            "throughput": intervals.ratio(column(arm_name, "throughput"), column("off", "throughput")).rounded()}
    return told


async def _measure(folder: Path, scenario: Scenario, seed: int, traffic: Traffic, rounds: int, requests: int,
                   clients: int, progress: Progress) -> dict[str, list[Block]]:
    async with AsyncExitStack() as running:
        arms = []
        for name in ARMS:
            progress(f"starting the arm {name}")
            arms.append(await running.enter_async_context(arm(name, folder, scenario, seed)))
        blocks: dict[str, list[Block]] = {name: [] for name in ARMS}
        order = random.Random(seed)
        for number in range(rounds + 1):
            progress(f"round {number} of {rounds}" if number else "warming up")
            order.shuffle(arms)
            for one in arms:
                await asyncio.gather(*(_wake(one, capture) for capture in itertools.islice(traffic, clients)))
                await one.drain()
                block = await _block(one, list(itertools.islice(traffic, requests)), clients)
                if number:
                    blocks[one.name].append(block)
        return blocks


async def _wake(arm_: Arm, capture: Capture) -> None:
    """A question that is not timed: a connection that idled while others had their turn may be closed under it."""
    try:
        await arm_.app.ask(capture)
    except RunError:
        await arm_.app.ask(capture)


async def _block(arm_: Arm, captures: list[Capture], clients: int) -> Block:
    left = iter(captures)

    async def client() -> None:
        for capture in left:
            await arm_.app.ask(capture)

    gc.collect()
    collector, cpu, clock = arm_.collector_cpu(), time.process_time_ns(), time.perf_counter_ns()
    await asyncio.gather(*(client() for _ in range(clients)))
    seconds = (time.perf_counter_ns() - clock) / 1e9
    await arm_.drain()
    services = time.process_time_ns() - cpu
    per_request = 1_000 * len(captures)
    return Block(services / per_request, (arm_.collector_cpu() - collector) / per_request, len(captures) / seconds)
