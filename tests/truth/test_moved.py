"""Rows that went from a table to an activity, as a journal of known movements tells it."""

from __future__ import annotations

from typing import Any

import pytest

from lineage.errors import InputError
from sim.truth.moved import Moved, moved
from sim.truth.record import Record

READ, JOB = "grpc:/sightline.Warehouse/Read", "grpc:/sightline.Warehouse/RunJob"


def statement(number: int, reads: dict[str, list[str]], writes: dict[str, list[str]], rows: int,
              within: int = 0) -> list[tuple[str, str, dict[str, Any], int]]:
    detail: dict[str, Any] = {"statement": number, **({"within": within} if within else {})}
    return [(op, f"sql:{table}", {"columns": columns, **detail}, rows)
            for op, tables in (("read", reads), ("write", writes)) for table, columns in tables.items()]


def journal(process: str, *entries: tuple[str, str, dict[str, Any], int]) -> list[Record]:
    return [Record(process, n, op, locator, detail, rows, 0)  # type: ignore[arg-type]
            for n, (op, locator, detail, rows) in enumerate(entries, 1)]


WAREHOUSE = journal(
    "warehouse",
    *statement(1, {}, {"core.sessions": ["utterance", "region"]}, 9),
    ("received", f"{JOB}:request", {"call": 2, "job": "daily"}, 0),
    *statement(2, {"core.sessions": ["utterance"]}, {"core.daily": ["utterance"]}, 6, within=2),
    *statement(3, {"core.daily": []}, {}, 1, within=2),  # a count
    ("sent", f"{JOB}:response", {"call": 2}, 0),
    *statement(4, {"core.daily": ["utterance"]}, {"core.weekly": ["utterance"]}, 2),
    *statement(5, {"ref.places": ["name"]}, {"core.names": ["name"]}, 4),
    ("received", f"{JOB}:request", {"call": 3, "job": "", "activity": "query:curious"}, 0),
    *statement(6, {"core.sessions": ["region"]}, {}, 3, within=3))
TRAINING = journal(
    "training",
    ("sent", f"{READ}:request", {"call": 1, "table": "core.daily", "activity": "training:eval"}, 0),
    ("sent", f"{READ}:request", {"call": 2, "table": "core.names", "activity": "training:other"}, 0),
    ("received", f"{READ}:response", {"call": 2, "schema": "core.names", "columns": ["name"]}, 4),
    ("received", f"{READ}:response", {"call": 1, "schema": "core.daily", "columns": ["utterance"]}, 6),
    ("sent", "grpc:/sightline.Inference/Load:request", {"call": 3}, 0))
WORKERS = [record for number in (0, 1) for record in journal(
    f"warehouse-{number}",
    *statement(1, {"core.daily": ["utterance", "rowid"]}, {}, 2),
    ("write", f"file:exports/answers/part-0000{number}.jsonl", {}, 0),
    *statement(2, {"core.names": ["name"]}, {}, 3),
    ("write", f"file:exports/names/part-0000{number}.jsonl", {}, 0))]
RECORDS = TRAINING + WAREHOUSE + WORKERS


@pytest.mark.parametrize(("source", "activity", "expected"), [
    ("warehouse:core.sessions", "training:eval", 6),  # by way of core.daily
    ("warehouse:core.daily", "training:eval", 6),
    ("warehouse:core.sessions#utterance", "training:eval", 6),
    ("warehouse:core.sessions#region", "training:eval", 0),  # daily has none of it
    ("warehouse:core.sessions", "training:other", 0),
    ("warehouse:ref.places", "training:other", 4),
    ("warehouse:core.weekly", "training:eval", 0),
    ("warehouse:core.sessions", "training:ads_ranker", 0),
    ("warehouse:core.sessions", "job:daily", 6),
    ("warehouse:core.sessions", "query:curious", 3),
    ("warehouse:ref.places", "job:daily", 0),
    ("warehouse:core.sessions", "job:answers", 4),  # two workers of an export, by way of core.daily
    ("warehouse:core.sessions#region", "job:answers", 0),
    ("warehouse:ref.places", "job:names", 6),
    ("warehouse:core.sessions", "job:names", 0),
    ("warehouse:core.sessions", "job:answers_too", 0),
])
def test_moved(source: str, activity: str, expected: int) -> None:
    assert moved(RECORDS, source, activity) == Moved(expected, True)


def test_an_unarmed_tap_makes_it_unknown() -> None:
    assert moved(WAREHOUSE, "warehouse:core.sessions", "training:ads_ranker") == Moved(0, False)
    assert moved([], "warehouse:core.sessions", "job:daily") == Moved(0, False)


def test_calls_without_numbers_are_paired_in_order() -> None:
    entries = [(one.op, one.locator, {key: value for key, value in one.detail.items() if key != "call"}, one.rows)
               for one in (TRAINING[0], TRAINING[3], TRAINING[1], TRAINING[2])]
    records = journal("training", *entries)
    assert moved(records, "warehouse:core.daily", "training:eval").rows == 6
    assert moved(records, "warehouse:core.names", "training:other").rows == 4


def test_only_tables_and_activities() -> None:
    for source, activity in (("logger:x", "training:y"), ("warehouse:core.x", "web:ask")):
        with pytest.raises(InputError, match="PAI001"):
            moved([], source, activity)
