"""The benchmark's scores on statements whose outcome is known, and the peers' answers read as edges."""

from __future__ import annotations

import pytest

from sim.bench import sql, tools
from sim.bench.corpus import Case, Edge, load

_CASE = Case("", "", {"t": {"a": "", "b": ""}}, "x:1", "SELECT a FROM t WHERE b", "", ["a"],
             {Edge("t.a", "a", "DIRECT"), Edge("t.b", "a", "INDIRECT")})


@pytest.mark.parametrize(("answer", "strict", "lenient", "edges"), [
    ({("t.a", "a")}, "right", "right", (1, 0, 0)), ({("t.a", "a"), ("t.b", "a")}, "wrong", "right", (1, 1, 0)),
    ({("t.a", "a"), ("t.c", "a")}, "wrong", "wrong", (1, 1, 0)), (set(), "missing", "missing", (0, 0, 1)),
    ({("t.b", "a")}, "wrong", "missing", (0, 1, 1)), (None, "missing", "missing", (0, 0, 1)),
])
def test_right_wrong_missing(answer: set[tuple[str, str]] | None, strict: str, lenient: str,
                             edges: tuple[int, int, int]) -> None:
    score = sql._score([_CASE], [None if answer is None else frozenset(answer)])
    assert {word: score[word] for word in ("right", "wrong", "missing")} == {
        word: int(word == strict) for word in ("right", "wrong", "missing")}
    assert score["lenient"][lenient] == 1 and sum(score["lenient"].values()) == 1
    assert tuple(score["edges"].values()) == edges
    assert score["raised"] == (answer is None)


def test_a_statement_without_direct_edges_is_missing_when_the_tool_raised() -> None:
    case = Case("", "", {}, "x:1", "DELETE FROM t", "t", ["a"], set())
    assert sql._score([case], [None])["missing"] == 1
    assert sql._score([case], [frozenset()])["right"] == 1


def test_a_goal_needs_the_whole_interval() -> None:
    assert sql._goal([100.0] * 9, [10.0] * 9, 5) == {"times": [10.0, 10.0, 10.0], "floor": 5, "verdict": "pass"}
    assert sql._goal([100.0] * 9, [10.0] * 9, 50)["verdict"] == "fail"
    assert sql._goal([100.0, 300.0, 200.0], [10.0, 10.0, 10.0], 20)["verdict"] == "unknown"


def test_peers_are_read_as_edges() -> None:
    case = next(case for case in load() if case.name == "union all")
    for tool in tools.installed():
        assert tool.read(tool.ask(tool.prepare(case))) == case.direct, tool.name
