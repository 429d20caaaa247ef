"""Which columns of a written table are rows that were moved, and which are mixed of several."""

from __future__ import annotations

import pytest

from lineage.discover.jobs import resolve
from lineage.discover.rowwise import kept
from lineage.discover.sql import split
from lineage.jobfile import parse
from sim.stack.deployment import bundled

INTO = "INSERT INTO core.b (u, n, _key)"
A = ("core.a", {"u", "n", "_key"})
NONE = ("", set[str]())


@pytest.mark.parametrize(("select", "expected"), [
    ("SELECT u, n, _key FROM core.a", A),
    ("SELECT upper(u), 1, _key FROM core.a WHERE n > 7 ORDER BY n LIMIT 3", A),
    ("SELECT DISTINCT a.u, a.n || a.u, a._key FROM core.a AS a", A),
    # The other side of a join is in the row, and not under its own key.
    ("SELECT a.u, o.n, a._key FROM core.a AS a JOIN core.o AS o ON o.n = a.n", ("core.a", {"u", "_key"})),
    ("SELECT x.u, y.u, x._key FROM core.a AS x, core.a AS y", ("core.a", {"u", "_key"})),
    # The key of one and the words of another.
    ("SELECT o.u, o.n, a._key FROM core.a AS a, core.o AS o", ("core.a", {"_key"})),
    ("SELECT u, count(*) OVER (), _key FROM core.a", ("core.a", {"u", "_key"})),
    ("SELECT u, lag(n) OVER (ORDER BY n), _key FROM core.a", ("core.a", {"u", "_key"})),
    ("SELECT u, (SELECT n FROM core.o), _key FROM core.a", ("core.a", {"u", "_key"})),
    ("SELECT u, (SELECT max(n) FROM core.o), _key FROM core.a", NONE),
    ("SELECT u, max(n), _key FROM core.a", NONE), ("SELECT u, n, max(_key) FROM core.a", NONE),
    ("SELECT u, n, _key FROM core.a GROUP BY u, n, _key", NONE),
    ("SELECT u, n, _key FROM core.a UNION ALL SELECT u, n, _key FROM core.o", NONE),
    ("SELECT u, n, _key FROM (SELECT * FROM core.a)", NONE), ("SELECT u, n, 'k' FROM core.a", NONE),
    ("SELECT u, n, u FROM core.a", NONE), ("SELECT a.u, o.n, _key FROM core.a AS a, core.o AS o", NONE),
    ("VALUES ('a', 1, 'k')", NONE),
])
def test_what_keeps_rows_apart(select: str, expected: tuple[str, set[str]]) -> None:
    table, columns = kept(f"{INTO} {select}")
    assert (table, set(columns)) == expected


@pytest.mark.parametrize("statement", [
    "", "nothing at all (", "UPDATE core.b SET u = (SELECT u FROM core.a)", "DELETE FROM core.b",
    "INSERT INTO core.b SELECT u, n, _key FROM core.a",  # which column is which, the text does not say
    "INSERT INTO core.b (u, n) SELECT u, n FROM core.a",
    f"{INTO} SELECT u, n, _key FROM core.a ON CONFLICT (u) DO UPDATE SET n = n + 1",
    f"{INTO} WITH w AS (SELECT * FROM core.o) SELECT u, n, _key FROM w"])
def test_what_is_not_plain_mixes(statement: str) -> None:
    assert kept(statement) == ("", frozenset())


def test_the_bundled_jobs() -> None:
    found = {}
    for path in bundled().jobs.glob("*.sql"):
        job = parse(path.read_text(), str(path))
        found[job.name] = {kept(text)[0] for _, text in split(job.sql)} - {""}
    assert found["daily_sessions"] == {"core.sessions"}
    assert found["training_set"] == found["session_profiles"] == {"core.daily_sessions"}
    assert not found["assistant_features"] and not found["landmark_popularity"]


def test_what_decides_a_value_is_not_in_it() -> None:
    schema = {"core.a": {"u": "", "n": ""}, "core.o": {"n": ""}, "core.b": {"u": ""}}
    given = ("INSERT INTO core.b (u) SELECT u FROM core.a WHERE n NOT IN (SELECT n FROM core.o)", schema,
             {"core.a": ("u", "n"), "core.o": ("n",)}, ("core.b", ("u",)))
    assert resolve(*given) == (("u", ("warehouse:core.a#n", "warehouse:core.a#u", "warehouse:core.o#n")),)
    assert resolve(*given, direct=True) == (("u", ("warehouse:core.a#u",)),)
