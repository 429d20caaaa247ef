"""The digest of what a run has read: of the rows, not of their order."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from services.training import snapshot

CELLS = st.none() | st.text() | st.integers() | st.floats(allow_nan=False) | st.binary()
ROWS = st.lists(st.tuples(CELLS, CELLS), max_size=6)


@given(ROWS, st.randoms(use_true_random=False))
def test_order_does_not_matter(rows: list[tuple[object, object]], chance: random.Random) -> None:
    mixed = list(rows)
    chance.shuffle(mixed)
    assert snapshot.digest(["a", "b"], mixed) == snapshot.digest(["a", "b"], rows)


@given(ROWS, ROWS)
def test_other_rows_have_another_digest(one: list[tuple[object, object]], other: list[tuple[object, object]]) -> None:
    def typed(rows: list[tuple[object, object]]) -> list[str]:
        return sorted(repr(row) for row in rows)  # 1 and 1.0 are other cells, and so are 0.0 and -0.0

    same = snapshot.digest(["a", "b"], one) == snapshot.digest(["a", "b"], other)
    assert same == (typed(one) == typed(other))


def test_a_cell_is_told_by_its_type_and_the_columns_count() -> None:
    cells = ["1", 1, None, b"1", "MQ==", 1.5, "\n", ""]
    assert len({snapshot.digest(["a"], [[cell]]) for cell in cells}) == len(cells)
    assert snapshot.digest(["a"], []) != snapshot.digest(["b"], [])
    assert snapshot.digest(["a"], [["x"], ["x"]]) != snapshot.digest(["a"], [["x"]])
