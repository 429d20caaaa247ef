"""[B] The batch scheduler: daily jobs in the order of what they need, a day at a time; back-fill is more days.

A job that is refused or fails holds up those that need its output, no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from graphlib import CycleError, TopologicalSorter

from lineage.errors import InputError
from lineage.privacylib import PrivacyLib
from services.warehouse.apart import Run, run_apart
from services.warehouse.job import Job
from services.warehouse.runner import Runner

# The parameter that names the day of a run, for jobs that have it.
DS = "ds"
MAX_DAYS = 366


class Scheduler:
    def __init__(self, lib: PrivacyLib, runner: Runner) -> None:
        self._lib = lib
        self._runner = runner

    async def run(self, first: str, last: str) -> list[Run]:
        """Every daily job for each day from ``first`` to ``last``, both as 2026-01-05.

        Raises InputError: PAI004 for days that are none, PAI021 or PAI022 for jobs that cannot be ordered; then no
        job has run.
        """
        wanted = days(first, last)
        jobs = [job for job in self._runner.jobs() if job.schedule == "daily"]
        inputs = {job.activity: await self._runner.inputs(job) for job in jobs}
        order, runs = ordered(jobs, inputs), list[Run]()
        for ds in wanted:
            held: dict[str, str] = {}  # output → the job that did not make it
            for job in order:
                needs = [held[table] for table in sorted(inputs[job.activity]) if table in held]
                run = (Run(job.activity, ds, "skipped", reason=f"it needs what {needs[0]} makes") if needs else
                       await run_apart(self._lib, self._runner, job, ds, {DS: ds} if DS in job.parameters else {},
                                       for_caller=True))
                runs.append(run)
                if run.outcome != "done":
                    held[job.output] = job.activity
        return runs


def days(first: str, last: str) -> list[str]:
    """Raises InputError (PAI004) for what is no day, a last one before the first, or more than a year."""
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise InputError("PAI004", f"a day is written as 2026-01-05: {error}", where="warehouse.RunSchedule") from None
    count = (end - begin).days + 1
    if not 1 <= count <= MAX_DAYS:
        raise InputError("PAI004", f"from {first} to {last} are {count} days; 1 to {MAX_DAYS} can be run",
                         where="warehouse.RunSchedule")
    return [(begin + timedelta(days=number)).isoformat() for number in range(count)]


def ordered(jobs: Iterable[Job], inputs: Mapping[str, frozenset[str]]) -> list[Job]:
    """Who makes a table before who reads it, by name where nothing else decides.

    Raises InputError (PAI022) for jobs that need each other, naming the circle.
    """
    by_name = {job.activity: job for job in jobs}
    makers: dict[str, list[str]] = {}
    for job in by_name.values():
        makers.setdefault(job.output, []).append(job.activity)
    sorter = TopologicalSorter({name: {maker for table in inputs[name] for maker in makers.get(table, ())} - {name}
                                for name in by_name})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise InputError("PAI022", f"these jobs need each other's output: {circle}", where="warehouse",
                         next="let one of them read something else, or take its schedule away") from None
    found: list[Job] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        found += [by_name[name] for name in ready]
        sorter.done(*ready)
    return found
