"""Who still sees a wearer's rows after she has withdrawn: observers that look again and again, by different caches.

*statement*: a query of the warehouse, judged anew each time.  *read*: a reader that shows a token for as long as it is
taken, as web does.  *answer*: web itself, in a process of its own, asked by the wearer.  All three go through the
guard, whose decisions are kept.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc.aio

from lineage.errors import PolicyDenied, RunError
from lineage.privacylib import PrivacyLib
from protos import policy_pb2_grpc, warehouse_pb2, warehouse_pb2_grpc
from services.web.memory import Recall
from sim.load.intervals import percentile
from sim.scenario.stage import Call
from sim.stack.companion import Companion
from sim.stack.vouching import passport_of
from sim.world.glasses import Glasses
from sim.world.random import key_id

PURPOSE = "assistance"
QUERY = (f"-- query: whose_rows\n-- owner: bench\n-- purpose: {PURPOSE}\n-- parameters: wearer\n"
         "SELECT session FROM core.sessions WHERE wearer = :wearer;\n")
QUESTION = "Who built it?"
KNOWN = "You last asked"
# Looks that an observer begins after the acknowledgement, at the least.
AFTER = 3
# Seconds until an observer has seen a wearer who consents, or no longer sees one who does not.
PATIENCE = 30.0
# True: her rows were seen.  Raises PolicyDenied where the look was refused, which shows nobody anything.
Look = Callable[[str], Awaitable[bool]]


@dataclass
class Seen:
    """One observer's account; ``latencies`` in seconds, one for each withdrawal."""

    latencies: list[float] = field(default_factory=list)
    begun_after: int = 0
    saw_after: int = 0
    refused: int = 0

    def report(self) -> dict[str, Any]:
        """Milliseconds as [value, low, high]."""
        milliseconds = [1e3 * one for one in self.latencies]
        return {"withdrawals": len(milliseconds), "p50_ms": percentile(milliseconds, 50).rounded(3),
                "p99_ms": percentile(milliseconds, 99).rounded(3), "looks_begun_after": self.begun_after,
                "saw_after": self.saw_after, "refused": self.refused}


class Observer:
    """Looks until it has begun ``AFTER`` looks since ``acknowledged`` and one of all has shown nothing since."""

    def __init__(self, look: Look, wearer: str, seen: Seen) -> None:
        self._look, self._wearer, self._seen = look, wearer, seen
        self.first = asyncio.Event()
        # By time.perf_counter; None until it is.
        self.acknowledged: float | None = None

    async def watch(self) -> None:
        """Raises RunError (PAI031) when it never saw the wearer, or never stops seeing her."""
        gone, begun_after = 0.0, 0
        until = time.perf_counter() + PATIENCE
        while not gone or begun_after < AFTER:
            if time.perf_counter() > until:
                raise RunError("PAI031", f"{self._wearer} was {'still' if self.first.is_set() else 'never'} seen after "
                                         f"{PATIENCE:g} s", where="bench consent")
            begun = time.perf_counter()
            try:
                saw = await self._look(self._wearer)
            except PolicyDenied:
                self._seen.refused += 1
                continue
            ended = time.perf_counter()
            if saw:
                self.first.set()
            after = self.acknowledged is not None and begun > self.acknowledged
            begun_after += after
            self._seen.saw_after += after and saw
            if not saw and self.acknowledged is not None and not gone:
                gone = ended
                self._seen.latencies.append(ended - self.acknowledged)
        self._seen.begun_after += begun_after


@asynccontextmanager
async def observers(addresses: Any, call: Call, companion: Companion, glasses: dict[str, Glasses], seed: int,
                    first: int) -> AsyncIterator[dict[str, Look]]:
    """Name → how it looks.  ``first``: the number of the first capture that may be used."""
    numbers = itertools.count(first)
    operations = itertools.count()

    async def statement(wearer: str) -> bool:
        request = warehouse_pb2.JobRequest(sql=QUERY, parameters={"wearer": wearer})
        answer = await call("warehouse", "RunJob", request, metadata(seed, "look", next(operations)))
        return bool(answer.rows)

    async def answer(wearer: str) -> bool:
        capture = glasses[wearer].capture(QUESTION, next(numbers), share_location=False, geotag=False, verbatim=True)
        return KNOWN in (await companion.app.ask(capture)).answer

    lib = PrivacyLib("web")
    async with (grpc.aio.insecure_channel(str(addresses["warehouse"]["grpc"])) as warehouse,
                grpc.aio.insecure_channel(str(addresses["policy"]["grpc"])) as policy):
        passport = passport_of("web", seed, policy)
        await passport.renew()
        lib.postures.passport = passport
        recall = Recall(lib, warehouse_pb2_grpc.WarehouseStub(lib.channel(warehouse)),
                        policy_pb2_grpc.PolicyStub(lib.channel(policy)))

        async def read(wearer: str) -> bool:
            with lib.scope(key=key_id(seed, "read", next(operations))):
                return await recall.of(wearer) is not None

        yield {"statement": statement, "read": read, "answer": answer}


def metadata(seed: int, *what: str | int) -> tuple[tuple[str, str], ...]:
    return (("traceparent", f"00-{key_id(seed, *what)}-{key_id(seed, 'span', *what, size=8)}-01"),)
