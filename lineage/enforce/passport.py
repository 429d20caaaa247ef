"""A workload's passport: its own claims, got of the policy service at its start and before they end, and carried.

Implements ``posture.Passport``.  While the policy service is away the claims that are there go on until they end;
then there are none, and whatever needs some is refused (PAI305).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from lineage.enforce.tokens import Signer
from lineage.errors import RunError
from protos import principals_pb2 as pb

# Seconds for each of the two calls, and between two attempts.
DEADLINE = 10.0
AGAIN = 5.0

_log = logging.getLogger("sightline.enforce")


class Passport:
    """``key``: the principal's own.  ``stub``: a PrincipalsStub; off the data path, so it is not instrumented.
    ``away``: called before each question; what it raises is as good as no answer."""

    def __init__(self, principal: str, key: Signer, stub: Any, now: Callable[[], float] = time.time,
                 away: Callable[[], object] = lambda: None) -> None:
        self.principal = principal
        self.public_key = b""
        self._key = key
        self._stub = stub
        self._now = now
        self._away = away
        self._held: dict[tuple[str, str], bytes] = {}
        self._half = 0.0
        self.ends = 0.0

    def claims(self, purpose: str, region: str) -> bytes:
        return self._held.get((purpose, region), b"") if self.ends > self._now() else b""

    def missing(self, purpose: str) -> tuple[str, str]:
        if self._held and self.ends > self._now():
            return "PAI313", f"{self.principal} has no claims for {purpose}: it may not act for that, or not there"
        return "PAI305", f"the policy service does not vouch for {self.principal}: no claims that have not ended"

    async def renew(self) -> None:
        """Raises RunError (PAI305) where the policy service does not answer, or does not know this principal."""
        begun = self._now()
        try:
            self._away()
            told = await self._stub.Challenge(pb.ChallengeRequest(), timeout=DEADLINE, wait_for_ready=not self.ends)
            answer = await self._stub.Vouch(pb.VouchRequest(
                principal=self.principal, challenge=told.challenge,
                signature=self._key.prove(told.challenge, self.principal)), timeout=DEADLINE)
        except grpc.RpcError as error:
            status = error.code().name.lower() if isinstance(error, grpc.aio.AioRpcError) else "no answer"
            raise RunError("PAI305", f"the policy service did not vouch for {self.principal}: {status}",
                           where=self.principal) from error
        self.public_key = told.public_key
        self._held = {(one.purpose, one.region): one.claims for one in answer.vouched}
        self.ends = float(answer.expires)
        self._half = begun + (self.ends - begun) / 2

    async def fresh(self) -> None:
        """Renews what is past its half.  Raises RunError (PAI305) only where nothing is left."""
        if self._half > self._now():
            return
        try:
            await self.renew()
        except RunError:
            if self.ends <= self._now():
                raise

    async def keep(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(max(self._half - self._now(), AGAIN))
            try:
                await self.renew()
            except RunError as error:
                _log.warning("%s", error)
