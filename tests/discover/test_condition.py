"""`where:` of a manifest: what is said is what is kept, and nothing else can be said."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.condition import Comparison, Condition, parse
from lineage.errors import InputError

COLUMNS = ("a", "b", "n")
TYPES = {"a": "TEXT", "b": "TEXT", "n": "INTEGER"}
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)
numbers = st.one_of(st.integers(-10**6, 10**6), st.floats(-1e6, 1e6).map(lambda value: value + 0.0))
signs = st.sampled_from(("=", "!=", "<", "<=", ">", ">="))
comparisons = st.one_of(
    st.builds(Comparison, st.sampled_from("ab"), signs, st.tuples(texts)),
    st.builds(Comparison, st.just("n"), signs, st.tuples(numbers)),
    st.builds(Comparison, st.sampled_from("ab"), st.just("in"), st.lists(texts, min_size=1, max_size=3).map(tuple)),
    st.builds(Comparison, st.sampled_from(COLUMNS), st.sampled_from(("is null", "is not null"))))
conditions = st.lists(comparisons, min_size=1, max_size=4).map(lambda found: Condition(tuple(found)))


@given(conditions)
def test_what_is_written_is_read_back(condition: Condition) -> None:
    assert parse(str(condition), "m.yaml") == condition


rows_of = st.lists(st.tuples(st.none() | texts, st.none() | texts, st.none() | st.integers(-9, 9)), max_size=6)


@given(conditions, rows_of)
def test_it_keeps_the_rows_that_sqlite_keeps(condition: Condition, rows: list[tuple[object, ...]]) -> None:
    kept = [row for row in rows if condition.holds(dict(zip(COLUMNS, row, strict=True)))]
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE t (a TEXT, b TEXT, n INTEGER)")
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
        assert database.execute(f"SELECT * FROM t WHERE {condition} ORDER BY rowid").fetchall() == kept
    condition.check(TYPES, "m.yaml")


@given(st.text(max_size=40))
def test_any_other_text_is_an_error_with_its_place(text: str) -> None:
    try:
        assert str(parse(text, "m.yaml:8"))
    except InputError as error:
        assert (error.code, error.where) == ("PAI027", "m.yaml:8")


@pytest.mark.parametrize(("text", "what"), [
    ("", "it ends where a column is to stand"), ("a = 'x' or b = 'y'", "joined by `and`"),
    ("a = b", "a text in '…' or a number"), ("a = 'x'; DROP TABLE t", "it cannot be read"),
    ("a = 'x", "cannot be read"),
    ("lower(a) = 'x'", "'(' compares nothing"), ("a in (SELECT b)", "a text in '…' or a number"),
    ("a like 'x%'", "'like' is no comparison"), ("1 = 1", "where a column is to stand"), ("a in ('x', 1)", "one list"),
    ("a = 'x' and", "it ends"), ("and = 'x'", "'and' is no column"), ("a = 'x' -- b", "cannot be read"),
    ("a is 'x'", "'null'"), (f"n = {'9' * 400}.0", "too large"), ("a" * 3000, "3000 characters"),
])
def test_what_it_is_not(text: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, "m.yaml:8")
    assert caught.value.code == "PAI027" and what in caught.value.what


@pytest.mark.parametrize(("text", "what"), [
    ("c = 'x'", "there is no column 'c'; there are a, b, n"), ("n = 'x'", "n is INTEGER, and is compared with 'x'"),
    ("a > 3", "a is TEXT, and is compared with 3"), ("a in (1, 2)", "a is TEXT")])
def test_it_has_to_fit_the_table(text: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, "m.yaml:8").check(TYPES, "m.yaml:8")
    assert caught.value.code == "PAI027" and what in caught.value.what
