"""The form of the corpus: what is read from it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.errors import InputError
from sim.bench.corpus import Edge, load

SCHEMA = '{"t": {"a": "", "b": ""}}'


def corpus(folder: Path, text: str) -> Path:
    (folder / "s.json").write_text(SCHEMA)
    (folder / "x.sql").write_text(text)
    return folder


def test_a_case(tmp_path: Path) -> None:
    text = ("--@ s.json\n-- words\n--# one (snowflake)\nSELECT a,\n  -- b\n  1 AS n FROM t;\n--> a = t.a\n"
            "--> n = ~ t.b\n--> * ~ t.a\n\n--# two (of them)\nINSERT INTO t (a) SELECT b FROM t\n--> output: t\n"
            "--> a = t.b\n")
    one, two = load(corpus(tmp_path, text))
    assert (one.name, one.dialect, one.where, one.output) == ("one", "snowflake", "x.sql:3", "")
    assert one.sql == "SELECT a,\n  -- b\n  1 AS n FROM t;"
    assert one.columns == ["a", "n"]
    assert one.edges == {Edge("t.a", "a", "DIRECT"), Edge("t.a", "a", "INDIRECT"), Edge("t.b", "n", "INDIRECT"),
                         Edge("t.a", "n", "INDIRECT")}
    assert one.direct == {("t.a", "a")}
    assert (two.name, two.dialect, two.output, two.edges) == ("two (of them)", "", "t", {Edge("t.b", "a", "DIRECT")})


@pytest.mark.parametrize(("text", "where"), [
    ("--# one\nSELECT 1\n--> a =", "x.sql:1"), ("--@ s.json\n--> a = t.a", "x.sql:2"),
    ("--@ s.json\n--# one\nSELECT 1\n", "x.sql:2"), ("--@ s.json\n--# one\n--> a =\n", "x.sql:2"),
    ("--@ s.json\n--# one\nSELECT 1\n--> a\n", "x.sql:4"),
    ("--@ s.json\n--# one\nSELECT 1\n--> a =\n--> a =\n", "x.sql:5"),
    ("--@ s.json\n--# one\nSELECT 1\n--> = t.a\n", "x.sql:4"),
])
def test_a_malformed_corpus_says_where(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(InputError) as caught:
        load(corpus(tmp_path, text))
    assert (caught.value.code, caught.value.where) == ("PAI022", where)


def test_a_folder_without_a_corpus(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no corpus"):
        load(tmp_path)
