"""What the journal says of an attempt: was it answered, and did a row move for it?

Truth.  Requests are told apart by their order, statements and what a training run took by the call that they stand in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from sim.truth.record import Record
from sim.truth.reference.attempt import Attempt
from sim.truth.reference.taken import taken

_TITLES = {"warehouse": "Warehouse", "training": "Training"}


class Ran(NamedTuple):
    """``rows``: None where nothing of it ran at all; 0: it ran, and no row came of it."""

    answered: bool
    rows: int | None


class Evidence:
    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self.trained = taken(records)
        self._statements: dict[int, list[Record]] = defaultdict(list)
        for record in records:
            if record.locator.startswith("sql:") and record.process == "warehouse":
                self._statements[record.detail.get("within", 0)].append(record)

    def requests(self, service: str, method: str) -> list[Record]:
        locator = f"grpc:/sightline.{_TITLES.get(service, service)}/{method}:request"
        return [one for one in self.records if one.process == service and one.op == "received"
                and one.locator == locator]

    def answered(self, request: tuple[str, str, int]) -> bool:
        service, method, number = request
        found = self.requests(service, method)
        if number >= len(found):
            return False
        locator = found[number].locator.replace(":request", ":response")
        return any(one.process == service and one.op == "sent" and one.locator == locator
                   and one.detail.get("call", 0) == found[number].detail.get("call", -1) for one in self.records)

    def ran(self, attempt: Attempt) -> Ran:
        service, method, number = attempt.request
        found = self.requests(service, method)
        if number >= len(found):
            return Ran(False, None)
        answered = self.answered(attempt.request)
        if attempt.kind == "training":
            return Ran(answered, self.trained[number].rows)
        if attempt.kind == "export":
            # An export that was refused wrote no part: what is there is of the others, which are answered.
            others = [at for at in range(number) if self.answered((service, method, at))
                      and f"exports/{found[at].detail.get('export')}" == attempt.table]
            return Ran(answered, self._parts(attempt, len(others)))
        return Ran(answered, self._rows(found[number], attempt))

    def wrote(self, table: str) -> int | None:
        """Rows of the largest statement that wrote to a table, in whatever call; a stream's run belongs to none."""
        return max((one.rows for found in self._statements.values() for one in found
                    if one.op == "write" and one.locator == f"sql:{table}"), default=None)

    def runs(self, request: Record, table: str) -> list[Record]:
        """What a schedule wrote to a table: its runs are nobody's child, but stand between its request and its answer.
        """
        answer = next((one.n for one in self.records if one.process == request.process and one.op == "sent"
                       and one.locator == request.locator.replace(":request", ":response")
                       and one.detail.get("call", 0) == request.detail.get("call", -1)), None)
        return [one for found in self._statements.values() for one in found
                if one.op == "write" and one.locator == f"sql:{table}" and one.n > request.n
                and (answer is None or one.n < answer)]

    def _rows(self, request: Record, attempt: Attempt) -> int | None:
        """Of its statements: of a scheduled job those that write its table."""
        if attempt.kind == "scheduled":
            found = self.runs(request, attempt.table)
        else:
            found = self._statements[request.detail.get("call", -1)]
        if not found:
            return None
        writes = [one for one in found if one.op == "write"]
        return max(one.rows for one in writes or found)

    def _parts(self, attempt: Attempt, number: int) -> int | None:
        """Rows that workers read before each wrote its part of the export; of several exports of a name, in order."""
        found: list[tuple[str, int]] = []
        for process in sorted({one.process for one in self.records if one.process.startswith("warehouse-")}):
            read = 0
            for one in self.records:
                if one.process == process and one.op == "read" and one.locator.startswith("sql:"):
                    read += one.rows
                elif one.process == process and one.op == "write" and one.locator.startswith("file:exports/"):
                    found += [(one.locator, read)] if one.locator.startswith(f"file:{attempt.table}/") else []
                    read = 0
        written: dict[str, list[int]] = {}
        for locator, rows in found:
            written.setdefault(locator, []).append(rows)
        own = [rows[number] for rows in written.values() if len(rows) > number]
        return sum(own) if own else None
