"""``sightline score --enforcement``: what should have been stopped, and was; and what need not have been.

Each scenario runs twice with the same seed: as it is, and as its twin in logging mode, in which what it attempts
happens; where only a changed twin can tell whether a value reached a message, once more with that value changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sim.scenario import runner
from sim.scenario.examined import Examined
from sim.scenario.schema import Scenario
from sim.scenario.twins import SHORT, changed
from sim.show import terminal
from sim.truth import score
from sim.truth.reference import account
from sim.truth.reference.examined import Examination, examine, reached

# Signed with the time on the wall.
SIGNED = frozenset({"rpc:policy.Admit.response#token", "rpc:policy.Judge.response#token"})


def score_enforcement(scenarios: Sequence[Scenario], seeds: Sequence[int | None]) -> dict[str, Any]:
    """The six counts, what stands beside them, ``stopped`` (the share of crossings that was blocked, macro-averaged
    over scenarios, with a bootstrap interval), the decisions of which the journal says the opposite
    (``disagreements``) or nothing (``undecided``), each item that was not allowed, of each that was blocked what of it
    told nothing and what would let that go (``over_blocked``), fields that differ when nothing was changed
    (``undetermined``: a bug), and a row per scenario and seed."""
    rows: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    over: list[dict[str, Any]] = []
    undetermined: set[str] = set()
    disagreements: list[dict[str, Any]] = []
    undecided: list[dict[str, Any]] = []
    total = len(scenarios) * len(seeds)
    for number, (scenario, seed) in enumerate(((one, seed) for one in scenarios for seed in seeds), 1):
        with terminal.progress(f"{number} of {total}: {scenario.name}") as say:
            row, found = _scored(scenario, seed, say)
        rows.append(row)
        at = {"scenario": row["name"], "seed": row["seed"]}
        items += [{**at, **asdict(one)} for one in found.account.items if one.verdict != "allowed"]
        over += [{**at, **one.to_dict()} for one in found.over]
        undetermined |= {one for one in found.undetermined if one not in SIGNED}
        disagreements += [{**at, **one._asdict()} for one in found.decisions if one.agrees is False]
        undecided += [{**at, **one._asdict()} for one in found.decisions if one.agrees is None]
    return {**{key: sum(row[key] for row in rows) for key in (*account.COUNTS, *account.BESIDE)},
            "stopped": _stopped(rows), "decisions": {key: sum(row["decisions"][key] for row in rows) for key in (
                "agree", "disagree", "unknown")}, "disagreements": disagreements, "undecided": undecided,
            "items": items, "over_blocked": over, "undetermined": sorted(undetermined), "scenarios": rows}


def _scored(scenario: Scenario, seed: int | None, say: runner.Progress) -> tuple[dict[str, Any], Examination]:
    """The row of one run, and all that the monitor says of it."""
    done = _run(scenario, seed, say, "")
    twin = _run(scenario, seed, say, "in logging mode: ", logging=True)
    say("walking the truth")
    found = examine(done.path, twin.path, scenario.world.regions)
    found = _influenced(scenario, seed, say, found, done.path, twin.path)
    counted = found.account.to_dict()
    agreed = Counter(one.agrees for one in found.decisions)
    return {"name": scenario.name, "seed": done.verdict["seed"], **{key: counted[key] for key in (
        *account.COUNTS, *account.BESIDE)}, "decisions": {"agree": agreed[True], "disagree": agreed[False],
                                                   "unknown": agreed[None]}}, found


def _influenced(scenario: Scenario, seed: int | None, say: runner.Progress, found: Examination, done: Path,
                twin: Path) -> Examination:
    """What changed twins tell of flows between services, beside one in which nothing was changed."""
    asked = [(source, sink, other) for source, sink in found.asked_of_twins()
             if (other := changed(scenario, source)) is not None]
    short = [(source, other) for source in found.governed(SHORT) if (other := changed(scenario, source)) is not None]
    if not asked and not short:
        return found
    same = reached(done, _run(scenario, seed, say, "once more, with nothing changed: ").path)
    found = replace(found, undetermined=tuple(sorted(same)))
    for source, sink, other in asked:
        also = _run(other, seed, say, f"in logging mode, with another {source}: ", logging=True)
        if not any(field == sink or field.startswith(f"{sink}#") for field in reached(twin, also.path) - same):
            found = found.without_influence(source, sink)
    for source, other in short:
        also = _run(other, seed, say, f"with another {source}: ")
        found = found.with_influence(source, sorted(reached(done, also.path) - same))
    return found


def _run(scenario: Scenario, seed: int | None, say: runner.Progress, what: str, *, logging: bool = False) -> runner.Run:
    return runner.run(scenario, seed, progress=lambda text: say(f"{what}{text}"),
                      examined=Examined(values=True, logging=logging))


def _stopped(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Over the scenarios that attempted a crossing; several seeds of one are one scenario."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_name.setdefault(row["name"], []).append(row)
    shares = [sum(row["blocked"] for row in of) / crossings for of in by_name.values()
              if (crossings := sum(row["crossings"] for row in of))]
    return {"mean": score.mean(shares), "interval": score.interval(shares), "scenarios": len(shares)}


def passed(result: dict[str, Any]) -> int:
    """1 where something was missed, or refused for nothing, or moved against its decision, or differs by itself; 3
    without a crossing."""
    wrong = (result["missed"] or result["rule_false_blocks"] or result["decisions"]["disagree"]
             or result["undetermined"])
    return 1 if wrong else 0 if result["crossings"] else 3


def show(result: dict[str, Any]) -> None:
    console = terminal.console()
    keys = (*account.COUNTS, *account.BESIDE)
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
    for field in result["undetermined"]:
        console.print(f"  not the same in two runs of the same seed: {field}")
    for one in result["over_blocked"]:
        if one["uninfluenced"]:
            console.print(f"  without influence: {one['scenario']} seed {one['seed']}: {one['item']}; cured by "
                          f"{' or '.join(one['cure'])}", soft_wrap=True)
    for one in (*result["items"], *result["disagreements"]):
        if one["verdict"] in ("missed", "rule_false_blocks", "unknown") or "agrees" in one:
            name = one.get("attempt") or one["activity"] or one["decision"]
            console.print(f"  {one['verdict'].replace('_', ' ')}: {one['scenario']} seed {one['seed']}: {name} "
                          f"{' '.join(one.get('requirements', ()))} {one['why']}".rstrip(), soft_wrap=True)
