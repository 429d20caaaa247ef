"""The logger with a warehouse behind it, as real processes, and producers that keep account of what was acknowledged.

For the benchmark of the ingest and for its kill test.  The witness is the table itself, read from its file.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from lineage.enforce.passport import Passport
from lineage.privacylib.traceparent import POLICY
from protos import logger_pb2, logger_pb2_grpc
from protos.rows_pb2 import Row, Rows, Value
from sim.stack import compose
from sim.stack.deployment import bundled, deploy
from sim.stack.processes import ProcessStack
from sim.stack.vouching import passport_of
from sim.world.random import key_id

PROCESSES = ("collector", "policy", "warehouse", "logger")
# Seconds for one append, and for the queue to be emptied.
DEADLINE = 10.0
DRAIN = 120.0
PURPOSE = "assistance"
_FIELDS = {"session": "", "wearer": "w-1", "device": "g-1", "region": "NO", "utterance": "What is that building?",
           "answer": "That is the Empire State Building: a tower of 102 floors in Manhattan, finished in 1931.",
           "location": "40.7484,-73.9857", "scene": "new_york", "checkpoint": "assistant@1",
           "asked_at": "2026-03-01T09:30:00+01:00"}
_ADVICE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED,
           grpc.StatusCode.CANCELLED)


@asynccontextmanager
async def logging_stack(folder: Path, seed: int) -> AsyncIterator[ProcessStack]:
    """The four processes that an event passes or reports to, under the bundled requirement."""
    deploy(folder / "data" / "deploy", sorted(bundled().requirements.glob("*.yaml")))
    specs = [spec for spec in compose.processes() if spec.name in PROCESSES]
    async with ProcessStack(specs, logs=folder / "logs", data=folder / "data",
                            environment={"SIGHTLINE_SEED": str(seed)}) as stack:
        yield stack


@asynccontextmanager
async def producers(addresses: Mapping[str, Any], seed: int) -> AsyncIterator[Producers]:
    """Of a stack; what they send, they send as the web service does."""
    async with grpc.aio.insecure_channel(str(addresses["policy"]["grpc"])) as policy:
        passport = passport_of("web", seed, policy)
        yield Producers(str(addresses["logger"]["grpc"]), seed, passport)


@dataclass
class Account:
    """``sent``: session → when its append began (seconds); ``accepted``: sessions that were acknowledged."""

    sent: dict[str, float] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    repeated: int = 0


class Producers:
    """Sends events and, like any producer, sends those again that were not acknowledged."""

    def __init__(self, address: str, seed: int, passport: Passport) -> None:
        self._address = address
        self._passport = passport
        self._seed = seed
        self._made = 0
        self.account = Account()
        self._progress = asyncio.Event()

    async def accepted(self, count: int) -> None:
        """Returns when so many events have been acknowledged."""
        while len(self.account.accepted) < count:
            self._progress.clear()
            await self._progress.wait()

    async def send(self, events: int, clients: int, each: int) -> None:
        """Raises RunError (PAI305) where the policy service does not vouch for who sends.

        ``events`` in all, in appends of ``each``, by so many ``clients`` at once, each in a closed loop."""
        await self._passport.fresh()
        left = [each] * (events // each)
        async with grpc.aio.insecure_channel(self._address) as channel:
            stub = logger_pb2_grpc.LoggerStub(channel)

            async def client() -> None:
                while left:
                    await self._append(stub, left.pop())

            await asyncio.gather(*(client() for _ in range(clients)))

    async def flush(self) -> None:
        async with grpc.aio.insecure_channel(self._address) as channel:
            await logger_pb2_grpc.LoggerStub(channel).Flush(
                logger_pb2.FlushRequest(), timeout=DRAIN, metadata=self._metadata("flush"), wait_for_ready=True)

    async def _append(self, stub: Any, count: int) -> None:
        first, self._made = self._made, self._made + count
        sessions = [f"s-{number:09d}" for number in range(first, self._made)]
        request = logger_pb2.LogRequest(version=1, events=Rows(schema="glasses_session", columns=list(_FIELDS), rows=[
            Row(key=key_id(self._seed, session), values=[Value(text=session), *_REST]) for session in sessions]))
        now = time.monotonic()
        self.account.sent.update(dict.fromkeys(sessions, now))
        while True:
            try:
                answer = await stub.Append(request, timeout=DEADLINE, metadata=self._metadata(sessions[0]),
                                           wait_for_ready=True)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _ADVICE:
                    raise
                self.account.repeated += 1
                await asyncio.sleep(0.02)
                continue
            assert answer.accepted == count
            self.account.accepted.update(sessions)
            self._progress.set()
            return

    def _metadata(self, name: str) -> tuple[tuple[str, str | bytes], ...]:
        return (("traceparent", f"00-{key_id(self._seed, 'append', name)}-{key_id(self._seed, name, size=8)}-01"),
                (POLICY, self._passport.claims(PURPOSE, "")))


_REST: Sequence[Value] = [Value(text=text) for text in list(_FIELDS.values())[1:]]


class Table:
    """core.sessions, as a reader of its own sees it: committed rows only."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "data" / "warehouse" / "core.db"
        self._seen = 0

    def new(self) -> list[str]:
        """Sessions of the rows since the last look, each row once."""
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT rowid, session FROM sessions WHERE rowid > ? ORDER BY rowid",
                                      (self._seen,)).fetchall()
        self._seen = rows[-1][0] if rows else self._seen
        return [str(session) for _, session in rows]

    def all(self) -> list[str]:
        """Sessions of all rows."""
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as connection:
            return [str(session) for (session,) in connection.execute("SELECT session FROM sessions")]
