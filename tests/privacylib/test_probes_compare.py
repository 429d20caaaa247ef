"""How two payloads of one request are compared, and what chance could have made equal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.privacylib.compare import Budget, compare, distinctive, match, time_like
from lineage.privacylib.value import MAX_COMPARED, MAX_SEARCHED, Limits, Value
from protos import inference_pb2, logger_pb2, rows_pb2, web_pb2

LONG = "Call Anna at the opera"

BY_CHANCE = [
    "US", "NO", "1", "0", "true", "false", "null", "None", "", " ", "Norway", "en", "0.0", "-1", "42", "1,000,000",
    "2026-03-01", "01.03.2026", "3/1/2026", "20260301", "March 1, 2026", "Sunday, 1 March 2026", "09:30:00",
    "2026-03-01T09:30:00Z", "2026-03-01T09:30:00.123456+01:00", "2026-03-01 09:30:00 UTC",
    "Sun, 01 Mar 2026 09:30:00 GMT", "1772355600", "1772355600000", "1772355600000000", "1772355600.123",
    "aaaaaaaaaaaaaaaaaaaaaaaa", "abababababababababababab", "0000000000000000", "----------------", "w-0001",
    "assistant",
]


@pytest.mark.parametrize("value", BY_CHANCE)
@pytest.mark.parametrize("form", [str, str.encode, lambda value: [value], lambda value: {"field": value},
                                  lambda value: json.dumps({"field": value})],
                         ids=["text", "bytes", "list", "dict", "json"])
def test_a_value_that_meets_by_chance_is_never_high(value: str, form: Any) -> None:
    for source, sink in ((form(value), form(value)), (form(value), f"the sink has {value} within it"),
                         (value, form(value)), (form(value), {"a": [value, LONG]})):
        assert compare(source, sink).confidence == "LOW"


@pytest.mark.parametrize("value", [True, False, 1, 0, 3.5, 2026, None])
def test_a_scalar_is_never_high(value: object) -> None:
    assert compare({"flag": value, "other": 2}, {"flag": value, "other": 2}).confidence == "LOW"


@pytest.mark.parametrize("value", [
    LONG, "anna@example.org", "59.9075,10.7531", "+12025550123", "0af7651916cd43dd8448eb211c80319c",
    "7d9f0f4c-4c1f-4a52-8d3e-0b9a6b1f2c3d", "hva heter den bygningen?", "その建物は何ですか", bytes(range(256)),
])
def test_a_value_that_tells_is_high_exact_and_inside(value: Any) -> None:
    inside = value + value[:3] if isinstance(value, bytes) else f"«{value}»"
    assert compare(value, value) == ("EXACT_MATCH", "HIGH", "")
    assert compare(value, inside) == ("CONTAINS", "HIGH", "")
    assert compare(inside, value).result == "NO_MATCH"


def test_a_long_place_asks_more_of_a_value() -> None:
    assert distinctive(b"Call Anna now") and not distinctive(b"Call Anna now", 1 << 20)
    assert distinctive(LONG.encode(), 1 << 20)


@pytest.mark.parametrize("text", ["59.9075,10.7531", "Augustus in May", "room 2019b", "version 2026", "a:b", ""])
def test_what_is_no_time(text: str) -> None:
    assert not time_like(text.encode())


@pytest.mark.parametrize(("source", "sink", "result"), [
    ("CALL ANNA AT THE OPERA", LONG, "EXACT_MATCH"), ("Call  Anna\tat the\nopera ", LONG, "EXACT_MATCH"),
    ("Cafe\u0301 on the corner", "Caf\u00e9 on the corner", "EXACT_MATCH"),
    ("call anna AT the opera", f"She said: {LONG}.", "CONTAINS"),
    ("Straße am Fluss", "STRASSE AM FLUSS", "EXACT_MATCH"),
    ({"to": "ANNA at the opera"}, ["Anna at the Opera"], "EXACT_MATCH"),
])
def test_a_match_that_needs_evening_out_is_kept_apart(source: Any, sink: Any, result: str) -> None:
    assert compare(source, sink) == (result, "LOW", "normalised")


@dataclass
class Person:
    name: str
    mail: str


PERSON = {"name": "Anna Karenina", "mail": "anna@example.org"}
GENERATE = inference_pb2.GenerateRequest(model="assistant", prompt=LONG, image=bytes(range(200)))


@pytest.mark.parametrize(("source", "sink", "result"), [
    (PERSON, dict(reversed(PERSON.items())), "EXACT_MATCH"),
    (PERSON, json.dumps(PERSON, indent=2), "EXACT_MATCH"),
    (json.dumps(PERSON), json.dumps(PERSON, indent=1), "EXACT_MATCH"),
    (Person(**PERSON), PERSON, "EXACT_MATCH"),
    (PERSON, {"to": "anna@example.org"}, "CONTAINS"),
    (PERSON, "mail it to anna@example.org today", "CONTAINS"),
    ("anna@example.org", PERSON, "CONTAINS"),
    ("anna@example.org", [[["x", {"y": "anna@example.org"}]]], "CONTAINS"),
    ('say "anna@example.org"', json.dumps({"quoted": 'say "anna@example.org"'}), "CONTAINS"),
    ("Sjøfartsmuseet på Bygdøy", json.dumps({"place": "Sjøfartsmuseet på Bygdøy"}), "CONTAINS"),
    (LONG, GENERATE, "CONTAINS"),
    (LONG, GENERATE.SerializeToString(), "CONTAINS"),
    (GENERATE, GENERATE, "EXACT_MATCH"),
    (GENERATE, {"model": "assistant", "prompt": LONG, "image": bytes(range(200))}, "EXACT_MATCH"),
    (bytes(range(200)), GENERATE, "CONTAINS"),
    (GENERATE, b"frame" + GENERATE.SerializeToString(), "CONTAINS"),
    (web_pb2.AskRequest(utterance=LONG, wearer="w1"), GENERATE, "CONTAINS"),
    (bytearray(LONG.encode()), memoryview(LONG.encode()), "EXACT_MATCH"),
    (LONG.encode(), LONG, "EXACT_MATCH"),
    (PERSON, {"name": "Anna", "mail": "nobody@example.org"}, "NO_MATCH"),
])
def test_structures_are_compared_whole_and_leaf_by_leaf(source: Any, sink: Any, result: str) -> None:
    assert compare(source, sink) == (result, "LOW" if result == "NO_MATCH" else "HIGH", "")


def test_a_carried_row_is_compared_cell_by_cell() -> None:
    rows = rows_pb2.Rows(schema="glasses_session", columns=["utterance"], rows=[
        rows_pb2.Row(values=[rows_pb2.Value(text=text)]) for text in ("something else", LONG)])
    assert compare(LONG, logger_pb2.LogRequest(events=rows)).result == "CONTAINS"


def test_equality_is_looked_at_beyond_what_is_searched() -> None:
    one = bytes(range(256)) * (3 * MAX_SEARCHED // 256)
    other = one[:-1] + b"x"
    assert compare(one, bytearray(one)).result == "EXACT_MATCH"
    assert compare(one, one[:-1] + b"\xff").confidence == "HIGH"
    assert compare(one, other).result == "NO_MATCH"
    assert compare("x" * (MAX_COMPARED + 1), "x" * (MAX_COMPARED + 1)).why == "compared by its beginning"


def test_what_is_searched_is_bounded() -> None:
    limits, budget = Limits(), Budget(100)
    place = Value("." * 90 + LONG, limits)
    assert match(Value("not in there at all", limits), place, budget).result == "NO_MATCH"
    assert match(Value(LONG, limits), place, budget).result == "NO_MATCH"
    assert budget.limits["too much to search"] >= 1 and budget.left == 100


@given(st.text())
def test_a_text_is_exactly_itself(text: str) -> None:
    assert compare(text, text).result == ("EXACT_MATCH" if text else "NO_MATCH")


@given(st.text(min_size=1), st.text(), st.text())
def test_a_text_is_inside_what_holds_it(text: str, before: str, after: str) -> None:
    result = compare(text, before + text + after).result
    assert result == ("CONTAINS" if before or after else "EXACT_MATCH")


@given(st.binary(min_size=1), st.binary(min_size=1))
def test_bytes_match_as_python_says(source: bytes, sink: bytes) -> None:
    verdict = compare(source, sink)
    if verdict.why != "normalised" and not (b"{" in source + sink or b"[" in source + sink):
        assert (verdict.result == "EXACT_MATCH") == (source == sink)
        assert (verdict.result == "CONTAINS") == (source != sink and source in sink)


@given(st.recursive(st.text() | st.integers() | st.booleans(), lambda inner: st.lists(inner, max_size=5)
                    | st.dictionaries(st.text(), inner, max_size=5), max_leaves=30))
def test_json_in_a_text_is_what_it_says(value: Any) -> None:
    limits = Limits()
    structured = Value(value, limits)
    if structured.leaves and structured.complete:
        assert Value(json.dumps(value), limits).leaves == structured.leaves
