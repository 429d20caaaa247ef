"""Faults of the log: a producer that sends what the logger's config of before does not describe, or what is wrong.

Armed where an event leaves the web service: the message and its sources are altered together, as an edit of the
producer's code would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from lineage.privacylib.operation import Operation
from protos.logger_pb2 import LogRequest
from protos.rows_pb2 import Value
from sim.scenario.faults import _COUNTS, FAULTS, Fault
from sim.scenario.schema import Scenario
from sim.scenario.stage import find_file

LOGGER_FIELD_ADDED = "logger_field_added"
# Their `config` and `table` are deployed.
_BRINGS = (LOGGER_FIELD_ADDED, "labelled_branch")
TOO_LONG = 1_000_000


def events(op: Operation, category: str) -> LogRequest | None:
    """The message that is about to leave, if it is of the category."""
    if op.kind != "call" or op.asset != "rpc:logger.Append" or not isinstance(op.payload, LogRequest):
        return None
    return op.payload if op.payload.events.schema == category else None


def _add(op: Operation, request: LogRequest, field: str, sources: Iterable[str], values: Iterable[Value]) -> None:
    """Another column, in the message and in what the operation says of it."""
    events = request.events
    events.columns.append(field)
    for row, value in zip(events.rows, values, strict=True):
        row.values.append(value)
    op.fields = (*op.fields, f"request.{events.schema}.{field}")
    op.links = tuple(sorted((*op.links, (f"{events.schema}.{field}", tuple(sources)))))


@FAULTS.register(LOGGER_FIELD_ADDED, {"category": str, "field": str, "from": str, "config": str},
                 optional={**_COUNTS, "version": int, "table": str, "declared": bool}, stage="discover",
                 doc="Events get another field, a copy of the field `from`; `config` describes it to the logger "
                     "(`declared: false`: to nobody else).")
class LoggerFieldAdded(Fault):
    """``version``: of ``config``, under which the altered events are sent (2)."""

    def before(self, op: Operation) -> None:
        request = events(op, self.given["category"])
        if request is None or self.given["from"] not in request.events.columns or not self.fires():
            return
        at, name = list(request.events.columns).index(self.given["from"]), f"{request.events.schema}."
        sources = next((sources for field, sources in op.links if field == name + self.given["from"]), ())
        _add(op, request, self.given["field"], sources, [row.values[at] for row in request.events.rows])
        request.version = self.given.get("version", 2)


def deployed(scenario: Scenario) -> dict[str, list[Path]]:
    """What the faults of a scenario deploy, as arguments of :func:`sim.stack.deployment.deploy`.

    Raises InputError (PAI012) for a file that is not there."""
    found: dict[str, list[Path]] = {"categories": [], "running": [], "tables": []}
    for fault in scenario.faults:
        if fault.kind not in _BRINGS:
            continue
        kind = "categories" if fault.given.get("declared", True) else "running"
        found[kind].append(find_file(scenario, fault.given["config"], fault.where))
        if "table" in fault.given:
            found["tables"].append(find_file(scenario, fault.given["table"], fault.where))
    return found


_WRONG: dict[str, Callable[[], Value]] = {
    "wrong_type": lambda: Value(integer=7), "missing": Value, "not_utf8": lambda: Value(blob=b"\xff\xfe"),
    "too_long": lambda: Value(text="x" * TOO_LONG)}


@FAULTS.register("bad_events", {"category": str, "field": str,
                                "how": Literal["wrong_type", "missing", "not_utf8", "too_long", "unknown_field"]},
                 optional=_COUNTS, stage="discover",
                 doc="Events are sent that their category does not allow: one field is wrong, or unheard of.")
class BadEvents(Fault):
    def before(self, op: Operation) -> None:
        request = events(op, self.given["category"])
        if request is None:
            return
        given: Mapping[str, Any] = self.given
        known = given["field"] in request.events.columns
        if known is (given["how"] == "unknown_field") or not self.fires():
            return
        if not known:
            _add(op, request, given["field"], (), [Value(text="unheard of") for _ in request.events.rows])
            return
        at = list(request.events.columns).index(given["field"])
        for row in request.events.rows:
            row.values[at].CopyFrom(_WRONG[given["how"]]())
