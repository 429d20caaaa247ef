"""Rows that physically went from a warehouse table, or a table derived from it, to an activity.

Truth: the second witness of a claim such as "no row moved to ads_ranker"; the first is the decision.
Derived means: a statement read the one and wrote the other.  What a process carries from one
statement to the next in its own memory is not followed.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lineage.errors import InputError
from lineage.names import parse
from sim.truth.record import Record

_READ = "grpc:/sightline.Warehouse/Read"
_JOB = "grpc:/sightline.Warehouse/RunJob"
# The processes of an export's workers are numbered.
_WORKER = "warehouse-"
# Tables → their columns that carry the data; None: any column.
Carriers = dict[str, frozenset[str] | None]


class Moved(NamedTuple):
    """``armed``: the tap that would have seen the rows recorded something else, too, and the source held rows to
    move; without both, 0 says nothing."""

    rows: int
    armed: bool


def moved(records: Sequence[Record], source: str, activity: str) -> Moved:
    """``source``: "warehouse:core.sessions", or one column with "#utterance"; ``activity``: "training:x", "job:x",
    "query:x".  Raises InputError (PAI001) for a source outside the warehouse and a non-activity.

    A training run takes rows by reading the warehouse; a job or query by its statements, of which a
    writing one moves the rows that it wrote, and a reading one those that it gave out; an export, whose name is the
    job's, by what its workers read.
    """
    asset, user = parse(source), parse(activity)
    if asset.kind != "warehouse" or not user.is_activity:
        raise InputError("PAI001", f"rows move from a warehouse table to an activity, not from {source} to {activity}")
    carriers = _carriers(records, asset.name, asset.field)
    taken = list(_responses(records, carriers, str(user)))
    process = "training"
    if user.kind != "training":
        taken += _statements(records, carriers, str(user))
        taken += _exported(records, carriers, user.name)
        process = "warehouse"
    seen = {record[:2] for record in taken}
    armed = any(record.process == process and record[:2] not in seen for record in records)
    held = bool(taken) or _held(records, asset.name, asset.field)
    return Moved(sum(record.rows for record in taken), armed and held)


def _held(records: Sequence[Record], table: str, column: str) -> bool:
    """Rows were written to the table, or read from it, with that column, in this run."""
    return any(record.locator == f"sql:{table}" and record.rows > 0
               and (not column or column in record.detail["columns"]) for record in records)


def _carriers(records: Sequence[Record], table: str, column: str) -> Carriers:
    """The table, and each one that a statement has filled from a carrier before."""
    carriers: Carriers = {table: frozenset((column,)) if column else None}
    for reads, writes in _by_statement(records):
        if any(_carries(carriers, read) for read in reads):
            for write in writes:
                carriers.setdefault(write.locator.removeprefix("sql:"), None)
    return carriers


def _by_statement(records: Sequence[Record]) -> Iterator[tuple[list[Record], list[Record]]]:
    """(reads, writes) of each statement, in the order in which they ran."""
    found: dict[tuple[str, int], tuple[list[Record], list[Record]]] = defaultdict(lambda: ([], []))
    for record in records:
        if record.locator.startswith("sql:"):
            found[(record.process, record.detail["statement"])][record.op == "write"].append(record)
    yield from found.values()


def _carries(carriers: Carriers, read: Record) -> bool:
    table = read.locator.removeprefix("sql:")
    columns = carriers.get(table)
    return table in carriers and (columns is None or not columns.isdisjoint(read.detail["columns"]))


def _responses(records: Sequence[Record], carriers: Carriers, activity: str) -> Iterator[Record]:
    """Responses to a client's Warehouse/Read that named the activity."""
    named: dict[tuple[str, int], str] = {}
    waiting: dict[str, deque[str]] = defaultdict(deque)  # of calls whose number is not known
    for record in records:
        if record.op == "sent" and record.locator == f"{_READ}:request":
            if "call" in record.detail:
                named[(record.process, record.detail["call"])] = record.detail["activity"]
            waiting[record.process].append(record.detail["activity"])
        elif record.op == "received" and record.locator == f"{_READ}:response":
            first = waiting[record.process].popleft() if waiting[record.process] else ""
            asked = named.get((record.process, record.detail.get("call", 0)), first)
            table = record.detail.get("schema", "")
            columns = carriers.get(table)
            if asked == activity and table in carriers and (
                    columns is None or not columns.isdisjoint(record.detail["columns"])):
                yield record


def _exported(records: Sequence[Record], carriers: Carriers, name: str) -> Iterator[Record]:
    """What a worker read before it wrote a part of the export; what it read and never wrote is not told apart."""
    pending: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if not record.process.startswith(_WORKER):
            continue
        if record.op == "read" and record.locator.startswith("sql:") and _carries(carriers, record):
            pending[record.process].append(record)
        elif record.op == "write" and record.locator.startswith("file:exports/"):
            found = pending.pop(record.process, [])
            if record.locator.startswith(f"file:exports/{name}/"):
                yield from found


def _statements(records: Sequence[Record], carriers: Carriers, activity: str) -> Iterator[Record]:
    """For each statement of the job that read a carrier, the record that counts its rows."""
    name = activity.partition(":")[2]
    served = {(record.process, record.detail["call"]): record for record in records
              if record.op == "received" and record.locator == f"{_JOB}:request" and "call" in record.detail}
    asked = {key for key, record in served.items()
             if record.detail.get("activity", "") == activity
             or ("activity" not in record.detail and record.detail.get("job") == name)}
    for reads, writes in _by_statement(records):
        one = (reads or writes)[0]
        carrying = [read for read in reads if _carries(carriers, read)]
        if not carrying or (one.process, one.detail.get("within", 0)) not in asked:
            continue
        if writes:
            yield writes[0]
        elif any(read.detail["columns"] for read in carrying):  # a bare count gives no row away
            yield carrying[0]
