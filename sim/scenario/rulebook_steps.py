"""Steps about requirements that change while the stack runs: one is required, or flipped from logging to enforcement.

Enforce.  The operator stands for the requirement's owner; what goes over the wire is the file, as its owner wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lineage.enforce import requirement
from lineage.enforce.flip import flipped
from lineage.errors import InputError
from protos import rulebook_pb2
from sim.scenario.stage import Outcome, Stage, read_text
from sim.scenario.steps import STEPS
from sim.stack.deployment import ROOT


@STEPS.register("require", {"requirement": str}, stage="enforce",
                doc="An owner adds a requirement to the running stack, or a newer version of one (name or file).")
async def require(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    name = given["requirement"]
    path = stage.file(name, where) if name.endswith((".yaml", ".yml")) else \
        ROOT / "scenarios/requirements" / f"{name}.yaml"
    requirement.load(path)  # what is wrong with the file is said at its own line
    return await _required(stage, read_text(path, "PAI022"))


@STEPS.register("enforce", {"requirement": str}, stage="enforce",
                doc="A requirement that is deployed in logging mode is enforced from now on.")
async def enforce(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    name = given["requirement"]
    if name not in stage.requirements:
        raise InputError("PAI012", f"no requirement {name!r} is in force; there are "
                                   f"{', '.join(sorted(stage.requirements)) or 'none'}", where=where)
    try:
        text = flipped(stage.requirements[name], Path(f"{name}.yaml"))
    except InputError as error:
        return Outcome("failed", {"code": error.code, "reason": error.what})
    return await _required(stage, text)


async def _required(stage: Stage, text: str) -> Outcome:
    """A version that is not newer is an outcome: the stack refused it."""
    try:
        answer = await stage.operate("rulebook", "Require", rulebook_pb2.RequireRequest(text=stage.rewrite(text)))
    except InputError as error:
        if error.code != "PAI318":
            raise
        return Outcome("failed", {"code": error.code, "reason": error.what})
    stage.requirements[answer.requirement.partition("@")[0]] = text
    return Outcome("done", {"requirement": answer.requirement, "applied": list(answer.applied),
                            "late": list(answer.late)})
