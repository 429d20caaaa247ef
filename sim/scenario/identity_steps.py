"""Steps about who asks: a principal other than the operator has something run, and shows claims, its own or not.

Enforce.  Whoever acts here has what such a person would have: a key of their own, and what they could copy off the
wire.  Nothing here knows how claims are checked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from lineage.enforce.tokens import Signer
from lineage.errors import InputError, PolicyDenied
from protos import principals_pb2, training_pb2, warehouse_pb2
from sim.scenario import tokens
from sim.scenario.identity_faults import forged
from sim.scenario.stage import Outcome, Stage, read_text, refused
from sim.scenario.steps import STEPS, ask, flush, not_done, run_job

Shown = Literal["own", "none", "forged", "expired", "stolen", "another's key"]
# Seconds: what claims are asked for that are to expire, and what passes before they are shown.
_SHORT, _LATE = 1, 4.1
_WHAT = ("job", "sql", "manifest", "export", "schedule")


@STEPS.register("attempt", {"question": str}, optional={"wearers": (str, int, list)}, stage="enforce",
                doc="Wearers ask a question; that they are refused is an outcome.")
async def attempt(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    try:
        return await ask(stage, given, where)
    except PolicyDenied as error:
        return refused(error)


@STEPS.register("invoke", {"as": str}, stage="enforce",
                optional={"job": str, "sql": str, "manifest": str, "export": str, "schedule": str, "claims": Shown},
                doc="A principal has a job, an .sql file, a training run, an export or a day's schedule run.")
async def invoke(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    await flush(stage, {}, where)
    what = [key for key in _WHAT if key in given]
    if len(what) != 1:
        raise InputError("PAI010", f"invoke runs one of {', '.join(_WHAT)}", where=where)
    try:
        shown = await claims(stage, given["as"], given.get("claims", "own"))
        return await _run(stage, what[0], given[what[0]], shown, where)
    except PolicyDenied as error:
        return refused(error)


@STEPS.register("relabel", {"job": str}, stage="enforce",
                doc="Somebody gets a token for a job by telling the policy service of no annotations, and shows it.")
async def relabel(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    await flush(stage, {}, where)
    path = stage.file(given["job"], where)
    text = read_text(path, "PAI021")
    try:
        token = await tokens.obtain(stage, text, str(path), annotated=False)
    except PolicyDenied as error:
        return refused(error)
    return await run_job(stage, warehouse_pb2.JobRequest(sql=text, token=token))


async def claims(stage: Stage, principal: str, shown: str) -> bytes:
    """What is shown for ``principal``.  Raises PolicyDenied where the policy service vouches for nobody of the name."""
    if shown == "none":
        return b""
    if shown == "stolen":  # what the operator sent over this wire a moment ago
        return await _vouched(stage, "operator", "operator")
    own = await _vouched(stage, principal, "mallory" if shown == "another's key" else principal,
                         _SHORT if shown == "expired" else 0)
    if shown == "expired":
        await asyncio.sleep(_LATE)
    return forged(own, "signature") if shown == "forged" else own


async def _vouched(stage: Stage, principal: str, key: str, lifetime: int = 0) -> bytes:
    """Claims of the principal for no purpose, got with somebody's key."""
    told = await stage.call("principals", "Challenge", principals_pb2.ChallengeRequest(), ())
    answer = await stage.call("principals", "Vouch", principals_pb2.VouchRequest(
        principal=principal, challenge=told.challenge, lifetime=lifetime,
        signature=Signer(str(stage.seed), key).prove(told.challenge, principal)), ())
    return next(bytes(one.claims) for one in answer.vouched if not one.purpose)


async def _run(stage: Stage, what: str, name: str, shown: bytes, where: str) -> Outcome:
    if what in ("job", "sql"):
        request = warehouse_pb2.JobRequest(job=name) if what == "job" else warehouse_pb2.JobRequest(
            sql=read_text(stage.file(name, where), "PAI021"))
        done = await stage.operate("warehouse", "RunJob", request, shown)
        return Outcome("done", {"rows": done.rows, "output": done.output})
    if what == "export":
        done = await stage.operate("warehouse", "Export", warehouse_pb2.ExportRequest(export=name), shown)
        return Outcome("done", {"rows": done.rows, "written": done.written})
    if what == "manifest":
        text = read_text(stage.manifests / f"{name}.yaml", "PAI012")
        done = await stage.operate("training", "Train", training_pb2.TrainRequest(manifest=text), shown)
        return Outcome("done", {"checkpoint": done.checkpoint, "rows": done.rows})
    runs = (await stage.operate("warehouse", "RunSchedule", warehouse_pb2.ScheduleRequest(first=name, last=name),
                                shown)).runs
    first = next((run for run in runs if run.outcome == "blocked"), None)
    if first is None:
        return Outcome("done", {"runs": len(runs)})
    return Outcome("blocked", {"code": first.code, "reason": first.reason, "not done": not_done(runs)})
