"""load: what PrivacyLib costs, and whether anything is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from lineage.errors import InputError
from sim.cli.options import Json, Seed, print_json

SCENARIO = "scenarios/01_ask_a_landmark.yaml"


def add(app: typer.Typer) -> None:
    app.command()(load)


def load(
    scenario: Annotated[str, typer.Argument(help="Its `ask` steps are the traffic.")] = SCENARIO,
    self_time: Annotated[bool, typer.Option("--self-time", help="PrivacyLib and OpenTelemetry on stubs, without a "
                                                                "network.")] = False,
    kill: Annotated[str | None, typer.Option(help="Kill this process in the middle of the traffic: collector.")] = None,
    locust: Annotated[bool, typer.Option("--locust", help="Many clients at once, by Locust in a process of its "
                                                          "own.")] = False,
    rounds: Annotated[int | None, typer.Option(min=2, help="Rounds of blocks; more of them, narrower "
                                                           "intervals.")] = None,
    clients: Annotated[int, typer.Option(min=1, max=256, help="Clients that ask at the same time.")] = 4,
    seconds: Annotated[float | None, typer.Option(min=1, help="Length of the traffic of --kill (60) and --locust "
                                                              "(20).")] = None,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """What PrivacyLib costs on the whole request: paired blocks with and without it, and a control.

    Example: [bold]sightline load --rounds 60[/]   or   [bold]sightline load --self-time --json[/]   or
    [bold]sightline load --kill collector[/]
    """
    from sim.show.terminal import progress

    if sum((self_time, kill is not None, locust)) > 1:
        raise InputError("PAI010", "--self-time, --kill and --locust each measure something else: give one of them")
    with progress("load") as say:
        result, show = _measure(scenario, self_time, kill, locust, rounds, clients, seconds, seed, say)
    if as_json:
        print_json(result)
    else:
        show(result)
    raise typer.Exit(1 if result.get("signals", {}).get("lost") else 0)


def _measure(name: str, self_time: bool, kill_: str | None, locust: bool, rounds: int | None, clients: int,
             seconds: float | None, seed: int | None, say: Callable[[str], None]
             ) -> tuple[dict[str, Any], Callable[[dict[str, Any]], None]]:
    """The report of what was asked for, and how it is shown."""
    from sim.load import driver, headless, kill, selftime, tables

    if self_time:
        return selftime.measure(rounds or selftime.ROUNDS, progress=say), tables.self_time
    scenario = _scenario(name)
    number = scenario.seed if seed is None else seed
    if kill_ is not None:
        return kill.measure(kill_, scenario, number, seconds=seconds or kill.SECONDS, clients=clients,
                            progress=say), tables.kill
    if locust:
        return headless.measure(scenario, number, seconds=seconds or headless.SECONDS, users=clients,
                                progress=say), tables.headless
    return driver.measure(scenario, number, rounds=rounds or driver.ROUNDS, clients=clients,
                          progress=say), tables.paired


def _scenario(name: str) -> Any:
    """Raises InputError (PAI010 to PAI012)."""
    from sim.cli.run import load as find

    found = find([name])
    if len(found) != 1:
        raise InputError("PAI010", f"{name!r} holds {len(found)} scenarios; load drives one",
                         next=f"sightline load {SCENARIO}")
    return found[0]
