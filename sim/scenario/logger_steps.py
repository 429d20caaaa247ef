"""Steps of the logger's operator: the dead letters, judged again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protos import logger_pb2
from sim.scenario.stage import Outcome, Stage
from sim.scenario.steps import STEPS


@STEPS.register("replay", optional={"category": str}, stage="discover",
                doc="The logger's dead letters are judged again; those that have become good are queued.")
async def replay(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    answer = await stage.operate("logger", "Replay", logger_pb2.ReplayRequest(category=given.get("category", "")))
    counts = await stage.operate("logger", "DeadLetters", logger_pb2.DeadLettersRequest())
    return Outcome("done", {"replayed": answer.replayed, "still_dead": answer.still_dead, "dead": [
        {"category": one.category, "reason": one.reason, "count": one.count} for one in counts.counts]})
