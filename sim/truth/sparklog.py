"""Which tables and columns Spark really scanned and wrote: from its own event log.

Truth.  Spark logs the *executed* plan of each execution, with its metrics, and where the files lie; none of
that is asked of the PAI, whose account comes from the analysed plan.  A scan names the columns that it
fetched after pruning, so it can be fewer than a statement refers to.

The engine keeps a table as a folder of parts, and their names say what an execution was for:

    staged-…  the result of a statement: what it scanned was read, and its columns are written
    rows-…    new rows of the table: how many were written
    kept-…    rows that were only carried over; that is upkeep, as a B-tree's pages are SQLite's
    given-…   the result of a query
    (none)    rows handed to whoever asked; but upkeep where a table is compared with rows that the engine was
              handed, or with parts that the same statement has written

An execution that is none of these is an error, and not nothing, and so is a job outside of any plan: the truth
has no silent holes.  What does not go through this session at all (a file opened by other means) is not seen.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lineage.errors import RunError

_ROW = "__row"
_EXECUTION = "spark.sql.execution.id"
_SQL = "org.apache.spark.sql.execution.ui.SparkListener"
_PART = re.compile(r"(?P<database>[^/]+)/(?P<table>[^/]+)/(?P<kind>staged|rows|kept)-\d+$")
_GIVEN = re.compile(r"/given-\d+$")
_PATH = re.compile(r"file:[^,\]]+")
_FIELD = re.compile(r"(?:^|,)(\w+):")
_WRITE = "Execute InsertIntoHadoopFsRelationCommand"
_ROWS = "number of output rows"


@dataclass
class Ran:
    """One statement: table → columns, and the rows that it wrote, or gave out."""

    reads: dict[str, set[str]] = field(default_factory=dict)
    writes: dict[str, set[str]] = field(default_factory=dict)
    rows: int = 0


@dataclass
class _Execution:
    plans: list[Any] = field(default_factory=list)

    def nodes(self) -> Iterator[Mapping[str, Any]]:
        pending = list(self.plans)
        while pending:
            node = pending.pop()
            yield node
            pending.extend(node["children"])


def ran(lines: Iterable[str]) -> Ran:
    """What the executions did whose events these are.  Raises RunError (PAI021) for what cannot be explained."""
    executions: defaultdict[int, _Execution] = defaultdict(_Execution)
    counted: dict[int, int] = {}
    for line in lines:
        event = json.loads(line)
        name = event["Event"].removeprefix(_SQL)
        if name in ("SQLExecutionStart", "SQLAdaptiveExecutionUpdate"):
            executions[event["executionId"]].plans.append(event["sparkPlanInfo"])
        elif name == "DriverAccumUpdates":
            counted.update((number, int(value)) for number, value in event["accumUpdates"])
        elif name == "SparkListenerJobStart" and _EXECUTION not in (event.get("Properties") or {}):
            raise RunError("PAI021", "Spark ran a job that belongs to no plan, which the journal cannot explain",
                           where="spark")
        elif name == "SparkListenerStageCompleted":
            counted.update((one["ID"], int(one["Value"])) for one in event["Stage Info"]["Accumulables"]
                           if one.get("Name") == _ROWS)
    found, staged, final = Ran(), 0, 0
    placed = False
    new: set[str] = set()
    given, handed = 0, 0
    for execution in executions.values():
        own, (kind, table, columns, node) = _own(execution), _written(execution)
        scans = _scans(execution, new)
        if kind in ("staged", "rows", "kept"):
            new.add(_PATH.findall(node["simpleString"])[0])
        if kind == "staged":
            _add(found.writes, table, columns - {_ROW})
            staged += _count(node, counted)
        elif kind == "rows":
            if table not in found.writes:
                _add(found.writes, table, own or columns - {_ROW})
            placed, final = True, final + _count(node, counted)
        if kind in ("staged", "given") or (not kind and not own and not any(part for _, part, _, _ in scans)):
            for name, part, names, _ in scans:
                if not part and not (name == table and names == {_ROW}):
                    _add(found.reads, name, names - {_ROW})
                    handed = handed if kind else _handed(execution, counted)
        given += _count(node, counted) if kind == "given" else 0
    found.rows = final if placed else staged or given or handed
    return found


def _scans(execution: _Execution, new: set[str]) -> list[tuple[str, bool, set[str], Mapping[str, Any]]]:
    """(table, is it only what the statement itself has written, columns, node) of each scan of a table.

    ``new``: the parts that the statement has written so far.  A scan of a query's result is none of a table's."""
    found = []
    for node in execution.nodes():
        name = node["nodeName"]
        if not re.match(r"(Batch|File)?Scan\b", name) or name.startswith(("Scan ExistingRDD", "Scan OneRowRelation")):
            continue
        if "Location" not in node["metadata"]:
            raise _unexplained(node)
        paths = _PATH.findall(node["metadata"]["Location"])
        if paths and all(_GIVEN.search(path) for path in paths):
            continue
        parts = [_PART.search(path) for path in paths]
        tables = {f"{part['database']}.{part['table']}" for part in parts if part}
        if len(tables) != 1 or None in parts:
            raise _unexplained(node)
        schema = node["metadata"]["ReadSchema"].removeprefix("struct<").removesuffix(">")
        found.append((tables.pop(), {*paths} <= new,
                      set(_FIELD.findall(schema)), node))
    return found


def _own(execution: _Execution) -> set[str]:
    """Columns of rows that the engine was handed, and gave Spark: they are in no file yet."""
    found: set[str] = set()
    for node in execution.nodes():
        if node["nodeName"].startswith("Scan ExistingRDD"):
            found.update(re.findall(r"(\w+)#\d+", node["simpleString"]))
    return found - {_ROW}


def _written(execution: _Execution) -> tuple[str, str, set[str], Mapping[str, Any]]:
    """(kind of part, table, columns, node) of what an execution writes; the kind is "" when it writes nothing."""
    for node in execution.nodes():
        name = node["nodeName"]
        if name == _WRITE:
            path = _PATH.findall(node["simpleString"])[0]
            if _GIVEN.search(path):
                return "given", "", set(), node
            part = _PART.search(path)
            if part is None:
                raise _unexplained(node)
            columns = set(re.findall(r"\w+", node["simpleString"].rpartition("[")[2]))
            return part["kind"], f"{part['database']}.{part['table']}", columns, node
        if name.startswith("Execute ") and not name.startswith(("Execute CreateViewCommand", "Execute DropTempView")):
            raise _unexplained(node)
    return "", "", set(), {}


def _handed(execution: _Execution, counted: Mapping[int, int]) -> int:
    """Rows that an execution gave to whoever asked: those of the uppermost operator that counts them."""
    node = execution.plans[-1]
    while not _metrics(node):
        if len(node["children"]) != 1:
            return 0
        node = node["children"][0]
    return _count(node, counted)


def _count(node: Mapping[str, Any], counted: Mapping[int, int]) -> int:
    return sum(counted.get(metric, 0) for metric in _metrics(node))


def _metrics(node: Mapping[str, Any]) -> list[int]:
    return [metric["accumulatorId"] for metric in node["metrics"] if metric["name"] == _ROWS]


def _add(tables: dict[str, set[str]], name: str, columns: set[str]) -> None:
    tables.setdefault(name, set()).update(columns)


def _unexplained(node: Mapping[str, Any]) -> RunError:
    return RunError("PAI021", f"Spark did what the journal cannot explain: {node['simpleString'][:200]}", where="spark")
