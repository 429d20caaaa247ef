"""bench paradigms: Policy Zones beside what Meta names as left behind, and beside point checking."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sim.cli.options import Json, Seed, print_json

_CHANGES = {"new_requirement": "a requirement", "new_sink": "a sink"}


def paradigms(
    scenarios: Annotated[list[str] | None, typer.Argument(help="Files or names; those of stage enforce and the "
                                                               "changing workload when left out.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="A paradigm by name, beside the control; repeatable.")] = None,
    changing: Annotated[bool, typer.Option("--changing", help="The changing workload alone.")] = False,
    rounds: Annotated[int | None, typer.Option(min=0, help="Of the guards' cost; more of them, narrower intervals, "
                                                           "0 for none.")] = None,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """Policy Zones beside the paradigms that they replaced: misses, false blocks, cost, edits needed.

    Each is a guard in the running stack, on the same steps; the truth below the services says what crossed.  The
    comparison is this project's own: Meta names three of these as left behind and publishes no figures.
    Exit code 1 when Policy Zones missed something, 3 when nothing crossed even without a guard.

    Example: [bold]sightline bench paradigms --json[/]   or   [bold]sightline bench paradigms --changing --only store[/]
    """
    from sim.load import comparing, guarding
    from sim.scenario import loader
    from sim.scenario.runner import REGISTRIES
    from sim.show.terminal import progress

    chosen = comparing.changing() if changing else loader.select(scenarios, REGISTRIES) if scenarios \
        else comparing.bundled()
    with progress("bench paradigms") as say:
        report = comparing.compare(only or [], chosen, rounds=guarding.ROUNDS if rounds is None else rounds, seed=seed,
                                   progress=say)
    if as_json:
        print_json(report)
    else:
        _show(report)
    zones = report["paradigms"].get("zones", {"missed": 0})
    raise typer.Exit(1 if zones["missed"] else 0 if report["crossings"] else 3)


def _show(report: dict[str, Any]) -> None:
    from sim.show.terminal import console, line, table

    every = report["paradigms"]
    table(("paradigm", f"missed of {report['crossings']}", "blocked: no rule", "blocked: no influence", "allowed",
           "unknown", "decisions"),
          [(name, *(one[key] for key in ("missed", "rule", "influence", "allowed", "unknown", "decisions")))
           for name, one in every.items()])
    costs = {name: one["cost"] for name, one in every.items()} | {"control": report["control"]}
    if report["control"]:
        table(("added CPU µs, 95 %", "a request", "decided anew", "rounds", "operations"),
              [(name, _interval(cost["added_cpu_us"]), _interval(cost["decided_us"]), cost["rounds"],
                cost["operations"]) for name, cost in costs.items() if cost])
    table(("edits for …", *(f"{said}: {key}" for said in _CHANGES.values() for key in ("lines", "in code", "others"))),
          [(name, *(one["edits"][change][key] for change in _CHANGES for key in ("lines", "in_code", "others_changed")))
           for name, one in every.items()])
    out = console()
    for name, one in every.items():
        line(out, f"{name}: {one['published']}")
        for item in one["items"] if name != "nothing" else ():
            what = {"missed": "missed", "rule": "blocked, and no requirement asks for it",
                    "influence": "blocked, and nothing of the data was on its way there"}[item["verdict"]]
            line(out, f"  {item['attempt']} in {item['scenario']}: {what}")
    line(out, f"{len(report['scenarios'])} scenarios; the comparison is {report['comparison']}")


def _interval(of: list[float]) -> str:
    value, low, high = of
    return f"{value:g} [{low:g}..{high:g}]"
