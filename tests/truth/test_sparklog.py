"""Spark's event log, as the truth reads it: reads, writes, rows; an error for what it cannot explain."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lineage.errors import RunError
from sim.truth.sparklog import Ran, ran

SQL = "org.apache.spark.sql.execution.ui.SparkListener"
ROOT = "file:/data/warehouse/core"


def node(name: str, text: str = "", children: tuple[Any, ...] = (), rows: int = 0, **metadata: str) -> dict[str, Any]:
    metrics = [{"name": "number of output rows", "accumulatorId": rows, "metricType": "sum"}] if rows else []
    return {"nodeName": name, "simpleString": f"{name} {text}", "children": list(children), "metadata": metadata,
            "metrics": metrics}


def scan(parts: str, columns: str, rows: int = 0) -> dict[str, Any]:
    """``rows``: the number of the metric."""
    fields = ",".join(f"{column}:string" for column in columns.split())
    paths = ", ".join(f"{ROOT}/{part}" for part in parts.split())
    return node("Scan parquet ", rows=rows, Location=f"InMemoryFileIndex(9 paths)[{paths}]",
                ReadSchema=f"struct<{fields}>")


def write(path: str, columns: str, child: dict[str, Any], rows: int = 0) -> dict[str, Any]:
    text = f"{path}, false, Parquet, [path={path.removeprefix('file:')}], ErrorIfExists, [{columns}]"
    return node("Execute InsertIntoHadoopFsRelationCommand", text, (node("Project", children=(child,)),), rows)


def log(*plans: dict[str, Any], **counts: int) -> list[str]:
    """One execution for each plan; ``counts``: metric by number, as m7=3."""
    lines = [json.dumps({"Event": f"{SQL}SQLExecutionStart", "executionId": at, "sparkPlanInfo": plan})
             for at, plan in enumerate(plans)]
    counted = [{"ID": int(name[1:]), "Name": "number of output rows", "Value": str(value)}
               for name, value in counts.items()]
    lines.append(json.dumps({"Event": "SparkListenerStageCompleted", "Stage Info": {"Accumulables": counted}}))
    return [*lines, json.dumps({"Event": "SparkListenerJobEnd"})]


OWN = node("Scan ExistingRDD", "[session#1,__row#2L]")
STAGE = write(f"{ROOT}/daily/staged-000002", "ds, session, __row",
              scan("sessions/rows-000001", "session asked_at", 7), 8)


@pytest.mark.parametrize(("plans", "counts", "reads", "writes", "rows"), [
    ([scan("sessions/rows-000001 sessions/rows-000002", "wearer __row", 5)], {"m5": 4},
     {"core.sessions": {"wearer"}}, {}, 4),
    ([scan("sessions/kept-000000", "")], {}, {"core.sessions": set()}, {}, 0),
    ([node("HashAggregate", children=(scan("sessions/rows-000001", "a"), scan("daily/rows-000001", "b")))], {},
     {"core.sessions": {"a"}, "core.daily": {"b"}}, {}, 0),
    # A statement's result as it is; then with rows that clash: the last write counts, others are carried over.
    ([STAGE, node("HashAggregate", children=(scan("daily/staged-000002", "ds __row"),))], {"m7": 6, "m8": 3},
     {"core.sessions": {"session", "asked_at"}}, {"core.daily": {"ds", "session"}}, 3),
    ([STAGE, write(f"{ROOT}/daily/rows-000003", "ds, session, __row", scan("daily/staged-000002", "ds"), 9),
      write(f"{ROOT}/daily/kept-000004", "ds, session, __row", scan("daily/rows-000001", "ds session"), 10),
      scan("daily/rows-000003", "")], {"m8": 3, "m9": 2, "m10": 50},
     {"core.sessions": {"session", "asked_at"}}, {"core.daily": {"ds", "session"}}, 2),
    # Removed rows: only their numbers were staged, and only by their numbers were they found.
    ([write(f"{ROOT}/daily/staged-000005", "__row", scan("daily/rows-000001", "__row"), 8)], {"m8": 2}, {},
     {"core.daily": set()}, 2),
    # Rows that were handed over: the look at their keys is upkeep.
    ([node("Join", children=(OWN, scan("daily/rows-000001", "session"))),
      write(f"{ROOT}/daily/rows-000006", "ds, session, __row", OWN, 8)], {"m8": 1}, {}, {"core.daily": {"session"}}, 1),
    ([write("file:/data/warehouse/given-000000", "c0", scan("sessions/rows-000001", "wearer", 7), 8),
      node("Scan parquet ", Location="InMemoryFileIndex(1 paths)[file:/data/warehouse/given-000000]",
           ReadSchema="struct<>")], {"m7": 9, "m8": 4}, {"core.sessions": {"wearer"}}, {}, 4),
    ([node("Execute CreateViewCommand")], {}, {}, {}, 0),
])
def test_what_a_statement_did(plans: list[dict[str, Any]], counts: dict[str, int], reads: dict[str, set[str]],
                              writes: dict[str, set[str]], rows: int) -> None:
    assert ran(log(*plans, **counts)) == Ran(reads, writes, rows)


def test_a_job_without_a_plan_is_not_explained() -> None:
    lines = log(scan("sessions/rows-000001", "wearer"))
    job = {"Event": "SparkListenerJobStart", "Properties": {"spark.sql.execution.id": "0"}}
    assert ran([*lines, json.dumps(job)]).reads == {"core.sessions": {"wearer"}}
    for properties in ({}, None):
        with pytest.raises(RunError, match="belongs to no plan"):
            ran([*lines, json.dumps({**job, "Properties": properties})])


def test_a_plan_that_was_adapted_is_read_whole() -> None:
    """What was scanned by any version of it; the rows that the last one gave out."""
    both = node("Join", children=(scan("sessions/rows-000001", "wearer", 5), scan("daily/rows-000001", "ds", 6)))
    lines = log(node("AdaptiveSparkPlan", children=(both,)), m5=7, m6=8, m9=2)
    later = node("AdaptiveSparkPlan", children=(node("Filter", children=(scan("sessions/rows-000001", "wearer", 5),),
                                                     rows=9),))
    lines.append(json.dumps({"Event": f"{SQL}SQLAdaptiveExecutionUpdate", "executionId": 0, "sparkPlanInfo": later}))
    assert ran(lines) == Ran({"core.sessions": {"wearer"}, "core.daily": {"ds"}}, {}, 2)


@pytest.mark.parametrize("plan", [
    scan("sessions/elsewhere", "a"), scan("sessions/rows-000001 daily/rows-000001", "a"),
    node("Scan csv ", Location="InMemoryFileIndex(1 paths)[file:/etc/passwd]", ReadSchema="struct<a:string>"),
    node("BatchScan", "jdbc"), write("file:/tmp/out", "a", scan("sessions/rows-000001", "a")),
    node("Execute CreateDataSourceTableAsSelectCommand"),
])
def test_nothing_is_left_unexplained(plan: dict[str, Any]) -> None:
    with pytest.raises(RunError) as caught:
        ran(log(node("Project", children=(plan,))))
    assert caught.value.code == "PAI021" and "cannot explain" in caught.value.what
