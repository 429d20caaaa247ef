"""Rows that may not be used among others that may: by whose they are, where they are from, and how many moved."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sim.truth.message import person
from sim.truth.reference.attempt import Attempt
from sim.truth.reference.catalog import Named
from sim.truth.reference.rows import Counted, counted, withdrawn_before
from sim.truth.reference.rules import read

SCHEMA = ("CREATE TABLE core.s (wearer TEXT, region TEXT, said TEXT)", "CREATE TABLE core.t (said TEXT)")
RULE = """\
requirement: r
version: 1
owner: o
zone: z
mode: {mode}
governs: [A]
permit: {{purposes: [assistance], regions: {{EU: [EU]}}, consent: [assistance]}}
"""
READ = "SELECT said FROM core.s;"


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    own = sqlite3.connect(tmp_path / "core.db")
    own.execute("CREATE TABLE s (wearer TEXT, region TEXT, said TEXT)")
    own.executemany("INSERT INTO s VALUES (?, ?, ?)", [
        ("w1", "SE", "a"), ("w2", "US", "b"), ("w1", "SE", "c"), ("w3", "NO", "d")])
    own.commit()
    own.close()
    return tmp_path


def count(snapshot: Path, sql: str = READ, *, purpose: str = "assistance", region: str = "", mode: str = "enforcement",
          kind: str = "job", missing: dict[str, set[str]] | None = None, origin: str = "region") -> Counted | None:
    uses = (Named("warehouse:core.s#said", frozenset({"A"})),)
    attempt = Attempt("job:x", kind, (purpose,), region, uses, (), ("warehouse", "RunJob", 0), 0, 0, text=sql,
                      schema=SCHEMA)
    return counted(snapshot, attempt, [read(RULE.format(mode=mode))], missing or {}, {"core.s": "wearer"},
                   {"core.s": origin} if origin else {})


@pytest.mark.parametrize(("asked", "expected"), [
    ({}, (4, 0, 4, 4, ())),
    ({"region": "US"}, (2, 2, 4, 2, ("r@1",))),  # not the Swedish rows
    ({"region": "SE"}, (4, 0, 4, 4, ())),
    ({"region": "US", "origin": ""}, (0, 4, 4, 0, ("r@1",))),  # nothing says where they are from
    ({"purpose": "ads"}, (0, 4, 4, 0, ("r@1",))),
    ({"purpose": "ads", "mode": "logging"}, (4, 0, 4, 4, ())),
    ({"missing": {"assistance": {"w1"}}}, (2, 2, 4, 2, ("r@1",))),
    ({"missing": {"assistance": {person("w1")}}}, (2, 2, 4, 2, ("r@1",))),  # as the journal knows her
    ({"missing": {"ads": {"w1"}}}, (4, 0, 4, 4, ())),
    ({"region": "US", "kind": "training"}, (2, 2, 4, 2, ("r@1",))),
    ({"region": "US", "sql": "SELECT count(*) FROM core.s;"}, (2, 2, 1, 1, ("r@1",))),  # a count tells nothing
    ({"region": "US", "sql": "INSERT INTO core.t SELECT said FROM core.s;"}, (2, 2, 4, 2, ("r@1",))),
])
def test_rows_are_judged_one_by_one(snapshot: Path, asked: dict[str, Any], expected: tuple[Any, ...]) -> None:
    found = count(snapshot, **asked)
    assert found is not None and found[:5] == expected
    # w1 is from Sweden, and whoever is forbidden to use all rows is forbidden to use hers.
    her = ("core.s", person("w1"))
    assert (her in found.whose, her in found.others) == (found.forbidden > 0, found.forbidden == 0)


def test_who_has_rows_of_both_kinds_is_neither_forbidden_nor_permitted(snapshot: Path) -> None:
    with sqlite3.connect(snapshot / "core.db") as own:
        own.execute("INSERT INTO s VALUES ('w2', 'SE', 'e')")
    found = count(snapshot, region="US")
    assert found is not None and found.whose == {("core.s", person("w1"))}
    assert found.others == {("core.s", person("w3"))}


def test_what_cannot_be_repeated_is_not_counted(snapshot: Path, tmp_path: Path) -> None:
    assert count(snapshot, "SELECT nothing FROM core.s;") is None
    assert count(tmp_path / "no such folder") is None and count(snapshot, kind="scheduled") is None


def test_consent_is_what_was_last_said_before_the_request() -> None:
    sent = [{"method": "Consent", "request": {"wearer": "w1", "purpose": "assistance"}},
            {"method": "RunJob", "request": {}},
            {"method": "Consent", "request": {"wearer": "w1", "purpose": "assistance", "granted": True}}]
    assert withdrawn_before(sent, 0) == {} and withdrawn_before(sent, 1) == {"assistance": {"w1"}}
    assert withdrawn_before(sent, 3) == {"assistance": set()}
