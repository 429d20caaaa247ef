"""Twins of one job: what is made of a column, what is decided by it, and what only its label says; and of messages."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sim.truth.influence import differing, of_job
from sim.truth.record import Record
from sim.truth.reference.account import Account, Item
from sim.truth.reference.attempt import Attempt
from sim.truth.reference.catalog import Named
from sim.truth.reference.needless import Over, over_blocked
from sim.truth.reference.rules import Rule, read
from tests.truth.made_rule import GOVERNS_A

SCHEMA = ("CREATE TABLE core.s (session TEXT PRIMARY KEY, wearer TEXT, said TEXT, age INTEGER)",
          "CREATE TABLE core.t (a TEXT, b TEXT)")


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    own = sqlite3.connect(tmp_path / "core.db")
    for sql in SCHEMA:
        own.execute(sql.replace("core.", ""))
    own.executemany("INSERT INTO s VALUES (?, ?, ?, ?)", [
        ("1", "w1", "hello", 30), ("2", "w2", "weather", 40), ("3", "w1", "maps", 50)])
    own.commit()
    own.close()
    return tmp_path


def told(warehouse: Path, sql: str, source: str, sink: str = "t#b", **given: str) -> bool | None:
    pair = (f"warehouse:core.{source}", f"warehouse:core.{sink}")
    return of_job(warehouse, SCHEMA, sql, [pair], given)[0].influenced


@pytest.mark.parametrize(("sql", "source", "influenced"), [
    ("INSERT INTO core.t SELECT session, said FROM core.s;", "s#said", True),  # copied
    ("INSERT INTO core.t SELECT session, upper(said) FROM core.s;", "s#said", True),
    ("INSERT INTO core.t SELECT session, '1' FROM core.s WHERE said = 'maps';", "s#said", True),  # decided by
    ("INSERT INTO core.t SELECT min(session), count(*) FROM core.s GROUP BY wearer;", "s#wearer", True),
    ("INSERT INTO core.t SELECT session, age FROM core.s;", "s#age", True),
    ("INSERT INTO core.t SELECT session, age > 0 FROM core.s;", "s#age", True),  # only at the boundary
    ("INSERT INTO core.t SELECT session, CASE WHEN said = '' THEN 'x' ELSE 'x' END FROM core.s;", "s#said", False),
    ("INSERT INTO core.t SELECT session, substr(said, 1, 0) FROM core.s;", "s#said", False),
    ("INSERT INTO core.t SELECT said, session FROM core.s;", "s#said", False),  # the other column
    ("INSERT INTO core.t SELECT '', count(*) FROM core.s;", "s", True),  # how many rows there are
    ("INSERT INTO core.t SELECT '', random() FROM core.s;", "s#said", None),  # two answers with nothing changed
    ("INSERT INTO core.t SELECT a, b FROM core.t;", "t#a", None),  # no row to change
    ("INSERT INTO core.nothing SELECT 1;", "s#said", None),
])
def test_a_changed_column(warehouse: Path, sql: str, source: str, influenced: bool | None) -> None:
    assert told(warehouse, sql, source) is influenced


def test_a_change_that_the_table_forbids_is_left_out(warehouse: Path) -> None:
    assert told(warehouse, "INSERT INTO core.t SELECT '', session FROM core.s;", "s#session") is True


def test_parameters_are_those_of_the_attempt(warehouse: Path) -> None:
    sql = "INSERT INTO core.t SELECT '', said FROM core.s WHERE session = :one;"
    assert told(warehouse, sql, "s#said", one="1") is True and told(warehouse, sql, "s#said", one="none") is False


RULE = GOVERNS_A + """\
permit: {purposes: %s}
"""


def judged(warehouse: Path, sql: str, *forbidden: str, uses: tuple[str, ...] = (), purposes: str = "[x]",
           purpose: str = "ads") -> Over:
    named = tuple(Named(f"warehouse:core.{name}", frozenset({"A"})) for name in uses)
    attempt = Attempt("job:x", "job", (purpose,), "", named, (), ("warehouse", "RunJob", 0), 0, 0, text=sql,
                      schema=SCHEMA)
    item = Item("job:x", "job", "blocked", ("r@1",), forbidden, number=0)
    rule: Rule = read(RULE % purposes)
    return next(over_blocked(Account((item,)), [attempt], warehouse, {rule.id: rule}, ["SE", "US"]))


def test_a_flow_without_influence_is_cured_by_review(warehouse: Path) -> None:
    sql = "INSERT INTO core.t SELECT session, substr(said, 1, 0) FROM core.s;"
    found = judged(warehouse, sql, "warehouse:core.s#said → warehouse:core.t#b", uses=("s#said", "s#session"))
    assert found.uninfluenced and found.cure == ("column", "reclassification")
    assert found.spared == ("warehouse:core.s#session",) and found.to_dict()["item"] == "job:x"
    copied = judged(warehouse, "INSERT INTO core.t SELECT session, said FROM core.s;",
                    "warehouse:core.s#said → warehouse:core.t#b")
    assert not copied.uninfluenced and copied.told and not copied.cure


def test_a_forbidden_use_is_no_flow_and_some_rows_may_be_used(warehouse: Path) -> None:
    sql = "SELECT NULL FROM core.s WHERE length(said) > 0;"
    found = judged(warehouse, sql, "warehouse:core.s#said", uses=("s#said",))
    assert not found.uninfluenced and found.cure == ()
    found = judged(warehouse, sql, "warehouse:core.s#said", uses=("s#said",), purposes='{"*": [x, ads], EU: [x]}')
    assert found.cure == ("row",)  # of whoever is not in the EU


def messages(*digests: dict[str, str]) -> list[Record]:
    return [Record("web", n, "sent", "grpc:/sightline.Inference/Generate:request", {"digests": one}, 0, 0)
            for n, one in enumerate(digests, 1)]


@pytest.mark.parametrize(("ours", "theirs", "expected"), [
    ([{"prompt": "1", "image": "2"}], [{"prompt": "1", "image": "3"}], {"image"}),
    ([{"prompt": "1"}], [{"prompt": "1"}], set()),
    ([{"prompt": "1"}], [{"prompt": "1"}, {"prompt": "1"}], {"prompt"}),
    ([{"prompt": "1"}], [{}], {"prompt"}),
])
def test_messages_are_aligned_by_their_order(ours: list[Any], theirs: list[Any], expected: set[str]) -> None:
    assert differing(messages(*ours), messages(*theirs)) == {
        f"rpc:inference.Generate.request#{field}" for field in expected}
