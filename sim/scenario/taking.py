"""Takes one step of a scenario, and tells what it came to.  Serves all four stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lineage.errors import InputError, PolicyDenied, SightlineError
from sim.scenario.schema import Step
from sim.scenario.stage import Outcome, Stage
from sim.scenario.vocabulary import STEPS


async def taken(step: Step, stage: Stage, *, forgiving: bool = False) -> Outcome:
    """An error is in a file of the user's, where it has one; otherwise at the step's own line.

    ``forgiving``: it is what the step comes to, as a refusal is."""
    try:
        outcome: Outcome = await STEPS.lookup(step.kind, step.where).make(stage, step.given, step.where)
        return outcome
    except SightlineError as error:
        if forgiving:
            return Outcome("blocked" if isinstance(error, PolicyDenied) else "failed",
                           {"code": error.code, "reason": error.what})
        if isinstance(error, InputError) and not _is_file(error.where, stage):
            error.where = step.where
        raise


def _is_file(where: str, stage: Stage) -> bool:
    """``where`` names a file, with or without a line, that will still be there after the run."""
    file, _, line = where.rpartition(":")
    path = Path(file if line.isdecimal() else where)
    return path.is_file() and not path.is_relative_to(stage.manifests.parent)


def told_of(kind: str, given: Any, outcome: Outcome) -> dict[str, Any]:
    return {"step": kind, "given": dict(given), "outcome": outcome.outcome, "said": outcome.said}
