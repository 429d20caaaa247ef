"""Rows that arrived for a table or a column: by the message, and only where something could have been seen."""

from __future__ import annotations

import pytest

from lineage.errors import InputError
from sim.truth.appended import appended
from sim.truth.record import Record

APPEND = "grpc:/sightline.Warehouse/Append:request"
RECORDS = [
    Record("logger", 1, "sent", APPEND, {"schema": "core.sessions", "columns": ["session", "mood"]}, 5, 0),
    Record("warehouse", 1, "received", APPEND, {"schema": "core.sessions", "columns": ["session"]}, 3, 0),
    Record("warehouse", 2, "received", APPEND, {"schema": "core.sessions", "columns": ["session", "mood"]}, 2, 0),
    Record("warehouse", 3, "write", "sql:core.other", {"columns": ["session"], "statement": 1}, 9, 0)]


@pytest.mark.parametrize(("target", "rows", "armed"), [
    ("warehouse:core.sessions", 5, True), ("warehouse:core.sessions#mood", 2, True),
    ("warehouse:core.sessions#other", 0, True), ("warehouse:core.other", 0, False),
])
def test_what_arrived(target: str, rows: int, armed: bool) -> None:
    assert appended(RECORDS, target) == (rows, armed)


def test_only_a_table_is_asked_about() -> None:
    with pytest.raises(InputError, match="warehouse table"):
        appended(RECORDS, "logger:glasses_session")
