"""Rows of ``core.sessions`` as the logger appends them: what the benchmarks put into the warehouse, many at a time."""

from __future__ import annotations

from collections.abc import Iterable

from protos.rows_pb2 import Row, Rows, Value
from protos.warehouse_pb2 import AppendRequest

COLUMNS = ("session", "wearer", "device", "region", "utterance", "answer", "checkpoint", "asked_at")
# Of as many, who ask in turn.
WEARERS = 1000


def appended(asked: Iterable[tuple[str, str]], *, region: str = "US", begin: int = 0) -> AppendRequest:
    """A session for each (utterance, answer); ``begin``: the number of the first."""
    return AppendRequest(rows=Rows(schema="core.sessions", columns=COLUMNS, rows=[
        Row(values=[Value(text=text) for text in (
            f"s-{number:09d}", f"b-{number % WEARERS:04d}", "g-1", region, utterance, answer, "assistant@1",
            "2026-01-05T09:30:00Z")]) for number, (utterance, answer) in enumerate(asked, begin)]))
