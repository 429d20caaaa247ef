"""The policy service's other half: it vouches for principals (``protos/principals.proto``).

A workload shows that it holds its key by signing a challenge, which is good once; it gets claims for each purpose and
region that the deployed file lets its principal act for, and for no purpose: {principal, purpose, region, consent
epoch, issued, expires}, signed.  They are bearer tokens: whoever holds a copy is that principal until they end.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import grpc

from lineage.enforce.principal import Principals
from lineage.enforce.tokens import Grant, Signer, Verifier
from lineage.errors import PolicyDenied
from lineage.privacylib.claims import PRINCIPAL
from lineage.privacylib.refusal import details
from protos import principals_pb2 as pb
from protos import principals_pb2_grpc

# Seconds: of claims, and of a challenge.
LIFETIME = 300
PATIENCE = 30
MAX_CHALLENGES = 10_000


class PrincipalService(principals_pb2_grpc.PrincipalsServicer):
    """``keys``: the public key of each principal, as it was provisioned.  ``epoch``: of consent, now."""

    def __init__(self, principals: Principals, keys: Mapping[str, bytes], signer: Signer, epoch: Callable[[], int],
                 now: Callable[[], float] = time.time) -> None:
        self._principals = principals
        self._keys = {name: Verifier(key) for name, key in keys.items()}
        self._signer = signer
        self._epoch = epoch
        self._now = now
        # Challenge → when it ends.
        self._open: dict[bytes, float] = {}

    async def Challenge(self, request: pb.ChallengeRequest, context: Any) -> pb.ChallengeResponse:
        now = self._now()
        if len(self._open) >= MAX_CHALLENGES:
            self._open = {one: ends for one, ends in self._open.items() if ends > now}
        if len(self._open) >= MAX_CHALLENGES:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many challenges are open")
        challenge = secrets.token_bytes(24)
        self._open[challenge] = now + PATIENCE
        return pb.ChallengeResponse(challenge=challenge, public_key=self._signer.public_key)

    async def Vouch(self, request: pb.VouchRequest, context: Any) -> pb.VouchResponse:
        now = self._now()
        principal, key = self._principals.known.get(request.principal), self._keys.get(request.principal)
        ends = self._open.pop(request.challenge, 0.0)
        if principal is None or key is None or ends < now or not key.proves(
                request.signature, request.challenge, request.principal):
            denied = PolicyDenied("PAI311", "nobody has shown to be that principal", where="principals.Vouch")
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, details(denied))
            raise AssertionError("abort raises")
        issued, epoch = int(now), self._epoch()
        expires = issued + min(request.lifetime or LIFETIME, LIFETIME)
        vouched = [pb.Vouched(purpose=purpose, region=region, claims=self._signer.sign(Grant(
            principal.name, purpose, "", (), (), region, epoch=epoch, issued=issued, expires=expires,
            kind=PRINCIPAL))) for purpose, region in principal.pairs()]
        return pb.VouchResponse(vouched=vouched, expires=expires)
