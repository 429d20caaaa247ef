"""A statement that fails tells nobody what it met."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from services.warehouse.failure import said

PLANTED = "is Ludmila Quastenberg at home"
FAILS = ["json_extract('{}', u)", "json_insert('{}', u, 1)", "json(u)", "abs(n)", "u LIKE 'a' ESCAPE u",
         "json_group_object(u, x'00')", "u -> u", "json_patch(u, u)"]


@pytest.mark.parametrize("expression", FAILS)
def test_no_value_is_quoted(expression: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE s (u TEXT, n INTEGER)")
    database.execute("INSERT INTO s VALUES (?, -9223372036854775808)", (PLANTED,))
    with pytest.raises(sqlite3.Error) as caught:
        print(database.execute(f"SELECT {expression} FROM s").fetchall())
    told = said(caught.value)
    assert told and "Ludmila" not in told and "'" not in told


def test_names_of_columns_are_told() -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE s (u TEXT PRIMARY KEY, v NOT NULL CHECK (v <> 'secret'))")
    database.execute("INSERT INTO s VALUES ('a', 1)")
    for values, text in (("('a', 1)", "UNIQUE constraint failed: s.u"),
                         ("('b', NULL)", "NOT NULL constraint failed: s.v"),
                         ("('b', 'secret')", "CHECK constraint failed")):
        with pytest.raises(sqlite3.IntegrityError) as caught:
            database.execute(f"INSERT INTO s VALUES {values}")
        assert said(caught.value) == text


def test_of_sparks_text_the_condition_is_told() -> None:
    error = ValueError("[CAST_INVALID_INPUT] The value 'is Ludmila at home' of the type \"STRING\" cannot be cast")
    assert said(error) == "[CAST_INVALID_INPUT]"
    assert said(ValueError(Path("is Ludmila"))) == "ValueError"
