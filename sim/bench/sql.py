"""``sightline bench sql``: the corpus's answers and the speed of each tool, in one run.

**Right, wrong, missing** are statements.  Right: its DIRECT edges are those of the corpus, no more and no fewer.
Wrong: it has a DIRECT edge that is none.  Missing: nothing wrong, but an edge lacks, or the tool raised.  ``edges``
counts DIRECT edges the same way.  ``lenient`` forgives a peer that does not tell values from conditions: its sources
may be INDIRECT ones.  INDIRECT edges are asked of ours alone.

**Speed** is over the statements that every tool answers, in CPU seconds of this process.  Blocks of statements go to
all tools one after another, in an order drawn for each block; ratios are of blocks (so what slows one, slows its
partner).  A cache would answer ours at once: it is emptied before each statement.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from lineage.errors import InputError
from sim.bench.corpus import Case
from sim.bench.tools import INSTALL, Direct, Tool, edges, installed
from sim.load import intervals

BLOCKS = 24
STATEMENTS = 24
# Ours at least so many times as fast: goal P9.
FLOORS = {"sqlglot": 2.5, "sqllineage": 50.0}
# So often a tool that is quicker than the clock repeats its block.
_REPEATS = {"sightline": 8, "sqlglot": 4}


def measure(cases: Sequence[Case], *, blocks: int = BLOCKS, seed: int = 1,
            progress: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """The report, by tool; ``ratio`` is of ours to each peer, [value, low, high], against the floor of the goal.

    A peer that is not installed says what to install.  Raises InputError (PAI022) when no statement can be timed.
    """
    tools = installed()
    answers: dict[str, list[Direct | None]] = {}
    for tool in tools:
        progress(f"{tool.name}: {len(cases)} statements")
        answers[tool.name] = [_answer(tool, case) for case in cases]
    common = [i for i in range(len(cases)) if all(found[i] is not None for found in answers.values())]
    if not common:
        raise InputError("PAI022", "the corpus has no statement that every tool answers", where="--corpus")
    speeds = _speeds([cases[i] for i in common], tools, blocks, seed, progress)
    report: dict[str, Any] = {tool.name: {**_score(cases, answers[tool.name]), **_speed(speeds[tool.name])}
                              for tool in tools}
    report["sightline"]["all_edges"] = _all_edges(cases)
    report["ratio"] = {name: _goal(speeds["sightline"], speeds[name], floor) for name, floor in FLOORS.items()
                       if name in report}
    for name in FLOORS:
        report.setdefault(name, {"unavailable": f"{name} is not installed: {INSTALL}"})
    report["corpus"] = {"statements": len(cases), "timed": len(common), "blocks": blocks,
                        "statements_per_block": min(STATEMENTS, len(common)), "seed": seed}
    report["versions"] = {tool.name: version(tool.name) for tool in tools} | {"sqlglot_compiled": _compiled()}
    return report


def _answer(tool: Tool, case: Case) -> Direct | None:
    try:
        return tool.read(tool.ask(tool.prepare(case)))
    except Exception:  # whatever it is, it has no answer
        return None


def _expected(case: Case) -> Direct:
    return frozenset((source.lower(), target.lower()) for source, target in case.direct)


def _score(cases: Sequence[Case], answers: Sequence[Direct | None]) -> dict[str, Any]:
    statements = {"right": 0, "wrong": 0, "missing": 0}
    lenient = dict(statements)
    counted = dict(statements)
    for case, answer in zip(cases, answers, strict=True):
        expected, found = _expected(case), answer or frozenset()
        forgiven = found - {(edge.source.lower(), edge.target.lower()) for edge in case.edges}
        statements[_verdict(found - expected, expected - found, answer is None)] += 1
        lenient[_verdict(forgiven - expected, expected - found, answer is None)] += 1
        counted["right"] += len(found & expected)
        counted["wrong"] += len(found - expected)
        counted["missing"] += len(expected - found)
    return {**statements, "lenient": lenient, "edges": counted, "raised": sum(a is None for a in answers)}


def _verdict(extra: frozenset[Any], lacking: frozenset[Any], raised: bool) -> str:
    return "wrong" if extra else "missing" if lacking or raised else "right"


def _all_edges(cases: Sequence[Case]) -> dict[str, int]:
    """Ours, DIRECT and INDIRECT."""
    counts = {"right": 0, "wrong": 0, "missing": 0}
    for case in cases:
        expected = {(e.source.lower(), e.target.lower(), e.kind) for e in case.edges}
        found = {tuple(edge) for edge in edges(case)}
        counts["right"] += len(found & expected)
        counts["wrong"] += len(found - expected)
        counts["missing"] += len(expected - found)
    return counts


def _speeds(cases: Sequence[Case], tools: Sequence[Tool], blocks: int, seed: int,
            progress: Callable[[str], None]) -> dict[str, list[float]]:
    """Tool → statements per CPU second, a value for each block."""
    chance = random.Random(seed)
    speeds: dict[str, list[float]] = {tool.name: [] for tool in tools}
    for number in range(blocks):
        progress(f"speed: block {number + 1} of {blocks}")
        block = chance.sample(list(cases), min(STATEMENTS, len(cases)))
        for tool in chance.sample(list(tools), len(tools)):
            given = [tool.prepare(case) for case in block]
            repeats = _REPEATS.get(tool.name, 1)
            start = time.process_time()
            for _ in range(repeats):
                for one in given:
                    tool.ask(one)
            speeds[tool.name].append(repeats * len(block) / (time.process_time() - start))
    return speeds


def _speed(samples: Sequence[float]) -> dict[str, Any]:
    value, low, high = intervals.median(samples).rounded(1)
    return {"queries_per_second": value, "interval": [low, high], "samples": len(samples)}


def _goal(ours: Sequence[float], theirs: Sequence[float], floor: float) -> dict[str, Any]:
    value, low, high = intervals.ratio(ours, theirs).rounded(2)
    verdict = "pass" if low >= floor else "fail" if high < floor else "unknown"
    return {"times": [value, low, high], "floor": floor, "verdict": verdict}


def _compiled() -> bool:
    import sqlglot.parser

    return not (sqlglot.parser.__file__ or "").endswith(".py")
