"""``sightline score --enforcement``: what should have been stopped, and was; and what need not have been.

Each scenario runs twice with the same seed: as it is, and as its twin in logging mode, in which what it attempts
happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sim.scenario import runner
from sim.scenario.examined import Examined
from sim.scenario.schema import Scenario
from sim.show import terminal
from sim.truth import monitor, monitor_decisions, score
from sim.truth.journal import Journal

_BESIDE = ("invalid", "unknown")


def score_enforcement(scenarios: Sequence[Scenario], seeds: Sequence[int | None]) -> dict[str, Any]:
    """The six counts, what stands beside them, ``stopped`` (the share of crossings that was blocked, macro-averaged
    over scenarios, with a bootstrap interval), each item that was not allowed, and a row per scenario and seed."""
    rows: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    disagreements: list[dict[str, Any]] = []
    total = len(scenarios) * len(seeds)
    for number, (scenario, seed) in enumerate(((one, seed) for one in scenarios for seed in seeds), 1):
        with terminal.progress(f"{number} of {total}: {scenario.name}") as say:
            row, found, decisions = _scored(scenario, seed, say)
        rows.append(row)
        at = {"scenario": row["name"], "seed": row["seed"]}
        items += [{**at, **one} for one in found if one["verdict"] != "allowed"]
        disagreements += [{**at, **one} for one in decisions]
    return {**{key: sum(row[key] for row in rows) for key in (*monitor.COUNTS, *_BESIDE)},
            "stopped": _stopped(rows), "decisions": {key: sum(row["decisions"][key] for row in rows) for key in (
                "agree", "disagree", "unknown")}, "disagreements": disagreements, "items": items, "scenarios": rows}


def _scored(scenario: Scenario, seed: int | None,
            say: runner.Progress) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """The row of one run, its items, and the decisions that the journal does not agree with."""
    done = runner.run(scenario, seed, progress=say, examined=Examined(values=True))
    twin = runner.run(scenario, seed, progress=lambda text: say(f"in logging mode: {text}"),
                      examined=Examined(values=True, logging=True))
    say("walking the truth")
    found = monitor.of_run(done.path, twin.path)
    told = monitor_decisions.agreement(done.lineage["decisions"], found.items, _journal(done.path))
    counted = found.to_dict()
    return ({"name": scenario.name, "seed": done.verdict["seed"], **{key: counted[key] for key in (
        *monitor.COUNTS, *_BESIDE)}, "decisions": {"agree": sum(one.agrees is True for one in told),
                                                   "disagree": sum(one.agrees is False for one in told),
                                                   "unknown": sum(one.agrees is None for one in told)}},
            counted["items"], [one._asdict() for one in told if one.agrees is False])


def _journal(path: Path) -> list[Any]:
    return Journal.read(path / "journal.db")


def _stopped(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Over the scenarios that attempted a crossing; several seeds of one are one scenario."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_name.setdefault(row["name"], []).append(row)
    shares = [sum(row["blocked"] for row in of) / crossings for of in by_name.values()
              if (crossings := sum(row["crossings"] for row in of))]
    return {"mean": score.mean(shares), "interval": score.interval(shares), "scenarios": len(shares)}


def passed(result: dict[str, Any]) -> int:
    """1 where something was missed, or refused for nothing, or moved against its decision; 3 without a crossing."""
    wrong = result["missed"] or result["rule_false_blocks"] or result["decisions"]["disagree"]
    return 1 if wrong else 0 if result["crossings"] else 3


def show(result: dict[str, Any]) -> None:
    console = terminal.console()
    keys = (*monitor.COUNTS, *_BESIDE)
    terminal.table(("scenario", "seed", *(key.replace("_", " ") for key in keys)),
                   [(row["name"], row["seed"], *(row[key] for key in keys)) for row in result["scenarios"]])
    stopped, told = result["stopped"], result["decisions"]
    if stopped["mean"] is not None:
        between = "" if stopped["interval"] is None else " [{:.3f}, {:.3f}]".format(*stopped["interval"])
        console.print(f"stopped: {stopped['mean']:.3f}{between} of the crossings, in {stopped['scenarios']} scenarios")
    console.print(f"decisions: the journal agrees with {told['agree']}, not with {told['disagree']}, and cannot say of "
                  f"{told['unknown']}")
    console.print(f"{result['crossings']} crossings: {result['blocked']} blocked, {result['missed']} missed; "
                  f"{result['rule_false_blocks']} blocks that no requirement asks for, "
                  f"{result['influence_false_blocks']} of flows without influence; {result['allowed']} allowed")
    for one in (*result["items"], *result["disagreements"]):
        if one["verdict"] in ("missed", "rule_false_blocks", "unknown") or "agrees" in one:
            name = one.get("attempt") or one["activity"] or one["decision"]
            console.print(f"  {one['verdict'].replace('_', ' ')}: {one['scenario']} seed {one['seed']}: {name} "
                          f"{' '.join(one.get('requirements', ()))} {one['why']}".rstrip(), soft_wrap=True)
