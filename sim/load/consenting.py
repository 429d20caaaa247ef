"""``sightline bench consent``: what the check of each row's consent costs, and how long a withdrawal takes to hold.

Every process of the stack, with everything on but the taps of the app.  *Revocation*: a wearer whose rows three
observers (observing.py) see takes her consent back, while they look; the latency is from the policy service's
acknowledgement to the end of the first look that shows nothing.  What counts is that no look *begun* after it shows
anything: one that was under way may.  *Checks*: the same statements over the same rows, once for a purpose that asks
for consent and once for one that does not, in turn; the difference, by row, is the check.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from lineage.discover.store import Store
from protos import logger_pb2, policy_pb2, warehouse_pb2
from sim.load.intervals import median
from sim.load.observing import PURPOSE, Observer, Seen, metadata, observers
from sim.load.running import running
from sim.load.sessions import appended
from sim.scenario.account import checks
from sim.scenario.schema import Scenario, World
from sim.scenario.stage import Call
from sim.stack import operator
from sim.stack.deployment import bundled
from sim.world.glasses import Glasses
from sim.world.wearers import make_wearers

WITHDRAWALS = 60
ROWS = 120_000
ROUNDS = 8
# Rows in one append.
EACH = 4_000
# Permitted by the requirement, which asks no consent for it.
WITHOUT = "safety"
# A job that writes what it reads, and a query that does nothing but look at each row.
JOBS = {"daily_sessions": "job:daily_sessions", "rows_by_region": "query:rows_by_region"}
_QUERY = (f"-- query: rows_by_region\n-- owner: bench\n-- purpose: {PURPOSE}\n"
          "SELECT region, count(utterance) FROM core.sessions GROUP BY region;\n")
_ASKED = ("What is that building?",
          "That is the Empire State Building: a tower of 102 floors in Manhattan, finished in 1931.")
Progress = Callable[[str], None]


def measure(withdrawals: int = WITHDRAWALS, *, rows: int = ROWS, rounds: int = ROUNDS, seed: int = 1,
            progress: Progress = lambda text: None) -> dict[str, Any]:
    """{"revocation": {observer: …}, "checks": {job: …}}; figures are [value, low, high].

    Raises RunError (PAI031) when a process dies, or an observer never saw who consents."""
    with tempfile.TemporaryDirectory(prefix="sightline-consent-") as name:
        folder = Path(name)
        report = asyncio.run(_measured(folder, withdrawals, rows, rounds, seed, progress))
        store = Store(folder / "data" / "lineage.db")
        try:
            for job, of in report["checks"].items():
                counted = checks(store, JOBS[job])
                of |= {"checked": counted["checked"], "withheld": counted["withheld"],
                       "checks_per_second": round(counted["checked"] / counted["seconds"]) if counted["checked"] else 0}
        finally:
            store.close()
    return report


async def _measured(folder: Path, withdrawals: int, rows: int, rounds: int, seed: int,
                    progress: Progress) -> dict[str, Any]:
    progress("starting the processes")
    scenario = Scenario("consent", "enforce", seed, world=World(withdrawals, ("US",), memory=True))
    async with AsyncExitStack() as resources:
        stack, companion = await resources.enter_async_context(running(folder, scenario, seed))
        addresses: dict[str, Any] = dict(stack.addresses)
        call = await resources.enter_async_context(operator.calls(addresses, seed))
        glasses = {one.id: Glasses(one, seed) for one in make_wearers(seed, withdrawals, ("US",))}
        for number, one in enumerate(glasses.values()):
            await companion.app.ask(one.capture("What is that building?", number))
        await call("logger", "Flush", logger_pb2.FlushRequest(), metadata(seed, "flush"))
        features = warehouse_pb2.JobRequest(job="assistant_features")
        await call("warehouse", "RunJob", features, metadata(seed, "features"))
        looks = await resources.enter_async_context(
            observers(addresses, call, companion, glasses, seed, len(glasses)))
        seen = {name: Seen() for name in looks}
        for number, wearer in enumerate(glasses, 1):
            progress(f"withdrawal {number} of {withdrawals}")
            await _withdrawn(wearer, [Observer(look, wearer, seen[name]) for name, look in looks.items()], call, seed)
        await stack.check()
        checked = await _checks(call, rows, rounds, seed, progress)
        await stack.check()
    return {"revocation": {name: one.report() for name, one in seen.items()}, "checks": checked,
            "confidence": "95 % bootstrap over withdrawals and over rounds"}


async def _withdrawn(wearer: str, watching: list[Observer], call: Call, seed: int) -> None:
    """Every observer sees her before she withdraws: the positive control."""
    tasks: list[asyncio.Future[Any]] = [asyncio.create_task(one.watch()) for one in watching]
    ready: asyncio.Future[Any] = asyncio.gather(*(one.first.wait() for one in watching))
    try:
        await asyncio.wait([ready, *tasks], return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            request = policy_pb2.ConsentRequest(wearer=wearer, purpose=PURPOSE, granted=False)
            await call("policy", "Consent", request, metadata(seed, "consent", wearer))
            now = time.perf_counter()
            for one in watching:
                one.acknowledged = now
        await asyncio.gather(*tasks)
    finally:
        for task in (ready, *tasks):
            task.cancel()
        await asyncio.gather(ready, *tasks, return_exceptions=True)


async def _checks(call: Call, rows: int, rounds: int, seed: int, progress: Progress) -> dict[str, Any]:
    progress(f"appending {rows:,} rows")
    for begin in range(0, rows, EACH):
        count = min(EACH, rows - begin)
        await call("warehouse", "Append", appended([_ASKED] * count, begin=begin), metadata(seed, "append", begin))
    texts = {"daily_sessions": (bundled().jobs / "daily_sessions.sql").read_text(encoding="utf-8"),
             "rows_by_region": _QUERY}
    report: dict[str, Any] = {}
    for job, text in texts.items():
        took: dict[str, list[float]] = {PURPOSE: [], WITHOUT: []}
        for number in range(rounds + 1):  # the first warms up
            progress(f"{job}: round {number} of {rounds}")
            order = (PURPOSE, WITHOUT) if number % 2 else (WITHOUT, PURPOSE)
            for purpose in order:
                request = warehouse_pb2.JobRequest(sql=text.replace(f"purpose: {PURPOSE}", f"purpose: {purpose}"))
                begun = time.perf_counter()
                await call("warehouse", "RunJob", request, metadata(seed, job, purpose, number))
                if number:
                    took[purpose].append(time.perf_counter() - begun)
        each = [1e9 * (with_ - without) / rows for with_, without in zip(took[PURPOSE], took[WITHOUT], strict=True)]
        report[job] = {"rows": rows, "rounds": rounds, "with_s": median(took[PURPOSE]).rounded(4),
                       "without_s": median(took[WITHOUT]).rounded(4), "ns_a_row": median(each).rounded(1)}
    return report
