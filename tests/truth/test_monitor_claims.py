"""Whom the rows of a reviewed job stand for, by leaving rows out: a claim that holds, one that does not, and one that
does not by its difference to what was released before."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.truth.reference import catalog as monitor_catalog
from sim.truth.reference.attempt import Attempt
from sim.truth.reference.claims import Claims
from sim.truth.reference.rules import Rule, read
from sim.truth.reference.sql import understood
from tests.truth.made_rule import GOVERNS_A

TABLES = ("-- subject: wearer\nCREATE TABLE core.s (\n  wearer TEXT,  -- user.identifier A\n"
          "  place TEXT  -- operational:x\n);\n")
MADE = "CREATE TABLE core.t (\n  place TEXT,  -- operational:x\n  n INTEGER  -- operational:x\n);\n"
RULE = GOVERNS_A + """\
permit: {purposes: [assistance], consent: [assistance]}
reclassify:
  - {from: "warehouse:core.s#wearer", to: "warehouse:core.t", drops: [A], transformation: {sql: counts}, digest: "x",
     claims: {k_anonymity: 3, of: wearer}, until: 2026-12-31}
"""
JOB = ("-- job: counts\n-- purpose: assistance\n-- output: core.t\n" + MADE
       + "DELETE FROM core.t;\nINSERT INTO core.t SELECT place, count(wearer) FROM core.s GROUP BY place;\n")


def job(folder: Path, sql: str = JOB) -> Attempt:
    (folder / "tables").mkdir(exist_ok=True)
    (folder / "tables" / "s.sql").write_text(TABLES)
    catalog = monitor_catalog.at(folder).after(sql)
    found = understood(catalog.schema, sql)
    return Attempt("job:counts", "job", ("assistance",), "", tuple(catalog.named(name) for name in sorted(found.uses)),
                   tuple((catalog.named(source), catalog.named(sink)) for source, sink in sorted(found.flows)),
                   ("warehouse", "RunJob", 0), 0, 0, "core.t", text=sql, schema=catalog.schema)


def kept(folder: Path, rows: list[tuple[str, str]]) -> Path:
    folder.mkdir()
    file = sqlite3.connect(folder / "core.db")
    with file:
        file.execute("CREATE TABLE s (wearer TEXT, place TEXT)")
        file.executemany("INSERT INTO s VALUES (?, ?)", rows)
    file.close()
    return folder


def holds(found: list[Rule] | None) -> bool:
    assert found is not None
    return bool(found[0].lowered)


def wearers(*names: str, place: str = "US") -> list[tuple[str, str]]:
    return [(name, place) for name in names]


@pytest.mark.parametrize(("rows", "missing", "expected"), [
    (wearers("a", "b", "c"), {}, True), (wearers("a", "b"), {}, False), (wearers("a", "a", "b"), {}, False),
    (wearers("a", "b", "c") + wearers("d", place="NO"), {}, False), ([], {}, True),
    (wearers("a", "b", "c"), {"assistance": {"c"}}, False), (wearers("a", "b", "c"), {"ads": {"c"}}, True)])
def test_each_row_stands_for_as_many_as_are_claimed(tmp_path: Path, rows: list[tuple[str, str]],
                                                    missing: dict[str, set[str]], expected: bool) -> None:
    told = Claims({"core.s": "wearer"}, {}).holding(job(tmp_path), [read(RULE)], kept(tmp_path / "kept", rows), missing,
                                                    True)
    assert holds(told) is expected


@pytest.mark.parametrize(("later", "released", "expected"), [
    (("a", "b", "c", "d"), True, False), (("a", "b", "c", "d"), False, True), (("a", "b", "c"), True, True),
    (("a", "b", "c", "d", "e", "f"), True, True), (("a", "a", "b", "c"), True, False)])
def test_so_does_the_difference_to_what_was_released(tmp_path: Path, later: tuple[str, ...], released: bool,
                                                     expected: bool) -> None:
    claims, one, rules = Claims({"core.s": "wearer"}, {}), job(tmp_path), [read(RULE)]
    first = kept(tmp_path / "first", wearers("a", "b", "c"))
    assert holds(claims.holding(one, rules, first, {}, released))
    assert holds(claims.holding(one, rules, kept(tmp_path / "later", wearers(*later)), {}, True)) is expected


def test_what_cannot_be_repeated_is_not_told_and_what_claims_nothing_needs_no_telling(tmp_path: Path) -> None:
    claims, one, rules = Claims({"core.s": "wearer"}, {}), job(tmp_path), [read(RULE)]
    assert claims.holding(one, rules, tmp_path / "nothing", {}, True) is None
    free = read(RULE.replace("     claims: {k_anonymity: 3, of: wearer}, ", "     "))
    assert claims.holding(one, [free], tmp_path / "nothing", {}, True) == [free]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(("US", "NO"))), max_size=9))
def test_a_count_stands_for_whom_it_counts(tmp_path_factory: pytest.TempPathFactory,
                                           rows: list[tuple[str, str]]) -> None:
    folder = tmp_path_factory.mktemp("claims")
    told = Claims({"core.s": "wearer"}, {}).holding(job(folder), [read(RULE)], kept(folder / "kept", rows), {}, True)
    by_place = Counter(place for _, place in set(rows))
    assert holds(told) is all(count >= 3 for count in by_place.values())
