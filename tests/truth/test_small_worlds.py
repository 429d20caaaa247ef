"""Small worlds made at random (tables, labels, requirements, jobs): the PAI and the naive monitor must say the same.

The monitor reads a job by SQLite's bytecode, one target at a time, and the requirements from their files; the policy
service reads it by its own analysis, and judges with compiled rules.  Where they differ, one of them is wrong.
SIGHTLINE_EVERY=1: four times as many worlds.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.enforce import statement
from lineage.enforce.gate import Input, judge
from lineage.enforce.requirement import parse
from lineage.enforce.rules import Rules
from lineage.enforce.statement import Tables, judged
from sim.truth.reference.catalog import Catalog
from sim.truth.reference.rules import forbidding_flow, forbidding_use, read
from sim.truth.reference.sql import understood
from tests.every import EVERY

ANNOTATIONS = ("GLASSES", "GAZE", "VOICE")
PURPOSES = ("assistance", "safety", "ads")
COLUMNS = {"core.a": ("k", "x", "y"), "core.b": ("k", "z"), "core.c": ("k", "u", "v")}
REQUIREMENT = """\
requirement: {name}
version: 1
owner: someone
zone: {name}
mode: {mode}
governs: [{governs}]
permit:
  purposes: [{purposes}]
"""


class World(NamedTuple):
    ddl: tuple[str, ...]
    labels: dict[str, tuple[str, ...]]
    requirements: tuple[str, ...]


def some(values: tuple[str, ...], least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), min_size=least, unique=True).map(lambda found: tuple(sorted(found)))


def defined(labels: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(f"CREATE TABLE {table} (\n" + "\n".join(
        f"  {column} TEXT{',' if column != columns[-1] else ''} -- user.utterance "
        f"{' '.join(labels[f'{table}#{column}'])}".rstrip() for column in columns) + "\n);"
        for table, columns in COLUMNS.items())


@st.composite
def worlds(draw: st.DrawFn) -> World:
    labels = {f"{table}#{column}": draw(some(ANNOTATIONS)) for table, columns in COLUMNS.items() for column in columns}
    requirements = tuple(REQUIREMENT.format(
        name=name, mode=draw(st.sampled_from(("enforcement", "enforcement", "logging"))),
        governs=", ".join(draw(some(ANNOTATIONS, 1))), purposes=", ".join(draw(some(PURPOSES, 1))))
        for name in draw(st.sampled_from((("one",), ("one", "two"), ("one", "two", "three")))))
    return World(defined(labels), labels, requirements)


def column(table: str) -> st.SearchStrategy[str]:
    return st.sampled_from(COLUMNS[table])


@st.composite
def expressions(draw: st.DrawFn, table: str) -> str:
    one, other = draw(column(table)), draw(column(table))
    return draw(st.sampled_from((f"s.{one}", f"upper(s.{one})", f"s.{one} || s.{other}", "'fixed'",
                                 f"CASE WHEN s.{one} = 'a' THEN 'b' ELSE s.{other} END",
                                 f"(SELECT max(z) FROM core.b WHERE core.b.k = s.{one})")))


@st.composite
def jobs(draw: st.DrawFn) -> str:
    table = draw(st.sampled_from(sorted(COLUMNS)))
    target = draw(st.sampled_from(sorted(COLUMNS)))
    values = ", ".join(draw(expressions(table)) for _ in COLUMNS[target])
    source = f"{table} AS s"
    if draw(st.booleans()):
        joined, how = draw(st.sampled_from(sorted(COLUMNS))), draw(st.sampled_from(("", "LEFT ")))
        source += f" {how}JOIN {joined} AS j ON j.{draw(column(joined))} = s.{draw(column(table))}"
    # The engine leaves out a left join that DISTINCT makes vain, condition and all; the text still has it.
    distinct = "" if "LEFT JOIN" in source else draw(st.sampled_from(("", "DISTINCT ")))
    where = draw(st.sampled_from((
        "", f" WHERE s.{draw(column(table))} <> 'q'", f" WHERE s.{draw(column(table))} IN (SELECT z FROM core.b)",
        f" WHERE EXISTS (SELECT 1 FROM core.c WHERE core.c.u = s.{draw(column(table))})")))
    body = f"SELECT {distinct}{values} FROM {source}{where}"
    if draw(st.booleans()):
        # Plain columns: of a subquery in the second half the monitor, which goes by registers, is not exact.
        body += f" UNION ALL SELECT {', '.join(f's.{draw(column(table))}' for _ in COLUMNS[target])} FROM {table} AS s"
    return draw(st.sampled_from((body, f"INSERT INTO {target} ({', '.join(COLUMNS[target])}) {body}")))


def by_the_monitor(world: World, sql: str, purpose: str) -> bool:
    """Some requirement in enforcement mode forbids it."""
    catalog = Catalog((), {}, {})
    for ddl in world.ddl:
        catalog = catalog.after(ddl)
    rules = [read(text) for text in world.requirements]
    found = understood(catalog.schema, sql)
    named = catalog.named
    # A target that is made of nothing of a row tells that the row is there, and so how many there are: a stated limit
    # where other targets say the same, and a whole table's label where the statement does nothing but count.
    told = {use.partition("#")[0] for use in found.uses if "#" in use}
    flows = [(source, sink) for source, sink in found.flows if "#" in source or source not in told]
    return any(forbidding_use(rules, named(use).annotations or (), purpose) for use in found.uses) or any(
        forbidding_flow(rules, named(source).annotations or (), named(sink).annotations)
        for source, sink in flows if source != sink)


def by_the_pai(world: World, sql: str, purpose: str) -> bool:
    columns = {table: {name: Input(f"warehouse:{table}#{name}", world.labels[f"{table}#{name}"]) for name in names}
               for table, names in COLUMNS.items()}
    found = judged([sql], Tables(columns, {table: dict.fromkeys(names, "TEXT") for table, names in COLUMNS.items()}))
    rules = Rules([parse(text, Path("requirement")) for text in world.requirements])
    return judge(rules, activity="job:j", purpose=purpose, principal="p", crossings=found.crossings,
                 used=found.used).verdict == "blocked"


@settings(max_examples=400 if EVERY else 100, deadline=None)
@given(worlds(), jobs(), st.sampled_from((*PURPOSES, "")))
def test_a_job_is_blocked_where_the_monitor_forbids_it(world: World, sql: str, purpose: str) -> None:
    assert by_the_pai(world, sql, purpose) == by_the_monitor(world, sql, purpose), sql


def test_a_reading_that_leaves_something_out_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What decides whether a row is there, taken out of the policy service's reading."""
    labels = {f"{table}#{name}": ("GAZE",) if name == "y" else () for table, names in COLUMNS.items() for name in names}
    world = World(defined(labels), labels, (REQUIREMENT.format(name="one", mode="enforcement", governs="GAZE",
                                                                purposes="assistance"),))
    sql = "INSERT INTO core.c (k, u, v) SELECT s.k, s.k, s.x FROM core.a AS s WHERE s.y = 'left'"
    assert by_the_pai(world, sql, "assistance") and by_the_monitor(world, sql, "assistance")
    monkeypatch.setattr(statement, "_flows", lambda found: [
        (source, f"{found.writes[0]}#{flow.target}") for flow in found.columns for source in flow.direct])
    assert not by_the_pai(world, sql, "assistance")
