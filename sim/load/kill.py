"""``sightline load --kill collector``: is anything lost when the collector dies in the middle?

Real processes, real traffic; at half time the collector is killed with SIGKILL, stays away for a
while and is started again where it was.  Recorded is what the emitters say; delivered is what the
store holds, counted after everything has stopped.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from lineage.discover.store import Store
from lineage.errors import InputError, RunError
from protos import control_pb2, control_pb2_grpc
from sim.load.running import running
from sim.load.traffic import Traffic
from sim.scenario.schema import Scenario
from sim.stack.companion import Companion
from sim.stack.config import SERVICES
from sim.stack.processes import ProcessStack

KILLABLE = ("collector",)
SECONDS = 60.0
CLIENTS = 4
# Seconds that the collector stays away.
AWAY = 3.0
# Seconds for an emitter to deliver what it still holds.
DRAIN = 60.0
Progress = Callable[[str], None]


def measure(victim: str, scenario: Scenario, seed: int, *, seconds: float = SECONDS, clients: int = CLIENTS,
            progress: Progress = lambda text: None) -> dict[str, Any]:
    """The account.  Raises InputError (PAI010) for another victim, RunError (PAI031) when a process dies unasked."""
    if victim not in KILLABLE:
        raise InputError("PAI010", f"--kill is {victim!r}; it is {' or '.join(KILLABLE)}")
    traffic = Traffic(scenario, seed)
    with tempfile.TemporaryDirectory(prefix="sightline-load-") as folder:
        path = Path(folder)
        account = asyncio.run(_run(path, victim, scenario, seed, traffic, seconds, clients, progress))
        delivered, holes = _stored(path / "data" / "lineage.db")
    recorded = account["recorded"]
    return {"killed": victim, "seconds": seconds, "requests": account["requests"], "failed": account["failed"],
            "signals": {"recorded": recorded, "delivered": delivered, "lost": recorded - delivered,
                        "spooled": account["spooled"]}, "holes": holes}


async def _run(folder: Path, victim: str, scenario: Scenario, seed: int, traffic: Traffic, seconds: float,
               clients: int, progress: Progress) -> dict[str, int]:
    progress("starting the services")
    async with running(folder, scenario, seed) as (stack, app):
        asked = asyncio.create_task(_ask(app, traffic, seconds, clients))
        await asyncio.sleep(seconds / 2)
        progress(f"killing the {victim}")
        stack.kill(victim)
        await asyncio.sleep(min(AWAY, seconds / 4))
        progress(f"starting the {victim} again")
        await stack.restart(victim)
        counts = await asked
        await stack.check()
        progress("draining")
        return {**counts, **await _drain(stack, app)}


async def _ask(app: Companion, traffic: Traffic, seconds: float, clients: int) -> dict[str, int]:
    """Closed loop for ``seconds``; what failed is counted, and the others go on."""
    counts = {"requests": 0, "failed": 0}
    end = time.monotonic() + seconds

    async def client() -> None:
        while time.monotonic() < end:
            try:
                await app.app.ask(next(traffic))
                counts["requests"] += 1
            except RunError:
                counts["failed"] += 1

    await asyncio.gather(*(client() for _ in range(clients)))
    return counts


async def _drain(stack: ProcessStack, app: Companion) -> dict[str, int]:
    """What every emitter has recorded, once each has delivered it or ``DRAIN`` seconds are over."""
    end = time.monotonic() + DRAIN
    while True:
        accounts = [await app.drain()]
        for name in SERVICES[1:]:
            async with grpc.aio.insecure_channel(stack.addresses[name]["grpc"]) as channel:
                answer = await control_pb2_grpc.ControlStub(channel).Drain(control_pb2.DrainRequest(), timeout=DRAIN)
            accounts.append(json.loads(answer.account))
        totals = {key: sum(int(account.get(key, 0)) for account in accounts)
                  for key in ("recorded", "delivered", "spooled")}
        if totals["delivered"] >= totals["recorded"] or time.monotonic() >= end:
            return totals


def _stored(path: Path) -> tuple[int, int]:
    """Signals in the store, each once, and the holes in their numbers."""
    store = Store(path)
    try:
        return sum(store.counts().values()), len(store.holes())
    finally:
        store.close()
