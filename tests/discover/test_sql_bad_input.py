"""SQL that is broken, huge, deep or hostile: a clear error or a whole answer, and the interpreter stays alive."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.discover.sql import analyse, split
from lineage.discover.sql_file import SqlFiles
from lineage.discover.sql_text import DEEPEST
from lineage.errors import InputError
from tests.discover.test_sql import WORDS

SCHEMA = {"t": {"a": "INTEGER", "b": "TEXT"}, "s": {"a": "INTEGER", "ключ": "TEXT", "日本": "TEXT"}}


def sources(sql: str, dialect: str = "") -> set[str]:
    """Every source of the first column."""
    column = analyse(sql, SCHEMA, dialect).columns[0]
    return set(column.direct | column.indirect)


Nested = Callable[[int], str]
NESTED: dict[str, Nested] = {
    "brackets": lambda n: "SELECT " + "(" * n + "a" + ")" * n + " AS x FROM t",
    "derived tables": lambda n: "SELECT a FROM " + "(SELECT a FROM " * n + "t" + ") q" * n,
    "sub-queries": lambda n: "SELECT " + "(SELECT " * n + "a" + ")" * n + " AS x FROM t",
    "exists": lambda n: "SELECT a FROM t WHERE " + "EXISTS (SELECT 1 FROM t WHERE " * n + "a = 1" + ")" * n,
    "in": lambda n: "SELECT a FROM t WHERE " + "a IN (SELECT a FROM t WHERE " * n + "a = 1" + ")" * n,
    "case": lambda n: "SELECT " + "CASE WHEN a > 1 THEN " * n + "a" + " END" * n + " AS x FROM t",
    "calls": lambda n: "SELECT " + "abs(" * n + "a" + ")" * n + " FROM t",
    "unions": lambda n: "SELECT a FROM t" + " UNION (SELECT a FROM t" * n + ")" * n,
}


@pytest.mark.parametrize("name", NESTED)
def test_two_hundred_deep_is_answered(name: str) -> None:
    assert sources(NESTED[name](200)) == {"t#a"}


@pytest.mark.parametrize("name", NESTED)
def test_five_thousand_deep_is_an_error(name: str) -> None:
    with pytest.raises(InputError, match=f"nested too deeply: more than {DEEPEST}"):
        analyse(NESTED[name](5000), SCHEMA)


CHAINS: dict[str, Nested] = {
    "not": lambda n: "SELECT " + "NOT " * n + "a AS x FROM t",
    "minus": lambda n: "SELECT " + "- " * n + "a AS x FROM t",
    "and": lambda n: "SELECT a FROM t WHERE a = 1" + " AND a = 2" * n,
    "plus": lambda n: "SELECT a" + " + a" * n + " FROM t",
    "union all": lambda n: "SELECT a FROM t" + " UNION ALL SELECT a FROM t" * n,
    "cast": lambda n: "SELECT a" + "::int" * n + " AS x FROM t",
    "joins": lambda n: "SELECT t0.a FROM t t0 " + " ".join(f"JOIN t t{i} ON t{i}.a = t{i - 1}.a" for i in range(1, n)),
    "with": lambda n: "WITH " + ", ".join(f"q{i} AS (SELECT a FROM {f'q{i - 1}' if i else 't'})" for i in range(n))
                      + f" SELECT a FROM q{n - 1}",
    "types": lambda n: "SELECT CAST(a AS " + "ARRAY<" * n + "INT" + ">" * n + ") AS x FROM t",
    "index": lambda n: "SELECT a" + "[1]" * n + " AS x FROM t",
    "list": lambda n: "SELECT a FROM t WHERE a IN (" + ", ".join(map(str, range(n))) + ")",
}
_ALIVE = """
import sys
from lineage.discover.sql import analyse
from lineage.errors import InputError
try:
    made = analyse(sys.stdin.read(), {"t": {"a": ""}})
    print(sorted(made.columns[0].direct | made.columns[0].indirect))
except InputError as error:
    print(error.code)
"""


@pytest.mark.parametrize("name", CHAINS)
def test_a_long_chain_does_not_end_the_interpreter(name: str) -> None:
    """In a process of its own: what a crash ends is that process."""
    text = CHAINS[name](20_000 if name in ("types", "not", "cast") else 2_000)
    done = subprocess.run([sys.executable, "-c", _ALIVE], input=text, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("['t#a']", "PAI021")


@pytest.mark.parametrize("sql", [
    "SELECT a FROM t WHERE b IN (" + ", ".join(f"'{i:06}'" for i in range(110_000)) + ")",
    "SELECT a FROM t -- " + "x" * 1_000_000,
    "SELECT a, '" + "x" * 1_000_000 + "' AS x FROM t",
    "INSERT INTO t (a) VALUES " + ", ".join(["(1)"] * 200_000),
], ids=["a list", "a comment", "a text", "rows"])
def test_a_megabyte(sql: str) -> None:
    assert len(sql) >= 1_000_000
    assert [column.target for column in analyse(sql, SCHEMA).columns][:1] == ["a"]


def test_a_megabyte_of_statements() -> None:
    found = list(SqlFiles(SCHEMA).statements("SELECT a FROM t WHERE b = 'x';\n" * 3000))
    assert len(found) == 3000
    assert {one.edges for one in found} == {found[0].edges} and len(found[0].edges) == 2
    assert [one.line for one in found] == list(range(1, 3001))


@pytest.mark.parametrize("sql", [
    "SELECT a FROM t; DROP TABLE t", "SELECT a FROM t /* ; */ ; DELETE FROM t", "SELECT a FROM t --\n; DELETE FROM t",
    "SELECT a FROM t;;DELETE FROM t;", "-- SELECT 1\nSELECT a FROM t;\n/* x */ DELETE FROM t",
])
def test_two_statements_where_one_is_expected(sql: str) -> None:
    with pytest.raises(InputError, match="there are 2 statements; give one"):
        analyse(sql, SCHEMA)


@pytest.mark.parametrize("sql", [
    "SELECT a FROM t -- ; DROP TABLE t", "SELECT a FROM t /* ; DROP TABLE t */", "/* SELECT b */ SELECT a FROM t -- '",
    "SELECT a FROM t; -- DROP TABLE t", "SELECT a /* '*/ FROM t /*'; DELETE FROM t */",
])
def test_a_comment_hides_what_the_engine_does_not_run_either(sql: str) -> None:
    assert analyse(sql, SCHEMA).reads == {"t": {"a"}}


@pytest.mark.parametrize("value", ["1; DROP TABLE t", "1 OR 1 = 1; --", "x'; DELETE FROM t; --",
                                   "1 UNION SELECT b FROM s"])
def test_an_injected_parameter_is_an_error_or_seen(value: str) -> None:
    """A parameter that was pasted into the text, not bound: what it adds is refused, or is in the lineage."""
    sql = f"SELECT a FROM t WHERE a = {value}" if "'" not in value else f"SELECT a FROM t WHERE b = '{value}'"
    if ";" in value and not value.endswith("--"):
        with pytest.raises(InputError, match="PAI021"):
            analyse(sql, SCHEMA)
    elif "UNION" in value:
        with pytest.raises(InputError, match="no column 'b'"):
            analyse(sql, SCHEMA)
    elif "DELETE" in value:
        with pytest.raises(InputError, match="there are 2 statements"):
            analyse(sql, SCHEMA)
    else:
        assert sources(sql) == {"t#a"}
    assert sources("SELECT a FROM t WHERE b = ?") == {"t#a", "t#b"}


def test_names_in_any_script() -> None:
    assert sources("SELECT ключ FROM s WHERE 日本 = 'ü'") == {"s#ключ", "s#日本"}
    assert sources('SELECT "КЛЮЧ" AS "имя" FROM s') == {"s#ключ"}
    with pytest.raises(InputError, match=r"sql:1:14") as caught:
        analyse("SELECT ключ, 日 FROM s", SCHEMA)
    assert caught.value.what.split("\n")[2].index("^") == 4 + 13


@pytest.mark.parametrize("sql", ["SELECT a\0 FROM t", "SELECT '\0' FROM t", "\0",
                                 "SELECT a FROM t -- \0\n; DELETE FROM t"])
def test_a_nul_is_refused_everywhere(sql: str) -> None:
    """SQLite reads up to it and the parser past it: the two would not see the same statement."""
    with pytest.raises(InputError, match="NUL") as caught:
        analyse(sql, SCHEMA)
    assert caught.value.what.endswith("^")
    with pytest.raises(InputError, match="NUL"):
        split(sql)


DIALECTS = st.sampled_from(["", "sqlite", "duckdb", "postgres", "spark", "trino", "bigquery", "snowflake", "tsql",
                            "mysql"])
VENDOR = st.lists(st.sampled_from(
    "SELECT FROM WHERE t s a b * ( ) , . :: : [ ] { } ' \" ` -> => PIVOT UNPIVOT FOR IN UNNEST FLATTEN LATERAL VIEW "
    "explode QUALIFY OVER EXCEPT EXCLUDE REPLACE RENAME STRUCT ARRAY AS VALUES ROLLUP GROUPING SETS SEMI ANTI JOIN "
    "USING ON WITH ORDINALITY OFFSET MERGE MATCHED WHEN THEN UPDATE SET INSERT INTO ROW DELETE CREATE TABLE CLONE LIKE "
    "ALTER DROP ADD COLUMN TOP APPLY CROSS CONNECT BY START PRIOR DECODE 1 'x' ; {{ }} {% \0 $1 @x # ALL DISTINCT "
    "stack 2".split()),
    max_size=20).map(" ".join)


@settings(max_examples=400, deadline=None)
@given(st.one_of(VENDOR, WORDS.map(" ".join), st.text(max_size=50)), DIALECTS)
def test_whatever_the_text_a_file_is_answered(sql: str, dialect: str) -> None:
    """Never another exception; each statement has edges, or an error with its place, or reads no column."""
    for one in SqlFiles(SCHEMA, dialect).statements(sql):
        for fault in one.faults:
            assert fault.message and "^" in fault.place.under
            assert 1 <= fault.place.line <= sql.count("\n") + 1 and fault.place.column >= 1


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["a", "b"]), st.sampled_from(["", " WHERE b = 'x'", " GROUP BY 1", " ORDER BY b"]),
       st.sampled_from(["{}", "SELECT * FROM ({}) q", "WITH q AS ({}) SELECT * FROM q", "INSERT INTO s (a) {}",
                        "CREATE TABLE made AS {}", "({}) UNION ALL {}", "-- ;\n{}", "{};", "/* {{ */ {}"]), DIALECTS)
def test_what_reads_a_column_is_never_silent(column: str, rest: str, around: str, dialect: str) -> None:
    sql = around.replace("{}", f"SELECT {column} FROM t{rest}")
    found = list(SqlFiles(SCHEMA, dialect).statements(sql))
    assert len(found) == 1
    assert found[0].faults or any(edge.source == f"t.{column}" and edge.kind == "DIRECT" for edge in found[0].edges)
