"""k-anonymity: whom a row stands for, against a naive count; releases and differences, against a naive attacker."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.enforce.reviewed.anonymity import apart, group, line, problem, read, together
from lineage.enforce.reviewed.subjects import Inputs, Unclear, no_change, telling, told

COLUMNS = {"main.s": ["who", "scene", "ds", "_key"], "main.r": ["scene", "city"], "main.p": ["who", "lang"],
           "main.secret": ["scene", "name"]}
INPUTS = Inputs(COLUMNS, {"main.s": ["scene", "ds"], "main.p": ["lang"]}, ["main.s", "main.p", "main.secret"])


def asked(sql: str, rows: Sequence[tuple[Any, ...]]) -> list[tuple[tuple[Any, ...], set[str]]]:
    """(the row, whom it stands for) as the rewritten query says."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE s (who, scene, ds, _key)")
    connection.execute("CREATE TABLE r (scene, city)")
    connection.execute("CREATE TABLE p (who, lang)")
    connection.executemany("INSERT INTO s VALUES (?, ?, ?, ?)", rows)
    connection.executemany("INSERT INTO r VALUES (?, ?)", [("x", "A"), ("y", "A"), ("z", "B")])
    connection.executemany("INSERT INTO p VALUES (?, ?)", [(who, "en" if who in "ab" else "no") for who in "abcd"])
    found = connection.execute(telling(sql, "who", INPUTS)).fetchall()
    plain = connection.execute(sql.partition(")")[2].replace("main.", "")).fetchall()
    assert Counter(row[:-1] for row in found) == Counter(plain), "the rewritten query gives other rows"
    return [(row[:-1], {subject.strip('"') for subject, _ in told(row[-1])}) for row in found]


ROWS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["x", "y", "z", None]), st.sampled_from(["1", "2"])),
                max_size=12).map(lambda rows: [(*row, str(at)) for at, row in enumerate(rows)])


@settings(max_examples=60)
@given(ROWS)
@pytest.mark.parametrize(("sql", "key"), [
    ("INSERT INTO main.o (a, n) SELECT scene, count(*) FROM main.s GROUP BY scene", lambda row: row[1]),
    ("INSERT INTO main.o (a, n) SELECT scene AS a, count(DISTINCT who) FROM main.s AS t WHERE ds = '1' GROUP BY a",
     lambda row: row[1] if row[2] == "1" else ...),
    ("INSERT INTO main.o (a, n) WITH t AS (SELECT scene, ds, count(*) AS n FROM main.s GROUP BY scene, ds) "
     "SELECT scene, sum(n) FROM t GROUP BY 1", lambda row: row[1]),
    ("INSERT INTO main.o (a, n) SELECT upper(t.scene), rank() OVER (ORDER BY n DESC, scene) FROM "
     "(SELECT scene, count(*) AS n FROM main.s GROUP BY scene HAVING count(*) > 1) AS t", lambda row: row[1]),
    ("INSERT INTO main.o (a, n) SELECT city, avg(ds) FROM main.s JOIN main.r ON s.scene = r.scene GROUP BY city",
     lambda row: {"x": "A", "y": "A", "z": "B"}.get(row[1], ...)),
    ("INSERT INTO main.o (a, n) SELECT city, total(ds) + 1 FROM main.s, main.r WHERE s.scene = r.scene GROUP BY city",
     lambda row: {"x": "A", "y": "A", "z": "B"}.get(row[1], ...)),
    ("INSERT INTO main.o (a, n) SELECT scene, ds FROM main.s UNION ALL SELECT ds, count(*) FROM main.s GROUP BY ds",
     None),
    ("INSERT INTO main.o (a, n) SELECT scene, _key FROM main.s", lambda row: (row[1], row[3]))])
def test_a_row_stands_for_those_whose_rows_are_in_its_group(sql: str, key: Any, rows: list[Any]) -> None:
    found = asked(sql, rows)
    if key is None:
        assert sum(len(subjects) == 1 for _, subjects in found) >= len(rows)
        return
    naive: dict[Any, set[str]] = {}
    for row in rows:
        if key(row) is not ...:
            naive.setdefault(key(row), set()).add(row[0])
    if "HAVING" in sql:
        naive = {of: who for of, who in naive.items() if sum(row[1] == of for row in rows) > 1}
        naive = {of.upper() if of else of: who for of, who in naive.items()}
    if "_key" in sql:
        assert dict(found) == naive
    else:
        assert {row[0]: who for row, who in found} == naive


def test_a_join_stands_for_both_of_its_sides() -> None:
    (row, who), = asked("INSERT INTO main.o (a) SELECT count(*) FROM main.s JOIN main.p ON s.ds = p.lang", [
        ("a", "x", "no", "1")])
    assert (row, who) == ((2,), {"a", "c", "d"})


@pytest.mark.parametrize(("sql", "why"), [
    ("SELECT max(scene) FROM main.s", "one row's own value"), ("SELECT group_concat(scene) FROM main.s", "own value"),
    ("SELECT json_group_array(scene) FROM main.s GROUP BY ds", "own value"),
    ("SELECT scene, count(*) FROM main.s", "of one row of its group"),
    ("SELECT scene || ds, count(*) FROM main.s GROUP BY scene", "of one row of its group"),
    ("SELECT DISTINCT scene FROM main.s", "DISTINCT"),
    ("SELECT scene FROM main.s UNION SELECT ds FROM main.s", "UNION"),
    ("SELECT * FROM main.s", "name the columns"), ("SELECT s.* FROM main.s", "name the columns"),
    ("SELECT ds, (SELECT scene FROM main.s LIMIT 1) FROM main.s", "a sub-query as a value"),
    ("SELECT count(*) + (SELECT 1) FROM main.s", "a sub-query as a value"),
    ("SELECT sum((SELECT who FROM main.s LIMIT 1)) FROM main.s", "a sub-query within an aggregate"),
    ("SELECT count(*) FROM main.s GROUP BY (SELECT 1)", "GROUP BY"),
    ("SELECT ds, who IN main.s FROM main.s", "a sub-query as a value"),
    ("SELECT sum(who IN main.s) FROM main.s", "a sub-query within an aggregate"),
    ("SELECT sum(EXISTS (SELECT 1 FROM main.s WHERE who = 'a')) FROM main.s", "a sub-query within an aggregate"),
    ("SELECT count(*) FROM main.s GROUP BY who IN main.s", "GROUP BY"),
    ("SELECT count(*) FROM main.s GROUP BY EXISTS (SELECT 1 FROM main.s WHERE who = 'a')", "GROUP BY"),
    ("SELECT who IN main.s AS x, count(*) FROM main.s GROUP BY x", "GROUP BY"),
    ("SELECT rank() OVER (ORDER BY who IN main.s) FROM main.s", "a sub-query within a window"),
    ("SELECT lag(scene) OVER (ORDER BY ds) FROM main.s", "values of other rows"),
    ("SELECT sum(count(*)) OVER () FROM main.s GROUP BY ds", "values of other rows"),
    ("WITH t AS (SELECT first_value(scene) OVER () AS x FROM main.s) SELECT x, count(*) FROM t GROUP BY x",
     "values of other rows"),
    ("SELECT city, count(*) FROM main.r GROUP BY city", "no table that it reads"),
    ("SELECT scene, count(*) FROM main.secret GROUP BY scene", "main.secret has no column who"),
    ("SELECT count(*) FROM main.s JOIN main.secret USING (scene)", "main.secret has no column who"),
    ("SELECT count(*) FROM main.unknown", "has no column who"),
    ("SELECT count(*) FROM json_each('[1]')", "in FROM"),
    ("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM main.s", "RECURSIVE"),
    ("VALUES (1)", "INSERT"), ("SELEC 1", "it is not|Expect|Invalid|Required")])
def test_what_cannot_be_told_for_sure_is_refused(sql: str, why: str) -> None:
    with pytest.raises(Unclear, match=why):
        telling(f"INSERT INTO main.o (a) {sql}", "who", INPUTS)


def test_what_changes_rows_cannot_be_checked() -> None:
    for sql in ("INSERT INTO main.o (a) SELECT 1", "DELETE FROM main.o", "SELECT 1"):
        no_change(sql)
    for sql in ("UPDATE main.o SET a = 1", "SELEC", "("):
        with pytest.raises(Unclear):
            no_change(sql)
    with pytest.raises(Unclear, match="not an INSERT"):
        telling("DELETE FROM main.o WHERE a IN (SELECT who FROM main.s)", "who", INPUTS)
    with pytest.raises(Unclear, match="CONFLICT"):
        telling("INSERT INTO main.o (a) SELECT count(*) FROM main.s WHERE 1 ON CONFLICT (a) DO UPDATE SET a = 2", "who",
                INPUTS)


def test_without_a_correlation_key_a_row_is_what_is_read_of_it() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE p (who, lang)")
    connection.executemany("INSERT INTO p VALUES (?, ?)", [("a", "en"), ("a", "en")])
    one, = connection.execute(telling("INSERT INTO main.o (a) SELECT count(*) FROM main.p", "who", INPUTS)).fetchall()
    assert told(one[-1]) == Counter({('"a"', '["en"]'): 2})


def test_nobodys_rows_stand_for_nobody() -> None:
    assert told('[2,[[0,null,"1"],[1,[0,"a","2"],null]]]') == Counter({('"a"', '"2"'): 1})


# --- releases ---------------------------------------------------------------------------------

GROUPS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 4)), max_size=8).map(
    lambda rows: Counter({(who, str(number)): 1 for who, number in rows}))


@given(st.lists(GROUPS, min_size=1, max_size=3), st.lists(GROUPS, max_size=3), st.integers(2, 4))
def test_a_release_is_refused_as_a_naive_attacker_would_win(new: list[Any], old: list[Any], k: int) -> None:
    """Either a row stands for too few, or two values can be subtracted and too few are left."""
    def whose(rows: set[Any]) -> int:
        return len({who for who, _ in rows})

    sets = [set(one) for one in new]
    union = set[Any]().union(*sets)
    earlier = [group(b"k", one) for one in old]
    said = problem([group(b"k", one) for one in new], earlier, k)
    small = any(whose(one) < k for one in sets)
    differs = any(0 < whose(one ^ set(other)) < k for one in (*sets, union) for other in old
                  if one & set(other) or whose(set(other)) >= k)
    if small:
        assert "a row of it stands for" in said
    elif all(whose(set(other)) >= k for other in old):
        assert ("difference" in said) == differs
    assert bool(said) or not small


@given(GROUPS, GROUPS)
def test_the_difference_is_of_those_whose_rows_are_in_one_alone(one: Any, other: Any) -> None:
    left, right = group(b"k", one), group(b"k", other)
    assert len(apart(left, right)) == len({who for who, _ in set(one) ^ set(other)}) == len(apart(right, left))
    assert apart(left, left) == set() and together([left, right]) == {**left, **right}


def test_a_row_that_is_there_twice_is_two() -> None:
    once, twice = (group(b"k", Counter({("a", "1"): times, ("b", "2"): 1})) for times in (1, 2))
    assert len(apart(once, twice)) == 1


def test_what_is_remembered_names_nobody_and_can_be_read_again() -> None:
    groups = [group(b"k", Counter({("wearer-1", "key-1"): 1, ("wearer-2", "key-2"): 1})),
              group(b"k", Counter({("wearer-3", "key-3"): 1}))]
    text = line("r", "who", groups)
    assert read(text) == ("r", "who", [*groups, together(groups)])
    assert "wearer" not in text and "key-" not in text and text.count("\n") == 1
    assert set(group(b"k", Counter({("a", "1"): 1}))) != set(group(b"other", Counter({("a", "1"): 1})))
    for wrong in ("", "{}", "[1]", '["r","w",[1]]'):
        with pytest.raises(ValueError, match="cannot be read"):
            read(wrong)


@given(st.lists(st.frozensets(st.sampled_from("abcdefgh"), min_size=3), min_size=1, max_size=5))
def test_releases_one_after_the_other_leave_no_two_that_isolate(windows: list[frozenset[str]]) -> None:
    kept: list[Any] = []
    for window in windows:
        made = group(b"k", Counter({(who, who): 1 for who in window}))
        if not problem([made], kept, 3):
            kept.append(made)
    assert all(not 0 < len(apart(one, other)) < 3 for one, other in combinations(kept, 2))
