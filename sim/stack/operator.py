"""The operator's calls: starts jobs and training runs from outside, with a deadline on each.

Not a service: nothing here is instrumented or tapped.  But a principal: each call carries the operator's claims.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from lineage.errors import InputError, PolicyDenied, RunError, SightlineError
from lineage.privacylib.traceparent import POLICY
from protos import (
    inference_pb2_grpc,
    logger_pb2_grpc,
    policy_pb2_grpc,
    principals_pb2_grpc,
    rulebook_pb2_grpc,
    training_pb2,
    training_pb2_grpc,
    warehouse_pb2_grpc,
)
from services.seams import Metadata
from sim.scenario.stage import Call
from sim.stack.vouching import passport_of

# Seconds: a job or a training run may take longer than a request, and much longer where an engine is a cluster.
DEADLINE = 600.0
_STUBS: dict[str, Any] = {"training": training_pb2_grpc.TrainingStub, "warehouse": warehouse_pb2_grpc.WarehouseStub,
                          "logger": logger_pb2_grpc.LoggerStub, "policy": policy_pb2_grpc.PolicyStub,
                          "rulebook": rulebook_pb2_grpc.RulebookStub,
                          "principals": principals_pb2_grpc.PrincipalsStub,
                          "inference": inference_pb2_grpc.InferenceStub}
# Services that another node offers beside its own.
_OFFERED_BY = {"rulebook": "policy", "principals": "policy"}
_KINDS: dict[grpc.StatusCode, type[SightlineError]] = {
    grpc.StatusCode.PERMISSION_DENIED: PolicyDenied, grpc.StatusCode.INVALID_ARGUMENT: InputError,
    grpc.StatusCode.NOT_FOUND: InputError}


@asynccontextmanager
async def calls(addresses: Mapping[str, Mapping[str, str | None]], seed: int) -> AsyncIterator[Call]:
    """A function that calls (service, method, request, metadata), over one channel a service.

    Metadata that says itself whose claims it carries, or with an empty value that it carries none, is left at that.
    """
    at = {name: _OFFERED_BY.get(name, name) for name in _STUBS}
    channels = {name: grpc.aio.insecure_channel(str(addresses[of]["grpc"])) for name, of in at.items()
                if of in addresses}
    stubs = {name: _STUBS[name](channel) for name, channel in channels.items()}

    passport = passport_of("operator", seed, channels["principals"])

    async def call(service: str, method: str, request: Any, metadata: Metadata) -> Any:
        if service != "principals" and all(name != POLICY for name, _ in metadata):
            await passport.fresh()
            metadata = (*metadata, (POLICY, passport.claims("", "")))
        metadata = tuple((name, value) for name, value in metadata if value)
        try:
            return await getattr(stubs[service], method)(request, timeout=DEADLINE, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise _error(service, method, error) from error

    try:
        yield call
    finally:
        for channel in channels.values():
            await channel.close()


def base_manifests(manifests: Path) -> list[training_pb2.TrainRequest]:
    """The runs that make the first checkpoints, so that there is something to ask, and someone who reads signs."""
    return [training_pb2.TrainRequest(manifest=(manifests / f"{name}.yaml").read_text())
            for name in ("assistant_base", "sign_reader_base")]


def _error(service: str, method: str, error: grpc.aio.AioRpcError) -> SightlineError:
    kind = _KINDS.get(error.code(), RunError)
    try:
        told = json.loads(error.details() or "")
        return kind(told["code"], told["what"], where=told["where"] or service, next=told["next"])
    except (ValueError, TypeError, KeyError):
        return RunError("PAI031", f"{service}.{method} answered {error.code().name}: {error.details()}", where=service)
