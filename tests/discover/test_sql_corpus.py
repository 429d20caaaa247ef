"""Every statement of the corpus has exactly the edges, the columns and the output that were found by reading it."""

from __future__ import annotations

import pytest

from lineage.discover.sql import analyse
from lineage.discover.sql_file import SqlFiles
from sim.bench.corpus import Case, load

CASES = load()


@pytest.mark.parametrize("case", CASES, ids=[f"{case.where} {case.name}" for case in CASES])
def test_edges(case: Case) -> None:
    found = list(SqlFiles(case.schema, case.dialect).statements(case.sql))
    assert [fault.message for one in found for fault in one.faults] == []
    assert len(found) == 1
    assert found[0].output == case.output
    edges = {tuple(edge) for edge in found[0].edges}
    expected = {tuple(edge) for edge in case.edges}
    assert (sorted(expected - edges), sorted(edges - expected)) == ([], [])
    # Columns without an edge count too.
    made = analyse(case.sql, case.schema, case.dialect)
    assert sorted(column.target for column in made.columns) == sorted(case.columns)


def test_size() -> None:
    assert len(CASES) >= 150
    assert len({case.dialect for case in CASES}) >= 10
    assert len({case.sql for case in CASES}) == len(CASES)
