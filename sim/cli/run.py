"""demo, list, run and score: the commands that run scenarios."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lineage.errors import InputError
from sim.cli.options import Json, Seed, print_json, seeds

Topology = Annotated[Literal["inproc", "processes"], typer.Option(help="One process, or one for each service.")]

Engine = Annotated[Literal["sqlite", "spark"], typer.Option(
    help="What keeps the warehouse; SIGHTLINE_SPARK says where Spark runs: local[2], spark://host:7077.")]


def add(app: typer.Typer) -> None:
    app.command()(demo)
    app.command(name="list")(list_scenarios)
    app.command()(run)
    app.command()(score)


def demo(
    photo: Annotated[Path | None, typer.Option(help="A photo of your own: JPEG, PNG or WebP.")] = None,
    ask: Annotated[str | None, typer.Option(help="A question of your own.")] = None,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """The guided tour: understand, discover, enforce, demonstrate, in seconds.

    Example: [bold]sightline demo --photo my.jpg --ask "What is that building?"[/]
    """
    from sim.cli.demo import tour

    raise typer.Exit(tour(photo, ask, 1 if seed is None else seed, as_json=as_json))


def list_scenarios(
    expectations: Annotated[bool, typer.Option(help="List what a scenario file may say instead.")] = False,
    as_json: Json = False,
) -> None:
    """The scenarios by stage, one sentence each, with the last verdict.

    Example: [bold]sightline list[/]   or   [bold]sightline list --expectations[/]
    """
    from sim.cli import listing

    rows = listing.registered() if expectations else listing.scenarios()
    if as_json:
        print_json(rows)
    else:
        listing.show(rows)


def run(
    scenarios: Annotated[list[str], typer.Argument(help="Files, folders or names of scenarios.")],
    seed: Seed = None,
    many: Annotated[str | None, typer.Option("--seeds", help="Several seeds: 1-20, or 1,5,9.")] = None,
    topology: Topology = "inproc",
    engine: Engine = "sqlite",
    as_json: Json = False,
) -> None:
    """Runs scenarios and judges what they expect.  Exit code 0 pass, 1 fail, 2 usage, 3 unknown.

    Example: [bold]sightline run scenarios/05_training_refused.yaml --seeds 1-20[/]
    """
    if engine == "spark":  # gRPC reads it when it is imported, and would remark on the start of Java
        os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    from sim.scenario import runner
    from sim.scenario.verdict import EXIT, row, worst
    from sim.show import terminal

    if seed is not None and many is not None:
        raise InputError("PAI010", "--seed and --seeds are given; one of them is enough")
    rows: list[dict[str, Any]] = []
    for scenario in load(scenarios):
        for number in seeds(many) if many else [scenario.seed if seed is None else seed]:
            with terminal.progress(f"{scenario.name} seed {number}") as say:
                done = runner.run(scenario, number, topology=topology, engine=engine, progress=say)
            rows.append({**row(done.verdict, str(done.path)), "signals": done.account})
            if not as_json:
                terminal.print_run(done.verdict, done.lineage, done.path, account=done.account)
    verdict = worst(one["verdict"] for one in rows)
    if as_json:
        print_json({"verdict": verdict, "scenarios": rows})
    elif len(rows) > 1:
        terminal.table(("scenario", "seed", "verdict", "held", "failed", "unknown"),
                       [(row["name"], row["seed"], row["verdict"], row["held"], row["failed"], row["unknown"])
                        for row in rows])
        terminal.line(terminal.console(), verdict)
    raise typer.Exit(EXIT[verdict])


def score(
    scenarios: Annotated[list[str] | None, typer.Argument(help="Scenarios; all fault-free ones when left out.")] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="Every integration point with its signals, and what the "
                                                              "audit hook saw; scenarios that you name may have "
                                                              "faults.")] = False,
    enforcement: Annotated[bool, typer.Option("--enforcement", help="What a naive reference monitor says of every "
                                                                    "refusal, and of what was not refused; "
                                                                    "scenarios with faults too.")] = False,
    seed: Seed = None,
    many: Annotated[str | None, typer.Option("--seeds", help="With --enforcement: several, as 1-5.")] = None,
    as_json: Json = False,
) -> None:
    """Scores captured lineage, or with --enforcement what was refused, against what really moved.

    Example: [bold]sightline score --json[/]   or   [bold]sightline score --coverage[/]
    or   [bold]sightline score --enforcement training-refused --seeds 1-5[/]
    """
    from sim.cli.scoring import score_scenarios, show

    if enforcement:
        raise typer.Exit(_enforcement(scenarios or ["scenarios"], seed, many, as_json=as_json))
    if many is not None:
        raise InputError("PAI010", "--seeds goes with --enforcement", where="--seeds",
                         next="sightline score --enforcement --seeds 1-5")
    chosen = [one for one in load(scenarios or ["scenarios"]) if not one.faults or (coverage and scenarios)]
    if coverage:
        from sim.cli.coverage import cover

        raise typer.Exit(cover(chosen, seed, as_json=as_json))
    result = score_scenarios(chosen, seed)
    if as_json:
        print_json(result)
    else:
        show(result)
    complete = result["operations"]["recall"] == 1.0 and not result["operations"]["invented"]
    raise typer.Exit(3 if result["operations"]["recall"] is None else 0 if complete else 1)


def _enforcement(names: list[str], seed: int | None, many: str | None, *, as_json: bool) -> int:
    """The exit code."""
    from sim.cli import enforcement

    if seed is not None and many is not None:
        raise InputError("PAI010", "--seed and --seeds are both given", where="--seeds",
                         next="sightline score --enforcement --seeds 1-5")
    result = enforcement.score_enforcement(load(names), seeds(many) if many is not None else [seed])
    if as_json:
        print_json(result)
    else:
        enforcement.show(result)
    return enforcement.passed(result)


def load(names: list[str]) -> list[Any]:
    """Raises InputError (PAI010 to PAI012) before anything runs."""
    from sim.scenario import loader
    from sim.scenario.runner import REGISTRIES

    return loader.select(names, REGISTRIES)
