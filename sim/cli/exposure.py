"""``sightline exposure``: what a scenario's checkpoints know of what was planted, beside what lineage says."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from lineage.errors import InputError
from sim.cli.options import Json, Seed, print_json
from sim.cli.run import Topology, load


def add(app: typer.Typer) -> None:
    app.command()(exposure)


def exposure(
    scenario: Annotated[str | None, typer.Argument(help="A file or name of a scenario.")] = None,
    seed: Seed = None,
    topology: Topology = "inproc",
    calibrate: Annotated[int | None, typer.Option(min=1, max=100_000, help="Instead: so many models that never saw "
                                                  "what they are asked of, and models that saw some of it.")] = None,
    as_json: Json = False,
) -> None:
    """Which source does a checkpoint give away, by planted canaries, and does lineage know a way?

    A scenario without canaries of its own is run with some: each of its questions is asked again, with canaries.
    Exit code 1 where a checkpoint knows what lineage does not (PAI414, PAI415), 3 where nothing could be told.

    Example: [bold]sightline exposure scenarios/89_hidden_flow.yaml[/]
    or   [bold]sightline exposure --calibrate 2[/]
    """
    if (scenario is None) == (calibrate is None):
        raise InputError("PAI010", "a scenario or --calibrate is needed, and not both", where="exposure",
                         next="sightline exposure scenarios/89_hidden_flow.yaml")
    if calibrate is not None:
        raise typer.Exit(_calibrate(calibrate, as_json=as_json))
    result = _exposure(str(scenario), seed, topology)
    if as_json:
        print_json(result)
    else:
        _show(result)
    told = any(row["verdict"] != "unknown" for row in result["rows"])
    raise typer.Exit(1 if result["findings"] else 0 if told else 3)


def _exposure(name: str, seed: int | None, topology: str) -> dict[str, Any]:
    """``sim.truth.exposure.table`` of a run of its own.  Raises InputError (PAI010) for several scenarios."""
    from sim.scenario import runner
    from sim.scenario.exposing import with_canaries
    from sim.show import terminal

    found = load([name])
    if len(found) != 1:
        raise InputError("PAI010", f"{name} is {len(found)} scenarios; one is run", where=name)
    planted = with_canaries(found[0])
    if planted != found[0]:
        planted = replace(planted, name=f"{planted.name}-canaries")
    with terminal.progress(planted.name) as say:
        done = runner.run(planted, seed, topology=topology, progress=say)
    shown = done.verdict.get("exposure") or {"rows": [], "findings": [], "tested": 0}
    return {"scenario": found[0].name, "seed": done.verdict["seed"], "run_dir": str(done.path), **shown}


def _show(result: dict[str, Any]) -> None:
    from sim.show import terminal

    console = terminal.console()
    if not result["rows"]:
        console.print(f"{result['scenario']}: nobody asks anything through the glasses, or no language model was "
                      "trained: nothing was planted that could be asked for")
        return
    terminal.table(("source", "canaries", "checkpoint", "median rank", "exposure, bits", "p", "lineage", "verdict"),
                   [_row(row) for row in result["rows"]])
    console.print(f"{result['tested']} pairs tested, each at {result['level']}: in at most {result['alpha']:.0%} of "
                  "runs in which nothing was learnt is any of them said to be exposed; 1 bit is chance", soft_wrap=True)
    for why in dict.fromkeys(row["why"] for row in result["rows"] if row["why"]):
        console.print(f"  unknown: {why}", soft_wrap=True)
    for one in result["findings"]:
        console.print(f"  {one['code']} {one['asset']}: {one['what']}", soft_wrap=True)
    console.print(f"  run: {result['run_dir']}", soft_wrap=True)


def _row(row: dict[str, Any]) -> tuple[Any, ...]:
    tested = row["p"] is not None
    return (f"{row['from']} ({row['group']})", row["canaries"], row["to"],
            f"{row['rank']:g} of {row['controls'] + 1}" if tested else "",
            "{} [{}, {}]".format(row["bits"], *row["interval"]) if tested else "",
            f"{row['p']:.2g}" if tested else "", row["lineage"], row["verdict"])


def _calibrate(seeds: int, *, as_json: bool) -> int:
    """The exit code: 1 where the interval of the false positives lies above the level that is claimed."""
    from services import model
    from sim.show import terminal
    from sim.truth.false_positives import measured

    with terminal.progress(f"{seeds} seeds"):
        result = measured(model.train, range(1, seeds + 1))
    if as_json:
        print_json(result)
    else:
        terminal.table(("words", "canaries learnt", "of", "seeds", "said to be exposed", "share", "interval"),
                       [(row["words"], row["learnt"], row["of"], row["seeds"], row["exposed"], f"{row['share']:.3f}",
                         "[{:.4f}, {:.4f}]".format(*row["interval"])) for row in result["rows"]])
        terminal.console().print(f"one pair, at {result['alpha']:.0%}; where none was learnt it is the rate of "
                                 "false positives")
    return int(result["rows"][0]["interval"][0] > result["alpha"])
