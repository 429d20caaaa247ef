"""Events are judged one by one, under their own version; what goes on is of the latest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protos.rows_pb2 import Row, Rows, Value
from services import rows as typed
from services.logger import registry
from services.logger.category import parse
from services.logger.events import Judge
from services.logger.registry import Schema

V1 = """\
category: c
version: 1
owner: me
table: core.c
fields:
  key:  {type: text, operational: identifier, max: 8}
  said: {type: text, category: user.utterance, annotations: [G], optional: true}
  size: {type: number, operational: count, optional: true}
"""
V2 = V1.replace("version: 1", "version: 2").replace(
    "  size: {type: number, operational: count, optional: true}\n",
    "  lang: {type: text, operational: language, default: en}\n  mood: {type: text, optional: true}\n")


def schema(*texts: str) -> Schema:
    return Schema({one.version: one for one in (parse(text, "c.yaml") for text in texts)})


def rows(*events: dict[str, typed.Cell], columns: tuple[str, ...] = ()) -> Rows:
    columns = columns or tuple(events[0])
    return typed.make("c", columns, [(f"{n:032x}", [event.get(name) for name in columns])
                                     for n, event in enumerate(events)])


def table(judge: Judge, *given_: Rows) -> list[list[typed.Cell]]:
    target = Rows(schema="core.c", columns=judge.columns)
    for one in given_:
        judge.extend(target, one)
    return typed.cells(target)


def test_old_and_new_messages_are_both_readable() -> None:
    judge = Judge(schema(V1, V2), 1, enforcing=True)
    old = judge.judge(rows({"key": "a", "said": "x", "size": 1.5}), 1)
    new = judge.judge(rows({"key": "b", "said": None, "lang": "no"}), 2)
    bare = judge.judge(rows({"key": "c"}), 2)
    assert old.bad == new.bad == bare.bad == {}
    assert judge.columns == ("key", "said", "lang")
    assert table(judge, old.good, new.good, bare.good) == [  # type: ignore[arg-type]
        ["a", "x", "en"], ["b", None, "no"], ["c", None, "en"]]
    assert list(judge.judge(rows({"key": "a", "lang": "no"}), 1).bad) == ["unknown_field: 'lang'"]


@pytest.mark.parametrize("enforcing", [True, False])
def test_a_field_without_a_label_goes_on_in_logging_mode_alone(enforcing: bool) -> None:
    judge = Judge(schema(V1, V2), 1, enforcing=enforcing)
    judged = judge.judge(rows({"key": "a", "said": "x", "mood": "glad"}, {"key": "b"}, columns=("key", "said", "mood")),
                         2)
    assert judged.gaps == {"mood": 1} and judged.bad == {} and judged.good is not None
    assert ("mood" in judged.good.columns) is not enforcing and len(judged.good.rows) == 2
    assert ("mood" in judge.columns) is not enforcing
    assert (b"glad" in judged.good.SerializeToString()) is not enforcing


@pytest.mark.parametrize(("event", "reason"), [
    ({"key": None}, "missing: 'key'"), ({"said": "x"}, "missing: 'key'"), ({"key": 7}, "wrong_type: 'key' is integer"),
    ({"key": b"plain"}, "wrong_type: 'key' is blob"), ({"key": b"\xff"}, "not_utf8: 'key'"),
    ({"key": "x" * 9}, "too_long: 'key'"), ({"key": "a", "other": "x"}, "unknown_field: 'other'"),
    ({"key": "a", "size": float("nan")}, "wrong_type: 'size' is not a finite"),
    ({"key": "a", "size": 7}, "wrong_type: 'size' is integer"),
])
def test_a_bad_event_is_told_from_the_good_ones(event: dict[str, Any], reason: str) -> None:
    judge = Judge(schema(V1), 1, enforcing=True)
    columns = tuple(dict.fromkeys(("key", "said", *event)))
    judged = judge.judge(rows({"key": "ok"}, event, {"key": "fine"}, columns=columns), 1)
    assert judged.good is not None and [row.values[0].text for row in judged.good.rows] == ["ok", "fine"]
    ((told, bad),) = judged.bad.items()
    assert told.startswith(reason) and [row.key for row in bad] == [f"{1:032x}"]


def test_a_broken_message_is_bad_as_a_whole() -> None:
    judge = Judge(schema(V1), 1, enforcing=True)
    twice = Rows(schema="c", columns=["key", "key"], rows=[Row(values=[Value(text="a")] * 2)])
    assert list(judge.judge(twice, 1).bad) == ["malformed: a column is given twice"]
    short = Rows(schema="c", columns=["key", "said"], rows=[Row(values=[Value(text="a")])])
    assert list(judge.judge(short, 1).bad) == ["malformed: 1 values for 2 columns"]
    assert list(judge.judge(rows({"key": "a"}), 9).bad) == ["unknown_version: 9 is not one of 1"]


def test_the_sample_follows_seed_and_key_alone() -> None:
    half = schema(V1.replace("fields:", "sample: 0.5\nfields:"))
    events = rows(*({"key": str(n)} for n in range(400)))

    def taken(seed: int) -> list[str]:
        good = Judge(half, seed, enforcing=True).judge(events, 1)
        assert good.good is not None and good.sampled_out == 400 - len(good.good.rows)
        return [row.key for row in good.good.rows]

    assert taken(1) == taken(1) != taken(2) and 150 < len(taken(1)) < 250
    none = Judge(schema(V1.replace("fields:", "sample: 0\nfields:")), 1, enforcing=True).judge(events, 1)
    assert none.good is None and none.sampled_out == 400


def test_a_sampled_field_is_left_out_of_the_others() -> None:
    text = V1.replace("annotations: [G], optional: true", "annotations: [G], optional: true, sample: 0.25")
    judge = Judge(schema(text), 3, enforcing=True)
    judged = judge.judge(rows(*({"key": str(n), "said": "x"} for n in range(400))), 1)
    said = [row[1] for row in table(judge, judged.good)]  # type: ignore[arg-type]
    assert len(said) == 400 and 60 < said.count("x") < 140 and said.count(None) == 400 - said.count("x")


_CELLS = st.none() | st.text(max_size=12) | st.integers(-2**63, 2**63 - 1) | st.floats() | st.binary(max_size=12)
_SCHEMA = schema(V1, V2)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["key", "said", "size", "lang", "mood", "odd", ""]), max_size=6),
       st.lists(st.lists(_CELLS, max_size=6), max_size=5), st.integers(0, 3), st.booleans())
def test_every_event_is_good_or_bad_and_the_table_takes_the_good(columns: list[str], cells: list[list[typed.Cell]],
                                                                version: int, enforcing: bool) -> None:
    judge = Judge(_SCHEMA, 1, enforcing=enforcing)
    sent = Rows(schema="c", columns=columns, rows=[
        Row(key=f"{n:032x}", values=[typed.to_value(cell) for cell in row]) for n, row in enumerate(cells)])
    judged = judge.judge(sent, version)
    good = len(judged.good.rows) if judged.good else 0
    assert good + sum(map(len, judged.bad.values())) == len(cells)
    if judged.good is None:
        return
    for row in table(judge, judged.good):
        assert len(row) == len(judge.columns)
        for cell, field in zip(row, judge.fields.values(), strict=True):
            assert (cell is None and field.optional) or typed.kind_of(typed.to_value(cell)) == field.type


def test_the_bundled_category_is_read_as_it_is(tmp_path: Path) -> None:
    from services.logger.service import CATEGORIES

    bundled = registry.load(CATEGORIES)["glasses_session"]
    judge = Judge(bundled, 1, enforcing=True)
    fields = bundled.latest.fields
    sent = Rows(schema="glasses_session", columns=list(fields), rows=[
        Row(key="k", values=[Value(text="x")] * len(fields))])
    assert judge.judge(sent, 0).good is sent, "a good request is not copied"
