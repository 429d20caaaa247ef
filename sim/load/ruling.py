"""``sightline bench rules``: how long a new rule takes until it is enforced everywhere, under continuous traffic.

Every process of the stack.  A round: an owner requires a rule by which what everybody does all the time is no longer
permitted; four enforcement points are asked without a pause meanwhile.  Of each: the time from the request to its first
refusal, and to the end of the last thing that it still permitted.  What counts is that nothing *begun* after the
answer to ``Require`` is permitted.  Then the rule is taken back by its next version, which is no part of a figure.

Nothing is changed but the text of a requirement, and nothing is restarted: ``services_changed`` counts the files
under services/ whose bytes differ after the rounds.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lineage.errors import PolicyDenied, RunError
from protos import logger_pb2, rulebook_pb2, training_pb2, warehouse_pb2
from sim.load.intervals import percentile
from sim.load.observing import metadata
from sim.load.running import running
from sim.load.untapped import Untapped
from sim.scenario.schema import Scenario, World
from sim.scenario.stage import Call
from sim.stack import operator
from sim.stack.companion import companion
from sim.stack.config import NodeConfig
from sim.stack.deployment import ROOT, bundled
from sim.stack.injected import Seams
from sim.world.clock import SimClock
from sim.world.glasses import Glasses
from sim.world.wearers import make_wearers

ROUNDS = 30
# Things that each point is asked after the answer, at the least.
AFTER = 2
# Seconds from the request until a point has refused, and was asked often enough after it.
PATIENCE = 120.0
# Seconds from a refusal to the next try.
PAUSE = 0.001
_QUERY = ("-- query: said\n-- owner: bench\n-- purpose: assistance\nSELECT count(utterance) FROM core.sessions;\n")
Progress = Callable[[str], None]
Act = Callable[[], Awaitable[Any]]


@dataclass
class Point:
    """One place that enforces.  Seconds, one for each round."""

    act: Act
    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    begun_after: int = 0
    permitted_after: int = 0

    async def permitted(self) -> bool:
        try:
            await self.act()
        except PolicyDenied:
            return False
        return True

    async def watch(self, watched: Round) -> None:
        """Raises RunError (PAI031) where it never refuses."""
        first, last, after = 0.0, 0.0, 0
        while not first or after < AFTER:
            if watched.asked is not None and time.perf_counter() > watched.asked + PATIENCE:
                raise RunError("PAI031", f"a rule was not enforced within {PATIENCE:g} s", where="bench rules")
            begun = time.perf_counter()
            good = await self.permitted()
            ended = time.perf_counter()
            if good:
                watched.seen(self)
            if watched.asked is None or ended < watched.asked:
                continue
            if good:
                last = ended - watched.asked
            else:
                first = first or ended - watched.asked
            if watched.answered is not None and begun > watched.answered:
                after += 1
                self.permitted_after += good
            if not good:  # a guard refuses without any I/O: nobody else would have a turn, the owner's answer neither
                await asyncio.sleep(PAUSE)
        self.begun_after += after
        self.first.append(first)
        self.last.append(last)

    def report(self) -> dict[str, Any]:
        """Milliseconds as [value, low, high]."""
        told: dict[str, Any] = {"rounds": len(self.first)}
        for name, seconds in (("first_refusal", self.first), ("last_acceptance", self.last)):
            milliseconds = [1e3 * one for one in seconds]
            told |= {f"{name}_p50_ms": percentile(milliseconds, 50).rounded(2),
                     f"{name}_p99_ms": percentile(milliseconds, 99).rounded(2)}
        return {**told, "begun_after": self.begun_after, "permitted_after": self.permitted_after}


class Round:
    """``asked`` and ``answered``: of ``Require``, by time.perf_counter; ``ready``: each point has permitted once."""

    def __init__(self, points: int) -> None:
        self.ready = asyncio.Event()
        self.asked: float | None = None
        self.answered: float | None = None
        self._points = points
        self._seen: set[int] = set()

    def seen(self, point: Point) -> None:
        self._seen.add(id(point))
        if len(self._seen) == self._points:
            self.ready.set()


def measure(rounds: int = ROUNDS, *, seed: int = 1, progress: Progress = lambda text: None) -> dict[str, Any]:
    """{"points": {point: …}, "require": …, "services_changed": 0}; figures are [value, low, high]."""
    before = _services()
    with tempfile.TemporaryDirectory(prefix="sightline-rules-") as name:
        report = asyncio.run(_measured(Path(name), rounds, seed, progress))
    after = _services()
    changed = sum(before.get(path) != after.get(path) for path in before.keys() | after.keys())
    return {**report, "services_changed": changed, "confidence": "95 % bootstrap over rounds"}


def _services() -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in (ROOT / "services").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts}


async def _measured(folder: Path, rounds: int, seed: int, progress: Progress) -> dict[str, Any]:
    progress("starting the processes")
    scenario = Scenario("rules", "enforce", seed, world=World(2, ("US",)))
    async with AsyncExitStack() as resources:
        stack, honest = await resources.enter_async_context(running(folder, scenario, seed))
        addresses: dict[str, Any] = dict(stack.addresses)
        call = await resources.enter_async_context(operator.calls(addresses, seed))
        config = NodeConfig(folder / "data", seed, addresses={
            name: addresses[name]["grpc"] for name in ("collector", "policy")})
        # An app without a guard, so that web's own is asked.
        bare = await resources.enter_async_context(companion(
            config, Seams(SimClock(), Untapped(), bypasses=lambda service: lambda: True), addresses["web"]["http"]))
        wearers = make_wearers(seed, 2, ["US"])
        glasses, numbers = Glasses(wearers[0], seed), itertools.count(1)
        points = {
            "app guard": Point(lambda: honest.app.ask(glasses.capture("What is that?", next(numbers)))),
            "web guard": Point(lambda: bare.app.ask(glasses.capture("What is that?", next(numbers)))),
            **_operated(call, seed)}
        await points["app guard"].act()
        await call("logger", "Flush", logger_pb2.FlushRequest(), metadata(seed, "flush"))
        await call("warehouse", "RunJob", warehouse_pb2.JobRequest(job="daily_sessions"), metadata(seed, "daily"))
        took: list[float] = []
        for number in range(rounds):
            progress(f"round {number + 1} of {rounds}")
            took.append(await _round(points, call, seed, number))
            await stack.check()
    milliseconds = [1e3 * one for one in took]
    return {"points": {name: point.report() for name, point in points.items()},
            "require": {"p50_ms": percentile(milliseconds, 50).rounded(2),
                        "p99_ms": percentile(milliseconds, 99).rounded(2)}}


def _operated(call: Call, seed: int) -> dict[str, Point]:
    """What an operator starts: a statement of the warehouse, and a training run."""
    numbers = itertools.count()
    manifest = (bundled().manifests / "assistant_eval.yaml").read_text(encoding="utf-8")

    async def statement() -> None:
        await call("warehouse", "RunJob", warehouse_pb2.JobRequest(sql=_QUERY), metadata(seed, "said", next(numbers)))

    async def train() -> None:
        await call("training", "Train", training_pb2.TrainRequest(manifest=manifest),
                   metadata(seed, "train", next(numbers)))

    return {"policy service, for the warehouse": Point(statement), "training gate": Point(train)}


async def _round(points: dict[str, Point], call: Call, seed: int, number: int) -> float:
    """Seconds that ``Require`` took."""
    watched = Round(len(points))
    for point in points.values():
        if not await point.permitted():
            raise RunError("PAI031", "what is permitted was refused before the rule came", where="bench rules")
    watching = [asyncio.create_task(point.watch(watched)) for point in points.values()]
    try:
        await watched.ready.wait()
        watched.asked = time.perf_counter()
        await _require(call, seed, 2 * number + 1, "safety")
        watched.answered = time.perf_counter()
        await asyncio.gather(*watching)
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    await _require(call, seed, 2 * number + 2, "safety, assistance")
    return watched.answered - watched.asked


async def _require(call: Call, seed: int, version: int, purposes: str) -> None:
    answer = await call("rulebook", "Require", rulebook_pb2.RequireRequest(
        text=f"requirement: bench-rule\nversion: {version}\nowner: bench\nzone: bench\nmode: enforcement\n"
             f"governs: [GLASSES_INTERACTION]\npermit: {{purposes: [{purposes}]}}\n"), metadata(seed, "rule", version))
    if answer.late:
        raise RunError("PAI031", f"{', '.join(answer.late)} did not apply the rule in time", where="bench rules")
