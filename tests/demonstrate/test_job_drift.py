"""A job's declared lineage is its observed one, column by column; what it did besides is reported, nothing else is."""

from __future__ import annotations

from collections import Counter

from lineage.demonstrate.job_drift import job_drift
from lineage.discover.labels import Labels
from lineage.discover.lineage import Lineage
from lineage.model import Confidence, Edge

A, B, JOB = "warehouse:core.a", "warehouse:core.b", "job:j"


def flow(source: str, target: str, job: str = JOB, *, confidence: Confidence = "HIGH", evidence: str = "sql") -> Edge:
    return Edge(source, target, "observed", via={job}, confidence=confidence, evidence={evidence}, keys={"k", "l"})


def use(source: str, job: str = JOB) -> Edge:
    return Edge(source, job, "observed", confidence="HIGH", evidence={"usage"}, keys={"k"})


def found(*seen: Edge, subjects: tuple[tuple[str, str], ...] = ()) -> list[tuple[str, str, int]]:
    declared = [Edge(f"{A}#x", f"{B}#x", "declared", via={JOB}, evidence={"sql"}),
                Edge(f"{A}#y", f"{B}#x", "declared", via={JOB}, evidence={"sql:indirect"}),
                *(Edge(f"{A}#{name}", JOB, "declared", evidence={"sql"}) for name in "xy")]
    lineage = Lineage(Labels({}), {}, [*declared, *seen], [], [], {}, {}, Counter(), subjects=set(subjects))
    return [(one.code, one.asset, one.count) for one in job_drift(lineage)]


def test_what_runs_as_declared_is_no_drift() -> None:
    assert found(flow(f"{A}#x", f"{B}#x"), flow(f"{A}#y", f"{B}#x"), use(f"{A}#x"), use(f"{A}#y"), use(A)) == []


def test_a_column_more_is_reported_as_flow_and_as_use() -> None:
    assert found(flow(f"{A}#z", f"{B}#x"), use(f"{A}#z")) == [("PAI405", f"{B}#x", 2), ("PAI405", f"{A}#z", 1)]


def test_another_table_is_reported() -> None:
    assert found(use("warehouse:core.c#x")) == [("PAI405", "warehouse:core.c#x", 1)]
    assert found(use("warehouse:core.c")) == [("PAI405", "warehouse:core.c", 1)]
    assert found(flow(f"{A}#x", "warehouse:core.c#x")) == [("PAI405", "warehouse:core.c#x", 2)]


def test_guesses_and_other_activities_are_not_judged() -> None:
    assert found(flow(f"{A}#z", f"{B}#x", confidence="LOW", evidence="scope"), flow(f"{A}#z", f"{B}#x", "job:other"),
                 use(f"{A}#z", "query:undeclared"), flow(f"{A}#z", f"{B}#x", evidence="sources")) == []


def test_to_see_whose_a_row_is_is_the_warehouse_s_own_use() -> None:
    assert found(use(f"{A}#wearer"), subjects=((f"{A}#wearer", JOB),)) == []
    assert found(use(f"{A}#wearer"), subjects=((f"{A}#wearer", "job:other"),)) != []
