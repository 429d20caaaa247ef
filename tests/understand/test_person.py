"""Both kinds of error of the name detector, measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.understand.person import name_rule


def test_no_landmark_question_names_a_person(questions: dict[str, list[str]]) -> None:
    assert {text: name_rule(text) for text in questions["plain"] if name_rule(text)} == {}


def test_names_are_found(questions: dict[str, list[str]]) -> None:
    assert [text for text in questions["named"] if not name_rule(text)] == []


def test_error_rates_on_questions_written_after_the_rules(questions: dict[str, list[str]]) -> None:
    plain, named = questions["held-out plain"], questions["held-out named"]
    wrong = [text for text in plain if name_rule(text)]
    missed = [text for text in named if not name_rule(text)]
    assert len(wrong) / len(plain) <= 0.1, wrong
    assert len(missed) / len(named) <= 0.2, missed


@pytest.mark.parametrize(("text", "rule"), [
    ("My name is Anna", "name.introduced"),
    ("Text Siddharth please", "name.addressed"),
    ("my friend Oyelaran is here", "name.relation"),
    ("I was there with Ravi today", "name.with"),
    ("Is that Margaret Olsen?", "name.full"),
    ("Text Anna King", "name.addressed"),
    ("Text King Street", ""),
    ("", ""),
])
def test_the_rule_is_named(text: str, rule: str) -> None:
    assert name_rule(text) == rule


@given(st.text(max_size=300))
def test_any_text_is_judged(text: str) -> None:
    assert name_rule(text) in ("", "name.introduced", "name.addressed", "name.relation", "name.with", "name.full")
