"""Steps about what the policy service is asked and signs: wearers' consent, and tokens that are misused.

Enforce.  The operator of ``present`` has a genuine token, had in the way that anyone may have one, and then does with
it what a token must not allow.  Nothing here knows how the warehouse checks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from lineage import jobfile
from lineage.errors import InputError, PolicyDenied
from protos import policy_pb2, warehouse_pb2
from services.warehouse import job as jobs_of
from sim.scenario.stage import Outcome, Stage, read_text
from sim.scenario.steps import STEPS, ask, flush, run_job

Misuse = Literal["none", "replayed", "expired", "changed", "another job", "another table", "forged", "stale"]
# Seconds: that of a token, and what passes before it is shown.
_SHORT, _LATE = 1, 3.1


@STEPS.register("consent", {"wearers": (str, int, list), "purpose": str, "granted": bool}, stage="enforce",
                doc="Wearers give or take back their consent to a purpose.")
async def consent(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    epoch = 0
    for wearer in stage.select(given["wearers"], where):
        request = policy_pb2.ConsentRequest(wearer=wearer.id, purpose=given["purpose"], granted=given["granted"])
        epoch = (await stage.operate("policy", "Consent", request)).epoch
    return Outcome("done", {"epoch": epoch})


@STEPS.register("present", {"job": str, "token": Misuse}, stage="enforce",
                doc="Somebody shows the warehouse a token for a job, and misuses it in a way that is named.")
async def present(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    await flush(stage, {}, where)
    path = stage.file(given["job"], where)
    text, misuse = read_text(path, "PAI021"), given["token"]
    shown = text
    if misuse in ("changed", "another job", "another table"):
        shown = _other(text, misuse, where)
    token = await obtain(stage, text, str(path), _SHORT if misuse == "expired" else 0)
    if misuse == "forged":
        token = token[:-1] + bytes([token[-1] ^ 1])
    if misuse == "expired":
        await asyncio.sleep(_LATE)
    if misuse == "stale":
        await ask(stage, {"question": "And what is this?", "wearers": 1}, where)
        await flush(stage, {}, where)
    request = warehouse_pb2.JobRequest(sql=shown, token=token)
    if misuse == "replayed":
        first = await run_job(stage, request)
        if first.outcome != "done":
            return first
    return await run_job(stage, request)


async def obtain(stage: Stage, text: str, name: str, lifetime: int = 0, *, annotated: bool = True) -> bytes:
    """A token for a job's statements, from the policy service, with what the catalog tells anyone of its tables; or,
    not ``annotated``, with a lie about them.

    Raises PolicyDenied where the job is not permitted, InputError (PAI022) without ``inputs``.
    """
    head, job = jobfile.parse(text, name), jobs_of.parse(text, name)
    if not head.inputs:
        raise InputError("PAI022", "the header names no inputs", where=name,
                         next="add the line -- inputs: core.sessions")
    tables = []
    for table in (*head.inputs, head.output):
        told = await stage.operate("warehouse", "Describe", warehouse_pb2.DescribeRequest(table=table))
        columns = [policy_pb2.JudgedColumn(name=column.name, type=column.type,
                                           annotations=column.annotations if annotated else (),
                                           annotated=bool(column.category)) for column in told.columns]
        tables.append(policy_pb2.JudgedTable(name=table, snapshot=told.snapshot, subject=told.subject,
                                             origin=told.origin, columns=columns))
    verdict = await stage.operate("policy", "Judge", policy_pb2.JudgeRequest(
        activity=head.activity, purpose=head.purpose, principal=head.owner, lifetime=lifetime, tables=tables,
        region=head.region,
        statements=[sql for _, sql in job.statements]))
    if not verdict.allowed:
        raise PolicyDenied(verdict.code, verdict.reason, where=head.activity)
    return bytes(verdict.token)


def _other(text: str, misuse: str, where: str) -> str:
    """The same job with one thing changed.  Raises InputError (PAI010) where there is nothing to change."""
    head = jobfile.parse(text, where)
    old, new = {"another job": (f"job: {head.name}", f"job: {head.name}_too"),
                "another table": (head.output, "ml.training_set"),
                "changed": ("WHERE", "WHERE 1 OR")}[misuse]
    if old not in text:
        raise InputError("PAI010", f"there is no {old!r} in the job to change", where=where)
    return text.replace(old, new)
