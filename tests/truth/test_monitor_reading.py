"""What the monitor reads beside the schemas and in jobs, beside what the services' own readers make of the same."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from lineage.privacylib.contract import labels_of
from protos import inference_pb2, web_pb2
from services.warehouse import catalog as tables_of
from sim.stack.deployment import bundled
from sim.truth.reference import catalog as monitor_catalog
from sim.truth.reference import labels as monitor_labels
from sim.truth.reference.sql import Reading, statements, twofold, understood

ROOT = bundled().tables.parents[2]


def test_every_bundled_table_has_the_labels_that_the_warehouse_reads() -> None:
    found = {}
    for path in sorted(bundled().tables.glob("*.sql")):
        found |= monitor_labels.of_tables(path.read_text(encoding="utf-8"))
    for table in tables_of.load(bundled().tables).values():
        for column in table.columns.values():
            assert found.pop(f"{table.asset}#{column.name}") == frozenset(column.label.annotations)
        for what, column in (("subject", table.subject), ("origin", table.origin)):
            assert monitor_labels.columns_that_say(what, bundled().tables).get(table.name, "") == column
    assert not found


def test_every_field_of_a_contract_has_the_label_that_privacylib_reads() -> None:
    for asset, message in (("rpc:inference.Generate.request", inference_pb2.GenerateRequest),
                           ("web:converse", web_pb2.ConverseMessage)):
        for name, label in labels_of(message.DESCRIPTOR).items():
            assert monitor_labels.contracts()[f"{asset}#{name}"] == frozenset(label.annotations)
    assert monitor_labels.contracts()["rpc:warehouse.Append.request#rows"] is None


def test_a_column_has_its_own_label_or_the_headers_or_none() -> None:
    own = "CREATE TABLE core.t (\n  a TEXT,  -- operational:note\n  b TEXT\n);"
    assert monitor_labels.of_tables(own) == {"warehouse:core.t#a": frozenset(), "warehouse:core.t#b": None}
    assert monitor_labels.of_tables(f"-- job: x\n-- annotations: A, B\n{own}")["warehouse:core.t#b"] == {"A", "B"}


SCHEMA = ("CREATE TABLE core.s (session TEXT PRIMARY KEY, wearer TEXT, said TEXT, region TEXT)",
          "CREATE TABLE core.t (a TEXT, b TEXT)")


def flows(sql: str) -> set[tuple[str, str]]:
    found = understood(SCHEMA, sql)
    return {(source.removeprefix("warehouse:core."), sink.removeprefix("warehouse:core."))
            for source, sink in found.flows}


@pytest.mark.parametrize(("sql", "expected"), [
    ("INSERT INTO core.t SELECT session, region FROM core.s;", {("s#session", "t#a"), ("s#region", "t#b")}),
    ("INSERT INTO core.t (b) SELECT region FROM core.s WHERE said = 'x';", {("s#region", "t#b"), ("s#said", "t#b")}),
    ("INSERT INTO core.t SELECT * FROM (SELECT session, said FROM core.s);", {("s#session", "t#a"), ("s#said", "t#b")}),
    ("INSERT INTO core.t SELECT x.region, 1 FROM core.s AS x JOIN core.s AS y USING (wearer);",
     {("s#region", "t#a"), ("s#wearer", "t#a"), ("s#wearer", "t#b")}),
    ("INSERT INTO core.t SELECT min(region), count(*) FROM core.s GROUP BY wearer;",
     {("s#region", "t#a"), ("s#wearer", "t#a"), ("s#region", "t#b"), ("s#wearer", "t#b")}),
    ("INSERT INTO core.t SELECT session, CASE WHEN said = 'x' THEN 1 ELSE 2 END FROM core.s;",
     {("s#session", "t#a"), ("s#said", "t#b")}),
    ("WITH x AS (SELECT said FROM core.s) SELECT said FROM x;", set()),
    ("UPDATE core.t SET a = (SELECT said FROM core.s LIMIT 1);", {("s#said", "t#a")}),
    ("INSERT INTO core.t (a) SELECT count(*) FROM core.s;", {("s", "t#a")}),
])
def test_flows_by_bytecode(sql: str, expected: set[tuple[str, str]]) -> None:
    assert flows(sql) == expected


def test_uses_are_all_that_is_read() -> None:
    assert understood(SCHEMA, "SELECT region FROM core.s WHERE said = :said;") == Reading(
        frozenset({"warehouse:core.s#region", "warehouse:core.s#said"}), frozenset(), frozenset())
    with pytest.raises(sqlite3.Error):
        understood(SCHEMA, "SELECT a FROM core.nothing;")


def test_a_made_table_is_in_the_catalog_and_a_semicolon_in_a_text_ends_nothing() -> None:
    text = "-- job: x\nCREATE TABLE core.s (\n  note TEXT  -- operational:note\n);\nSELECT ';' FROM core.s;"
    assert [one.partition("\n")[0] for one in statements(text)] == ["-- job: x", "SELECT ';' FROM core.s;"]
    empty = monitor_catalog.Catalog((), {}, {})
    after = empty.after(text).after("CREATE TABLE core.S (\n  note TEXT,  -- user.utterance A\n  more TEXT\n);")
    assert after.columns == {"core.s": ("note", "more")}
    assert after.labels["warehouse:core.s#note"] == frozenset()
    assert after.labels["warehouse:core.S#more"] is None


def test_created_as_select_is_a_statement() -> None:
    found = understood(SCHEMA, "CREATE TABLE core.u AS SELECT said FROM core.s;")
    assert ("warehouse:core.s#said", "warehouse:core.u#said") in found.flows


def test_the_monitor_never_asks_the_pai() -> None:
    for path in sorted(Path(monitor_labels.__file__).parent.glob("monitor*.py")):
        assert "lineage.enforce" not in path.read_text(encoding="utf-8").replace("``lineage.enforce``", ""), path


@pytest.mark.parametrize(("sql", "names"), [
    ("WITH s AS (SELECT 1) SELECT * FROM s;", ["s"]),
    ("-- s AS (a comment)\nWITH mine AS (SELECT 1), S(x) AS (SELECT 2) SELECT * FROM mine, S;", ["S"]),
    ("WITH RECURSIVE s AS NOT MATERIALIZED (SELECT 1) SELECT * FROM s;", ["s"]),
    ("WITH mine AS (SELECT wearer FROM core.s) SELECT * FROM mine;", []),
    ("SELECT wearer AS s FROM core.s;", [])])
def test_a_name_of_with_that_is_a_tables_as_well_can_be_read_in_two_ways(sql: str, names: list[str]) -> None:
    assert twofold(("CREATE TABLE core.s (wearer TEXT)",), sql) == names
