"""The steps of serving: a checkpoint gets a share of the requests, or is taken back; texts are made into vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineage.errors import InputError
from protos import inference_pb2
from sim.scenario.stage import Outcome, Stage
from sim.scenario.steps import STEPS
from sim.world.random import key_id


@STEPS.register("rollout", {"checkpoint": str, "share": float}, optional={"go_on": bool}, stage="discover",
                doc="A checkpoint answers a share of its model's requests (0.25), beside the one that is served "
                    "(`go_on`: also when that cannot be).")
async def rollout(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    request = inference_pb2.RollOutRequest(checkpoint=given["checkpoint"], share=given["share"])
    return await _shared_out(stage, "RollOut", request, given)


@STEPS.register("rollback", {"model": str}, optional={"go_on": bool}, stage="discover",
                doc="What is being rolled out is taken back; else what was served before is served again.")
async def rollback(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    return await _shared_out(stage, "RollBack", inference_pb2.RollBackRequest(model=given["model"]), given)


async def _shared_out(stage: Stage, method: str, request: Any, given: Mapping[str, Any]) -> Outcome:
    try:
        answer = await stage.operate("inference", method, request)
    except InputError as error:
        if not given.get("go_on", False):
            raise
        return Outcome("failed", {"code": error.code, "reason": error.what})
    return Outcome("done", {"serving": answer.serving})


@STEPS.register("embed", {"texts": list[str]}, optional={"model": str, "times": int, "go_on": bool}, stage="discover",
                doc="Texts are made into vectors in one call, each under a key of its own; says which lies nearest to "
                    "which (`times`: each text over and over; `go_on`: also when it is more than a model takes).")
async def embed(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    items = [inference_pb2.EmbedItem(text=text * given.get("times", 1),
                                     key=key_id(stage.seed, "embed", stage.operations, number))
             for number, text in enumerate(given["texts"])]
    try:
        answer = await stage.operate("inference", "Embed", inference_pb2.EmbedRequest(
            model=given.get("model", "embedder"), items=items))
    except InputError as error:
        if not given.get("go_on", False):
            raise
        return Outcome("failed", {"code": error.code, "reason": error.what})
    vectors = [list(one.values) for one in answer.vectors]
    return Outcome("done", {"vectors": len(vectors), "dimensions": len(vectors[0]), "checkpoint": answer.checkpoint,
                            "nearest": [_nearest(vectors, at) for at in range(len(vectors))]})


def _nearest(vectors: list[list[float]], at: int) -> int:
    """The number of the text that lies nearest to the one at ``at``, from 1; 0 where there is no other."""
    def apart(other: int) -> float:
        return -sum(left * right for left, right in zip(vectors[at], vectors[other], strict=True))

    return min((other for other in range(len(vectors)) if other != at), key=apart, default=-1) + 1
