"""bench: ours beside what people use otherwise, measured in one run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from sim.cli.options import Json, print_json

What = Literal["ingest"]


def add(app: typer.Typer) -> None:
    app.command()(bench)


def bench(
    what: Annotated[What, typer.Argument(help="ingest: events through the logger into the table.")],
    rounds: Annotated[int | None, typer.Option(min=2, help="More of them, narrower intervals.")] = None,
    as_json: Json = False,
) -> None:
    """Speed, with intervals, and whether anything was lost.

    Example: [bold]sightline bench ingest[/]   or   [bold]sightline bench ingest --rounds 20 --json[/]
    """
    from sim.load import collecting, ingest
    from sim.show.terminal import progress

    with progress("bench") as say:
        result = {**ingest.measure(rounds or ingest.ROUNDS, progress=say),
                  "collector": collecting.measure(rounds or ingest.ROUNDS, progress=say)}
    if as_json:
        print_json(result)
    else:
        _show(result["logger"], result["collector"])
    lost = result["logger"]["lost"] or result["logger"]["twice"] or result["collector"]["lost"]
    raise typer.Exit(1 if lost else 0)


def _show(report: dict[str, Any], collector: dict[str, Any]) -> None:
    from sim.show.terminal import table

    def interval(name: str, of: dict[str, Any] = report) -> str:
        value, low, high = of[name]
        return f"{value:g} [{low:g}..{high:g}]"

    table(("through the logger", "events/s", "p50 ms", "p99 ms"),
          [(f"{report['rounds']} rounds", *(interval(name) for name in ("events_per_second", "p50_ms", "p99_ms")))])
    table(("CPU µs an event", ""), sorted(report["cpu_us_an_event"].items()))
    table(("accepted", "in the table", "lost", "twice"),
          [tuple(report[name] for name in ("accepted", "in_table", "lost", "twice"))])
    table(("into the collector's store", "signals/s a core", "sqlite-utils insert_all", "ratio", "lost"),
          [(f"{collector['rounds']} rounds", *(interval(name, collector) for name in
                                               ("signals_per_second_a_core", "insert_all", "ratio")),
            collector["lost"])])
