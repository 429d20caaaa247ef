"""A node's identity: its key, the claims that the policy service signs for it, and how it verifies those of others.

Keys are made at the start from the run's seed, so that runs repeat; the policy service is given the public ones, as
who provisions workloads would.  Where there is no policy service to ask, nobody is held to who they are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc.aio

from lineage.enforce.identity import Identity
from lineage.enforce.passport import Passport
from lineage.enforce.principal import Principals
from lineage.enforce.tokens import Signer, Verifier
from lineage.privacylib import PrivacyLib
from protos import principals_pb2_grpc
from sim.stack.config import NodeConfig
from sim.stack.injected import Seams

VOUCH = "/sightline.Principals/Vouch"


def public_keys(config: NodeConfig) -> dict[str, bytes]:
    """Of every principal of the deployment."""
    return {name: Signer(str(config.seed), name).public_key for name in config.deployment.load_principals().known}


async def vouching(lib: PrivacyLib, config: NodeConfig, seams: Seams,
                   stopping: list[Callable[[], Any]]) -> Principals | None:
    """``lib`` verifies claims and sends its own from now on; who may act for what, None where nobody is held to it.

    Raises RunError (PAI305) where the policy service does not vouch for this node, InputError (PAI022).
    """
    if lib.service != "policy" and "policy" not in config.addresses:
        return None
    principals = config.deployment.load_principals()
    lib.postures.now = seams.now
    if lib.service == "policy":
        key = Signer(str(config.seed)).public_key
    else:
        passport = await _passport(lib.service, config, seams, stopping)
        lib.postures.passport, key = passport, passport.public_key
    lib.postures.identify = Identity(principals, Verifier(key), seams.now)
    return principals


def passport_of(name: str, seed: int, channel: grpc.aio.Channel, now: Callable[[], float] = time.time,
                away: Callable[[], object] = lambda: None) -> Passport:
    """Of a principal of a run; ``channel``: to the policy service.  Holds no claims until it is renewed."""
    return Passport(name, Signer(str(seed), name), principals_pb2_grpc.PrincipalsStub(channel), now, away)


async def _passport(name: str, config: NodeConfig, seams: Seams, stopping: list[Callable[[], Any]]) -> Passport:
    channel = grpc.aio.insecure_channel(config.addresses["policy"])
    stopping.append(channel.close)
    wire = seams.wire
    passport = passport_of(name, config.seed, channel, seams.now,
                           (lambda: wire.outgoing(VOUCH, ())) if wire is not None else lambda: None)
    await passport.renew()
    keeping = asyncio.create_task(passport.keep(), name=f"passport of {name}")

    async def stop() -> None:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping

    stopping.append(stop)
    return passport
