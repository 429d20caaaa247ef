"""Typed rows survive the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import InputError
from protos.rows_pb2 import Row, Rows
from services import rows as typed

CELLS = st.none() | st.text() | st.binary() | st.integers(-2**63, 2**63 - 1) | st.floats(allow_nan=False)


@given(st.lists(st.tuples(st.text(), st.lists(CELLS, min_size=2, max_size=2))))
def test_cells_come_back(rows: list[tuple[str, list[typed.Cell]]]) -> None:
    sent = Rows.FromString(typed.make("core.x", ("a", "b"), rows).SerializeToString())
    assert typed.cells(sent) == [cells for _, cells in rows]
    assert [row.key for row in sent.rows] == [key for key, _ in rows]


def test_a_ragged_row_is_refused() -> None:
    with pytest.raises(InputError, match="row 1 has 0 values for 1 columns"):
        typed.cells(Rows(schema="core.x", columns=["a"], rows=[Row()]))
    with pytest.raises(InputError, match="twice"):
        typed.cells(Rows(schema="core.x", columns=["a", "a"]))
