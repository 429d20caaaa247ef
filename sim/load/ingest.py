"""``sightline bench ingest``: events a second through the logger into the table, and how long one takes.

Four real processes with everything on: PrivacyLib, guard in enforcement mode, signals to the collector, the taps of
the truth.  A round is a burst of events by several clients in closed loops; its rate counts from the first append to
the moment when a reader of the table's file has seen the last row.  Latency is from an append to its row, in that
burst: most of it is waiting for those before.  Nothing may be lost: what was acknowledged is in the table, once.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sim.load.intervals import median
from sim.load.logged import DRAIN, Producers, Table, logging_stack
from sim.load.logged import producers as producers_of

ROUNDS = 10
EVENTS = 6_400
CLIENTS = 8
EACH = 32
# Seconds between two looks at the table: what a latency is known to.
LOOK = 0.004
CPU = ("logger", "warehouse", "collector")
Progress = Callable[[str], None]


def measure(rounds: int = ROUNDS, *, events: int = EVENTS, clients: int = CLIENTS, each: int = EACH, seed: int = 1,
            progress: Progress = lambda text: None) -> dict[str, Any]:
    """``{"logger": {…}}``; figures are [value, low, high]: medians over the rounds with 95 % intervals.

    Raises RunError (PAI031) when a process dies."""
    with tempfile.TemporaryDirectory(prefix="sightline-ingest-") as folder:
        return {"logger": asyncio.run(_logger(Path(folder), rounds, events, clients, each, seed, progress))}


async def _logger(folder: Path, rounds: int, events: int, clients: int, each: int, seed: int,
                  progress: Progress) -> dict[str, Any]:
    progress("starting the processes")
    rates, p50, p99 = [], [], []
    async with logging_stack(folder, seed) as stack, producers_of(stack.addresses, seed) as producers:
        table = Table(folder)
        for number in range(rounds + 1):  # the first warms up
            if number == 1:
                before = {name: cpu_of(stack.pid(name)) for name in CPU}
            progress(f"round {number} of {rounds}")
            rate, latencies = await _round(producers, table, events, clients, each)
            if number:
                rates.append(rate)
                p50.append(float(np.percentile(latencies, 50)) * 1e3)
                p99.append(float(np.percentile(latencies, 99)) * 1e3)
        used = {name: (cpu_of(stack.pid(name)) - before[name]) / (rounds * (events // each * each)) for name in CPU}
        await stack.check()
        rows = Counter(table.all())
    accepted = producers.account.accepted
    return {"events_per_second": median(rates).rounded(1), "p50_ms": median(p50).rounded(2),
            "p99_ms": median(p99).rounded(2), "rounds": rounds,
            "cpu_us_an_event": {name: round(value * 1e6, 1) for name, value in used.items()},
            "events": (rounds + 1) * events // each * each,
            "clients": clients, "events_an_append": each, "accepted": len(accepted), "in_table": len(rows),
            "lost": len(accepted - set(rows)), "twice": sum(count > 1 for count in rows.values()),
            "sent_again": producers.account.repeated, "confidence": "95 % bootstrap over rounds"}


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used: its CLOCK_PROCESS_CPUTIME_ID, as clock_getcpuclockid(3) makes it."""
    return time.clock_gettime((~pid << 3) | 2)


async def _round(producers: Producers, table: Table, events: int, clients: int, each: int) -> tuple[float, list[float]]:
    """Events a second, and the latency of each in seconds."""
    sent = producers.account.sent
    want = events // each * each
    found: list[float] = []
    begun = time.monotonic()
    sending = asyncio.create_task(_sent(producers, events, clients, each))
    while len(found) < want and time.monotonic() < begun + DRAIN:
        await asyncio.sleep(LOOK)
        rows = await asyncio.to_thread(table.new)
        now = time.monotonic()
        found += [now - sent[session] for session in rows]
        if sending.done():
            sending.result()
    await sending
    return len(found) / (time.monotonic() - begun), found


async def _sent(producers: Producers, events: int, clients: int, each: int) -> None:
    await producers.send(events, clients, each)
    await producers.flush()  # the last batch is not full
