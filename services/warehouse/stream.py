"""[B] The stream processor: a job for each window of time that new rows fall into.

Tumbling windows over the time that a row itself tells.  A window is worked out again whenever rows come for it,
the late ones too, so its output is at every moment what its rows say, and nothing is kept between two batches.
(Waiting for a watermark would give each result once and later; that is not here.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from lineage.errors import InputError
from lineage.jobfile import WINDOW
from lineage.privacylib import PrivacyLib
from services.rows import Cell
from services.warehouse.apart import Run, run_apart
from services.warehouse.job import Job
from services.warehouse.runner import Runner

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Streams:
    """The streams among the runner's jobs."""

    def __init__(self, lib: PrivacyLib, runner: Runner) -> None:
        self._lib = lib
        self._runner = runner
        self._jobs: list[Job] = []

    def start(self) -> None:
        """Raises InputError (PAI022) for a stream that does not take its window."""
        self._jobs = [job for job in self._runner.jobs() if job.schedule == "stream"]
        for job in self._jobs:
            if not set(WINDOW) <= set(job.parameters):
                raise InputError("PAI022", f"a stream has the parameters {', '.join(WINDOW)}", where=job.where,
                                 next=f"add the line -- parameters: {', '.join(WINDOW)}")

    async def appended(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> list[Run]:
        """Runs what the new rows of ``table`` ask for; a run that was refused or failed is a gap, and holds up none."""
        runs = []
        kept = list(rows)
        for job in self._jobs:
            length, source, column = window_of(job)
            if source != table or column not in columns:
                continue
            at = columns.index(column)
            for begin in sorted({_begin(row[at], length) for row in kept} - {None}, key=str):
                assert begin is not None
                given = dict(zip(WINDOW, (_written(begin), _written(begin + length)), strict=True))
                run = await run_apart(self._lib, self._runner, job, given[WINDOW[0]], given)
                runs.append(run)
                if run.outcome == "failed":
                    self._lib.gap(job.activity, f"a window was not worked out: {run.reason}", "PAI209")
        return runs


def window_of(job: Job) -> tuple[timedelta, str, str]:
    """(length, table, column) of "60m on core.sessions.asked_at"."""
    length, _, place = job.window.partition(" on ")
    table, _, column = place.rpartition(".")
    return timedelta(**{_UNITS[length[-1]]: int(length[:-1])}), table, column


def _begin(value: Cell, length: timedelta) -> datetime | None:
    """The beginning of the window; None for what is no time, which falls into none."""
    try:
        moment = datetime.fromisoformat(str(value)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return _EPOCH + (moment - _EPOCH) // length * length


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
