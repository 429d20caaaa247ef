"""Faults of identity: claims that are lost or forged on the wire, a policy service that is away, clocks that differ.

Enforce.  Each is armed in one process; what the claims mean is nothing that is known here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import grpc
import grpc.aio

from lineage.enforce.tokens import Grant, Signer
from lineage.privacylib import claims as codec
from lineage.privacylib.traceparent import POLICY
from services.seams import Metadata
from sim.scenario.faults import FAULTS, Fault

_COUNTS = {"after": int, "times": int}
How = Literal["signature", "purpose", "own key", "unsigned"]
# What a process needs before it can start.
_TO_START = ("Key",)
_VERDICTS = ("Judge", "Admit")


class _OfMethod(Fault):
    def of(self, method: str) -> bool:
        return method.endswith(f".{self.given['method']}") and self.fires()


@FAULTS.register("strip_claims", {"method": str}, optional=_COUNTS, stage="enforce",
                 doc="Calls of a method (\"Logger/Append\") leave without the claims of who asks.")
class StripClaims(_OfMethod):
    def outgoing(self, method: str, metadata: Metadata) -> Metadata:
        return tuple(one for one in metadata if one[0] != POLICY) if self.of(method) else metadata


@FAULTS.register("forge_claims", {"method": str, "how": How}, optional=_COUNTS, stage="enforce",
                 doc="Calls of a method leave with forged claims: a changed signature or purpose, another key, none.")
class ForgeClaims(_OfMethod):
    def outgoing(self, method: str, metadata: Metadata) -> Metadata:
        if not self.of(method):
            return metadata
        return tuple((name, forged(bytes(value), self.given["how"]) if name == POLICY and isinstance(value, bytes)
                      else value) for name, value in metadata)


def forged(claims: bytes, how: str) -> bytes:
    """What somebody makes of genuine claims who has all of them but the policy service's key."""
    said = codec.decode(claims)
    if how == "signature":
        return claims[:-1] + bytes([claims[-1] ^ 1])
    if how == "unsigned":
        return codec.encode(principal="operator", purpose="assistance")
    if how == "own key":
        return Signer("somebody else's").sign(Grant("operator", "assistance", "", (), (), issued=said.issued,
                                                    expires=said.expires, kind=codec.PRINCIPAL))
    changed = {**json.loads(said.payload), "purpose": "safety"}
    return codec.encode(said.signature, **changed)


@FAULTS.register("policy_away", optional=_COUNTS, stage="enforce",
                 doc="Questions to the policy service get no answer; what a service needs to start, it still gets.")
class PolicyAway(Fault):
    """``after``: how many verdicts each service still gets; from then on nothing is answered."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        self._vouched = False

    def outgoing(self, method: str, metadata: Metadata) -> Metadata:
        service, _, name = method.rpartition("/")
        if service == "/sightline.Principals" and not self._vouched:
            self._vouched = True
            return metadata
        if service not in ("/sightline.Principals", "/sightline.Policy") or name in _TO_START:
            return metadata
        if not (self.fires() if name in _VERDICTS else self.hits):
            return metadata
        raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(),
                                   "the policy service is away")


@FAULTS.register("clock_skew", {"service": str, "seconds": int}, stage="enforce",
                 doc="A service's clock is ahead of the others by some seconds, or behind.")
class ClockSkew(Fault):
    """``hits``: 1 once anybody has looked at the clock; how often they do depends on the machine."""

    def now(self, service: str) -> Callable[[], float] | None:
        if service != self.given["service"]:
            return None

        def skewed() -> float:
            self.hits = 1
            return time.time() + float(self.given["seconds"])

        return skewed
