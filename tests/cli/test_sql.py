"""``sightline sql``: from any folder, on any file, with nothing around it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Sightline

SCHEMA = {"orders": {"id": "INT", "total": "REAL", "status": "TEXT"}, "shop": {"days": {"day": "DATE", "n": "INT"}}}


class Desk:
    """A folder with a schema; ``desk("SELECT 1")`` asks about a file there."""

    def __init__(self, folder: Path, sightline: Sightline) -> None:
        self.folder, self.sightline = folder, sightline
        (folder / "schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")

    def __call__(self, sql: str, *options: str) -> Any:
        path = self.folder / "q.sql"
        path.write_text(sql, encoding="utf-8", newline="")
        return self.sightline("sql", path, "--schema", self.folder / "schema.json", *options)


@pytest.fixture
def desk(tmp_path: Path, sightline: Sightline, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, sightline)


def test_the_form_of_the_answer(desk: Desk) -> None:
    told = desk("INSERT INTO shop.days (n) SELECT count(id) FROM orders WHERE status = 'x'", "--json")
    assert told.code == 0
    assert told.json == [{"statement": 1, "output": "shop.days", "errors": [], "edges": [
        {"from": "orders.id", "to": "n", "kind": "DIRECT"}, {"from": "orders.status", "to": "n", "kind": "INDIRECT"}]}]


def test_a_database_stands_in_the_name(desk: Desk) -> None:
    told = desk("SELECT day FROM days", "--json")
    assert told.json[0]["edges"] == [{"from": "shop.days.day", "to": "day", "kind": "DIRECT"}]
    assert told.json[0]["output"] == ""


def test_what_is_made_is_known_afterwards(desk: Desk) -> None:
    told = desk("""
        -- prepare
        CREATE TEMP TABLE paid AS SELECT id AS k, total FROM orders WHERE status = 'paid';
        CREATE VIEW big AS SELECT * FROM paid WHERE total > 9;
        CREATE TABLE plain (a INTEGER, b TEXT);
        ALTER TABLE plain ADD COLUMN c REAL;
        INSERT INTO plain SELECT k, 'x', total FROM big;
        CREATE TABLE same (LIKE plain);
        BEGIN; UPDATE plain SET c = 0; COMMIT;
        SELECT c FROM plain;
        ALTER TABLE plain RENAME TO other;
        DROP TABLE paid;
        SELECT c FROM other;
        SELECT k FROM paid;
    """, "--json", "--dialect", "postgres")
    assert told.code == 1
    by_number = {one["statement"]: one for one in told.json}
    assert [one["output"] for one in told.json] == ["paid", "big", "plain", "plain", "plain", "same", "", "plain", "",
                                                    "", "other", "", "", ""]
    assert [(e["from"], e["to"], e["kind"]) for e in by_number[5]["edges"]] == [
        ("big.k", "a", "DIRECT"), ("big.total", "c", "DIRECT")]
    assert by_number[10]["edges"] == [{"from": "plain.c", "to": "c", "kind": "DIRECT"}]
    assert by_number[13]["edges"] == [{"from": "other.c", "to": "c", "kind": "DIRECT"}]
    assert [n for n, one in by_number.items() if one["errors"]] == [14]
    assert by_number[14]["errors"] == [{"line": 14, "column": 23, "message": "there is no table 'paid'"}]


def test_several_files_in_their_order(desk: Desk) -> None:
    (desk.folder / "a.sql").write_text("CREATE TABLE made AS SELECT id FROM orders")
    (desk.folder / "b.sql").write_text("SELECT id FROM made;\n\nSELECT nothing FROM made")
    told = desk.sightline("sql", desk.folder / "a.sql", desk.folder / "b.sql", "--schema", desk.folder / "schema.json",
                          "--json")
    assert [(one["statement"], Path(one["file"]).name) for one in told.json] == [
        (1, "a.sql"), (2, "b.sql"), (3, "b.sql")]
    assert told.json[1]["edges"] == [{"from": "made.id", "to": "id", "kind": "DIRECT"}]
    assert (told.json[2]["errors"][0]["line"], told.json[2]["errors"][0]["column"]) == (3, 8)


@pytest.mark.parametrize(("insert", "edges"), [
    ("INSERT INTO nowhere (x) SELECT total FROM orders", [("orders.total", "x")]),
    ("INSERT INTO nowhere SELECT total FROM orders", [("orders.total", "total")]),
    ("WITH t AS (SELECT id FROM orders) INSERT INTO nowhere SELECT id AS y FROM t", [("orders.id", "y")]),
])
def test_an_unknown_target_is_taken_at_its_word_and_said(desk: Desk, insert: str, edges: list[tuple[str, str]]) -> None:
    told = desk(insert, "--json")
    assert told.code == 1
    assert [(e["from"], e["to"]) for e in told.json[0]["edges"]] == edges
    assert told.json[0]["output"] == "nowhere"
    assert "there is no table 'nowhere'" in told.json[0]["errors"][0]["message"]


@pytest.mark.parametrize(("sql", "line", "column", "what"), [
    ("SELECT nothing FROM orders", 1, 8, "there is no column 'nothing'"),
    ("SELECT 1;\n\n  SELECT o.totl\nFROM orders o", 3, 10, "did you mean 'total'?"),
    ("SELECT id\r\nFROM nowhere", 2, 6, "there is no table 'nowhere'"),
    ("SELECT FROM WHERE", 1, 13, "cannot be parsed"),
    ("SELECT id FROM orders WHERE status = 'x", 1, 38, "not closed"),
    ("SELECT id FROM {{ ref('orders') }}", 1, 16, "template"),
    ("{% if x %} SELECT 1 {% endif %}", 1, 1, "template"),
    ("SELECT 'a\0b' FROM orders", 1, 10, "NUL"),
    ("EXPLAIN SELECT 1", 1, 1, "EXPLAIN"),
    ("CREATE FUNCTION f() RETURNS INT AS 'SELECT id FROM orders'", 1, 17, "FUNCTION"),
])
def test_an_error_has_its_place(desk: Desk, sql: str, line: int, column: int, what: str) -> None:
    told = desk(sql, "--json")
    assert told.code == 1
    (error,) = [error for one in told.json for error in one["errors"]]
    assert (error["line"], error["column"]) == (line, column)
    assert what in error["message"] and "\n" not in error["message"]


def test_a_text_that_looks_like_a_template_is_a_text(desk: Desk) -> None:
    told = desk("SELECT '{{ x }}' AS x, id FROM orders -- {% here %}\n", "--json")
    assert told.code == 0 and told.json[0]["edges"] == [{"from": "orders.id", "to": "id", "kind": "DIRECT"}]


def test_a_byte_order_mark_and_stdin(desk: Desk, tmp_path: Path) -> None:
    assert desk("\ufeffSELECT id FROM orders", "--json").json[0]["errors"] == []
    with desk.sightline.process("sql", "-", "--schema", tmp_path / "schema.json", "--json") as process:
        out, _ = process.communicate("SELECT total FROM orders;", timeout=60)
    assert json.loads(out)[0]["edges"] == [{"from": "orders.total", "to": "total", "kind": "DIRECT"}]


def test_plain_in_a_pipe(desk: Desk) -> None:
    told = desk("SELECT id, total FROM orders WHERE status = 'x';\nSELECT totl FROM orders")
    assert told.code == 1 and "\x1b" not in told.out
    lines = told.out.splitlines()
    assert lines[1].split() == ["column", "DIRECT", "INDIRECT"]
    assert lines[3].split() == ["total", "orders.total", "orders.status"]
    assert "q.sql:2:8: there is no column 'totl'; did you mean 'total'?" in told.out
    assert lines[-1] == "            ^^^^" and lines[-2] == "     SELECT totl FROM orders"


def test_colour_in_a_terminal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.folder / "q.sql"
    path.write_text("SELECT totl FROM orders")
    told = desk.sightline.apart("sql", path, "--schema", desk.folder / "schema.json", environment={"FORCE_COLOR": "1"})
    assert told.code == 1 and "\x1b[1;31m       ^^^^" in told.out


@pytest.mark.parametrize(("schema", "what"), [
    ("{", "not JSON"), ("[]", "object of tables"), ('{"t": 1}', "not an object"), ('{"t": {"a": 1}}', "side by side"),
    ('{"t": {"a": ""}, "t": {}}', "there twice"), ('{"t": {"a": "", "A": ""}}', "without regard to case"),
    ('{"a": {"b": {"c": {"d": {}}}}}', "no table"), ('{"": {"a": ""}}', "name is empty"),
    ('{"t": {"": ""}}', "without a name"), ('{"a.b": {"x": ""}, "a": {"b": {"x": ""}}}', "there twice"),
    ('{"t": ["a", "a"]}', "twice"), ("[" * 100_000, "nested"), ('{"d": {"t": {"a": "x"}, "b": "x"}}', "side by side"),
])
def test_a_malformed_schema(desk: Desk, schema: str, what: str) -> None:
    (desk.folder / "schema.json").write_text(schema)
    told = desk("SELECT 1", "--json")
    assert told.code == 2
    error = told.json["error"]
    assert error["code"] == "PAI023" and what in error["what"] and "schema.json" in error["where"]


def test_bad_usage(desk: Desk, tmp_path: Path) -> None:
    told = desk("SELECT 1", "--json", "--dialect", "postgresql")
    assert told.json["error"]["what"].endswith("did you mean 'postgres'?")
    told = desk("SELECT 1", "--json", "--dialect", "klingon")
    assert told.code == 2 and "snowflake" in told.json["error"]["next"]
    assert desk(" -- nothing\n", "--json").json["error"]["what"] == "there is no statement in the text"
    missing = desk.sightline("sql", tmp_path / "no.sql", "--schema", tmp_path / "schema.json", "--json")
    assert missing.code == 2 and missing.json["error"]["code"] == "PAI021"
    missing = desk.sightline("sql", tmp_path / "q.sql", "--schema", tmp_path / "no.json", "--json")
    assert missing.code == 2 and missing.json["error"]["code"] == "PAI023"
    (tmp_path / "latin.sql").write_bytes("SELECT 'é'".encode("latin-1"))
    latin = desk.sightline("sql", tmp_path / "latin.sql", "--schema", tmp_path / "schema.json", "--json")
    assert latin.code == 2 and latin.json["error"]["what"] == "this is not UTF-8 text"
    assert desk.sightline("sql", tmp_path / "q.sql").code == 2
