"""The arms of the paired driver: whole stacks, side by side, that differ in one thing.

The five services, the policy service and the app of an arm run in this process over real gRPC and
HTTP, so that one clock has all of their CPU time; the collector is a process of its own, as where
it is deployed, so that its work is told apart.  No tap is armed in either.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.load import bare
from sim.load.running import deployed, train
from sim.load.untapped import Untapped
from sim.scenario.schema import Scenario
from sim.stack import compose
from sim.stack.companion import Companion, companion
from sim.stack.config import SERVICES, NodeConfig
from sim.stack.injected import Seams
from sim.stack.node import Node, serve
from sim.stack.processes import ProcessStack
from sim.stack.topology import COMPOSE
from sim.world.app import CompanionApp
from sim.world.clock import SimClock

# Arm → does PrivacyLib work in it.  ``again`` is ``off`` built a second time: the A/A control.
ARMS = {"off": False, "again": False, "capture": True}
# CLOCK_PROCESS_CPUTIME_ID of another process, as clock_getcpuclockid(3) makes it on Linux.
_CPU_CLOCK = 2
# Seconds.
_DRAIN = 30.0


@dataclass
class Arm:
    """``collector``: its process id."""

    name: str
    app: CompanionApp
    collector: int
    _nodes: list[Node]
    _companion: Companion

    async def drain(self) -> None:
        """Everything recorded is delivered: what a block recorded is shipped at that block's expense."""
        sinks = [node.sink for node in self._nodes if node.sink is not None]
        await asyncio.gather(self._companion.drain(), *(asyncio.to_thread(sink.flush, _DRAIN) for sink in sinks))

    def collector_cpu(self) -> int:
        """CPU nanoseconds of the collector's process so far."""
        return time.clock_gettime_ns((~self.collector << 3) | _CPU_CLOCK)


@asynccontextmanager
async def arm(name: str, folder: Path, scenario: Scenario, seed: int) -> AsyncIterator[Arm]:
    """Starts one arm below ``folder``; its model has been trained."""
    data = folder / name / "data"
    data.mkdir(parents=True)
    deployment = deployed(data, scenario)
    async with AsyncExitStack() as running:
        spec = next(one for one in compose.processes(COMPOSE) if one.name == "collector")
        collector = await running.enter_async_context(
            ProcessStack([spec], logs=folder / name / "logs", data=data, environment={"SIGHTLINE_SEED": str(seed)}))
        addresses: dict[str, dict[str, Any]] = {"collector": dict(collector.addresses["collector"])}
        nodes: list[Node] = []
        for service in SERVICES[1:]:
            known = {other: address["grpc"] for other, address in addresses.items()}
            nodes.append(node := await serve(service, NodeConfig(data, seed, addresses=known), _seams(name)))
            running.push_async_callback(node.stop)
            addresses[service] = {"grpc": node.grpc, "http": node.http}
        config = NodeConfig(data, seed, addresses={name: addresses[name]["grpc"] for name in ("collector", "policy")})
        own = await running.enter_async_context(companion(config, _seams(name), addresses["web"]["http"]))
        await train(addresses, deployment, seed)
        yield Arm(name, own.app, collector.pid("collector"), nodes, own)


def _seams(name: str) -> Seams:
    seams = Seams(SimClock(), Untapped())
    if not ARMS[name]:
        seams.library = bare.library
    return seams

