"""Steps about checkpoints: somebody writes into their folder, one is loaded, runs are asked for at once.

Enforce.  ``tamper`` is whoever has the store and no key; nothing sees it, as nothing would.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any, Literal

from lineage import dsse
from lineage.enforce.tokens import Signer
from lineage.errors import InputError, PolicyDenied
from protos import inference_pb2, training_pb2
from sim.scenario.stage import Outcome, Stage, read_text, refused
from sim.scenario.steps import STEPS, flush

How = Literal["weights", "truncated", "labels", "forged", "unsigned", "swapped", "garbage", "gone"]


@STEPS.register("tamper", {"checkpoint": str, "how": How}, optional={"with": str}, stage="enforce",
                doc="Somebody who can write to the store changes a checkpoint: its weights, its manifest's labels, or "
                    "puts another's manifest (`with`) in the place of its own, or takes that away (gone).")
async def tamper(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    folder = stage.data / "checkpoints" / given["checkpoint"]
    weights, manifest = folder / "weights.safetensors", folder / "manifest.json"
    other = stage.data / "checkpoints" / given.get("with", given["checkpoint"]) / "manifest.json"
    for path in (weights, manifest, other):
        if not path.is_file():
            raise InputError("PAI012", f"the store has no checkpoint {path.parent.name}", where=where)
    how = given["how"]
    if how == "gone":
        manifest.unlink()
    elif how in ("weights", "truncated"):
        data = weights.read_bytes()
        weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if how == "weights" else data[:len(data) // 2])
    else:
        manifest.write_bytes(_changed(how, manifest.read_bytes(), other.read_bytes()))
    return Outcome("done", {})


def _changed(how: str, own: bytes, other: bytes) -> bytes:
    if how in ("swapped", "garbage"):
        return other if how == "swapped" else own[:len(own) // 2]
    envelope = json.loads(own)
    statement = json.loads(base64.b64decode(envelope["payload"]))
    statement["predicate"] |= {"annotations": [], "category": ""}  # as if nothing governed were in it
    if how == "labels":
        return json.dumps({**envelope, "payload": base64.b64encode(json.dumps(statement).encode()).decode()}).encode()
    if how == "unsigned":
        return json.dumps(statement).encode()
    return dsse.sealed(statement, Signer("somebody else's", "training").attest, "training")


@STEPS.register("load", {"checkpoint": str}, stage="enforce",
                doc="Somebody has inference serve a checkpoint; that it refuses is an outcome.")
async def load(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    try:
        answer = await stage.operate("inference", "Load", inference_pb2.LoadRequest(checkpoint=given["checkpoint"]))
    except (PolicyDenied, InputError) as error:
        return refused(error)
    return Outcome("done", {"serving": answer.serving})


@STEPS.register("train_at_once", {"manifest": str, "runs": int}, stage="enforce",
                doc="Several runs of one manifest are asked for at once; says which versions they have made.")
async def train_at_once(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    await flush(stage, {}, where)
    if not 2 <= given["runs"] <= 8:
        raise InputError("PAI010", f"runs is {given['runs']}; 2 to 8", where=where)
    path = stage.manifests / f"{given['manifest']}.yaml"
    if not path.is_file():
        raise InputError("PAI012", f"no manifest {given['manifest']!r}", where=where)
    request = training_pb2.TrainRequest(manifest=read_text(path, "PAI020"))
    try:
        answers = await asyncio.gather(*(stage.operate("training", "Train", request) for _ in range(given["runs"])))
    except PolicyDenied as error:
        return refused(error)
    return Outcome("done", {"checkpoints": sorted(answer.checkpoint for answer in answers),
                            "digests": len({answer.digest for answer in answers})})
