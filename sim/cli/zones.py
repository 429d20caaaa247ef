"""zones: the Policy Zone Manager.  plan, simulate and enforce a requirement, from a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import Json, RunDir, print_json

zones = typer.Typer(no_args_is_help=True, help="The Policy Zone Manager: plan, simulate, enforce a requirement.")
Include = Annotated[list[str] | None, typer.Option("--include", help="A candidate that belongs to the flows.")]
Exclude = Annotated[list[str] | None, typer.Option("--exclude", help="One that does not, with all behind it.")]
Despite = Annotated[int | None, typer.Option(min=0, help="How many open violations you accept to be denied.")]
Requirements = Annotated[list[str], typer.Argument(help="Names or files of requirements.")]
Decisions = Annotated[Path | None, typer.Option("--decisions", help="Where decisions on candidates are kept; a second "
                                                                    "run goes on from there.")]
CostsFile = Annotated[Path | None, typer.Option("--costs", help="What remedies cost: {annotate, block, reclassify: N, "
                                                               "at: {ASSET: {block: N}}}.")]


def add(app: typer.Typer) -> None:
    for command in (plan, simulate, enforce):
        zones.command()(command)
    app.add_typer(zones, name="zones")


def plan(
    requirements: Requirements,
    exclude: Exclude = None,
    include: Include = None,
    decisions: Decisions = None,
    costs: CostsFile = None,
    run: RunDir = None,
    as_json: Json = False,
) -> None:
    """The four steps on a finished run: assets, flows, violations, and the cheapest remedies, ready to paste.

    Exit code 3 while candidates are undecided.

    Example: [bold]sightline zones plan glasses-interaction-purpose[/]   or, going on with what was decided,
    [bold]sightline zones plan glasses-interaction-purpose --decisions zone.yaml --include web:log[/]
    """
    from sim.cli import zoning
    from sim.show import zone_plan

    found = zoning.planned(requirements, run, include or (), exclude or (), decisions, costs)
    if as_json:
        print_json(zoning.plan_answer(found))
    else:
        zone_plan.show_plan(zoning.plan_answer(found))
    raise typer.Exit(3 if found.plan.undecided else 0)


def simulate(
    requirements: Requirements,
    run: RunDir = None,
    as_json: Json = False,
) -> None:
    """What enforcement would have done to the recorded traffic of a run: who is refused, and what passes.

    Example: [bold]sightline zones simulate glasses-interaction-purpose[/]
    """
    from sim.cli import zoning
    from sim.show import zone_plan

    answer = zoning.simulated(requirements, run)
    if as_json:
        print_json(answer)
    else:
        zone_plan.show_simulation(answer)


def enforce(
    requirement: Annotated[str, typer.Argument(help="A name, or a file.")],
    despite: Despite = None,
    decisions: Decisions = None,
    run: RunDir = None,
    as_json: Json = False,
) -> None:
    """Flips a requirement's file to enforcement and raises its version, once its violations are remedied or accepted.

    Example: [bold]sightline zones enforce gaze-out-of-prompts --despite 0[/]
    """
    from sim.cli import zoning
    from sim.show import zone_plan

    answer = zoning.enforced(requirement, run, decisions, despite)
    if as_json:
        print_json(answer)
    else:
        zone_plan.show_enforced(answer)
