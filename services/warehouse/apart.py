"""[B] What nobody's request is about (a schedule's job, a stream's, who consents): done in a scope of its own, so that
what one read is no source of what the next one writes.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from lineage.errors import PolicyDenied, SightlineError
from lineage.privacylib import PrivacyLib
from lineage.privacylib.scope import Entered, apart
from services.warehouse.job import Job
from services.warehouse.runner import Runner


@dataclass(frozen=True)
class Run:
    """``outcome``: done, blocked, failed, or skipped because of a job that it needs; ``ds``: its day or window."""

    job: str
    ds: str
    outcome: str
    rows: int = 0
    code: str = ""
    reason: str = ""


async def run_apart(lib: PrivacyLib, runner: Runner, job: Job, ds: str, given: Mapping[str, str], *,
                    for_caller: bool = False) -> Run:
    """Under a correlation key of its own.  Raises nothing that a job may raise: what went wrong is in the run.

    ``for_caller``: somebody asked for the run, and it is theirs; else it is this service's.
    """
    key = hashlib.sha256(f"{lib.context.key}/{job.activity}/{ds}".encode()).hexdigest()[:32]
    began = apart(lib, key) if for_caller else lib.scope(key=key)
    return await asyncio.create_task(_run(runner, job, ds, given, began), context=contextvars.Context())


async def _run(runner: Runner, job: Job, ds: str, given: Mapping[str, str], began: Entered) -> Run:
    with began:
        try:
            return Run(job.activity, ds, "done", await runner.run(job.bound(given), ()))
        except SightlineError as error:
            return Run(job.activity, ds, "blocked" if isinstance(error, PolicyDenied) else "failed", 0, error.code,
                       error.what)
