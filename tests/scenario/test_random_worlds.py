"""Requirements and jobs made at random, in the running stack: by the naive monitor nothing is missed, and nothing is
refused that no requirement asks for.  No scenario's author chose what is asked here.
SIGHTLINE_EVERY=1: more of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.bench.paradigms import paradigms
from sim.scenario import runner
from sim.scenario.schema import Scenario, Step, World
from sim.truth.reference import monitor
from tests.bench.test_edits import REQUIREMENT
from tests.every import EVERY

ANNOTATIONS = ("GLASSES_INTERACTION", "WEARER_PROFILE")
# What the world's own questions and profiles are for: where that is forbidden, nothing would come into a table.
ASKED = "assistance"
PURPOSES = ("assistance", "safety", "ads_ranking")
TABLES = {"core.sessions": ("session", "wearer", "region", "utterance", "answer", "scene"),
          "core.profiles": ("wearer", "name", "language", "region")}
JOBS = 12


def some(draw: random.Random, values: tuple[str, ...], least: int = 0) -> list[str]:
    return sorted(draw.sample(values, draw.randint(least, len(values))))


def requirements(draw: random.Random, folder: Path) -> Iterator[str]:
    for number in range(draw.randint(1, 3)):
        path = folder / f"required-{number}.yaml"
        path.write_text(REQUIREMENT.format(name=path.stem, governs=", ".join(some(draw, ANNOTATIONS, 1)),
                                           purposes=", ".join(sorted({ASKED, *some(draw, PURPOSES)}))))
        yield str(path)


def label(draw: random.Random) -> str:
    annotations = some(draw, ANNOTATIONS)
    return " ".join((draw.choice(("user.utterance", "operational:note")), *annotations))


def job(draw: random.Random, number: int, tables: dict[str, tuple[str, ...]]) -> str:
    """Reads one table, or two; gives rows out, or makes a table of them, which later jobs may read."""
    # What a refused job would have made is not there: mostly what is.
    table = draw.choice(sorted(TABLES if draw.random() < 0.6 else tables))
    columns = [f"s.{name}" for name in draw.sample(tables[table], draw.randint(1, min(2, len(tables[table]))))]
    source = f"{table} AS s"
    if draw.random() < 0.4:
        other = draw.choice(sorted(TABLES))
        source += f" JOIN {other} AS o ON o.{draw.choice(tables[other])} = s.{draw.choice(tables[table])}"
    where = f" WHERE s.{draw.choice(tables[table])} <> 'nobody'" if draw.random() < 0.4 else ""
    body = f"SELECT {', '.join(columns)} FROM {source}{where}"
    head = f"-- owner: somebody\n-- purpose: {draw.choice(PURPOSES)}\n"
    if draw.random() < 0.5:
        return f"-- query: asked_{number}\n{head}{body};\n"
    made = tuple(f"c{at}" for at in range(len(columns)))
    target = f"core.made_{number}"
    lines = [f"  {name} TEXT{'' if name == made[-1] else ','}  -- {label(draw)}" for name in made]
    tables[target] = made
    return (f"-- job: made_{number}\n{head}-- output: {target}\nCREATE TABLE IF NOT EXISTS {target} (\n"
            + "\n".join(lines) + f"\n);\nINSERT INTO {target} ({', '.join(made)}) {body};\n")


def world(draw: random.Random, folder: Path) -> Scenario:
    tables = dict(TABLES)
    steps = [Step("enrol", {"wearers": "all"}), Step("ask", {"wearers": "all", "question": "What is that building?"})]
    for number in range(JOBS):
        path = folder / f"job-{number}.sql"
        path.write_text(job(draw, number, tables))
        steps.append(Step("submit", {"sql": str(path)}))
    return Scenario("random-world", "enforce", world=World(wearers=2, requirements=tuple(requirements(draw, folder))),
                    steps=tuple(steps))


@pytest.mark.parametrize("seed", range(1, 6 if EVERY else 3))
def test_nothing_is_missed_and_nothing_is_refused_for_nothing(seed: int, tmp_path: Path) -> None:
    scenario = world(random.Random(seed), tmp_path)
    done = runner.run(scenario, seed, home=tmp_path / "runs")
    told = monitor.of_run(done.path)
    jobs = [one for one in told.items if one.kind == "job"]
    assert len(jobs) == JOBS
    assert [one for one in jobs if one.verdict in ("missed", "rule_false_blocks", "unknown")] == []
    # The world asked a question: enough of it could be run at all.
    assert sum(one.verdict in ("blocked", "allowed") for one in jobs) >= JOBS / 3


def test_without_a_guard_the_same_is_missed(tmp_path: Path) -> None:
    """The positive control: what was blocked would have happened."""
    scenario = world(random.Random(1), tmp_path)
    blocked = [one.attempt for one in monitor.of_run(runner.run(scenario, home=tmp_path / "runs").path).of("blocked")]
    free = runner.run(scenario, home=tmp_path / "runs", paradigm=paradigms([])["nothing"])
    assert blocked and set(blocked) <= {one.attempt for one in monitor.of_run(free.path).of("missed")}
