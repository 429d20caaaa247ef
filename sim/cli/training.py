"""bench training: what making a model and using one takes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sim.cli.options import Json, print_json


def training(
    rounds: Annotated[int | None, typer.Option(min=1, help="More of them, narrower intervals.")] = None,
    as_json: Json = False,
) -> None:
    """How long training, checkpoints and answers take, of every kind of model, alone and through the running stack.

    Wall and CPU time, medians with 95 % intervals, and the bytes of the weights.
    Exit code 1 when equal rows gave other weights.

    Example: [bold]sightline bench training[/]   or   [bold]sightline bench training --rounds 60 --json[/]
    """
    from sim.bench import training as measuring
    from sim.show.terminal import progress

    with progress("bench training") as say:
        report = measuring.measure(rounds or measuring.ROUNDS, progress=say)
    if as_json:
        print_json(report)
    else:
        _show(report)
    raise typer.Exit(1 if report["changed"] else 0)


def _show(report: dict[str, Any]) -> None:
    from sim.show.terminal import console, line, table

    whole = report["stack"].items()
    for heading, of in (("training: rows to weights", report["training"]), ("a checkpoint", report["checkpoint"]),
                        ("the stack, from the order to registered and served",
                         {name: one for name, one in whole if "rows" in one})):
        table((heading, "n", "rows", "bytes", "wall ms", "CPU ms"),
              [(name, one["n"], one["rows"], one["bytes"], *_intervals(one, "wall_ms", "cpu_ms"))
               for name, one in of.items()])
    for heading, of in (("serving: one call", report["serving"]),
                        ("the stack, one call over gRPC", {name: one for name, one in whole if "rows" not in one})):
        table((heading, "n", "p50 ms", "p99 ms", "CPU ms", "wrong"),
              [(name, one["n"], *_intervals(one, "p50_ms", "p99_ms", "cpu_ms"), one.get("wrong", "-"))
               for name, one in of.items()])
    line(console(), f"largest weights: {report['largest_weights_bytes']:,} bytes; equal rows that gave other weights: "
                    f"{report['changed']}; intervals: {report['confidence']}")


def _intervals(of: dict[str, Any], *names: str) -> list[str]:
    return ["{:g} [{:g}..{:g}]".format(*of[name]) for name in names]
