"""bench: ours beside what people use otherwise, answers and speed in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sim.cli.options import Json, print_json
from sim.cli.paradigms import paradigms
from sim.cli.training import training


def add(app: typer.Typer) -> None:
    group = typer.Typer(help="Ours beside what people use otherwise, answers and speed in one run.",
                        no_args_is_help=True)
    group.command()(sql)
    group.command()(ingest)
    group.command()(consent)
    group.command()(rules)
    group.command()(paradigms)
    group.command()(zones)
    group.command()(training)
    app.add_typer(group, name="bench")


def zones(
    scenarios: Annotated[list[str] | None, typer.Argument(help="Scenarios; all fault-free ones when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Plans and simulations of the bundled requirements over bundled scenarios, each run in logging mode.

    Example: [bold]sightline bench zones scenarios/05_training_refused.yaml --json[/]
    """
    from sim.cli.run import load
    from sim.load import planned as measuring
    from sim.show.terminal import progress, table

    chosen = [one for one in load(scenarios or ["scenarios"]) if not one.faults or scenarios]
    with progress("bench zones") as say:
        report = measuring.measure(chosen, progress=say)
    if as_json:
        print_json(report)
    else:
        table(tuple(report["rows"][0]), [tuple(row.values()) for row in report["rows"]])


def sql(
    corpus: Annotated[Path | None, typer.Option(help="A folder of statements with their edges; tests/discover/corpus "
                                                     "when left out.")] = None,
    blocks: Annotated[int | None, typer.Option(min=2, help="Blocks of statements that are timed; more of them, "
                                                           "narrower intervals.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Which statements are in which block.")] = 1,
    as_json: Json = False,
) -> None:
    """Column lineage beside sqlglot's and sqllineage's: who is right on the corpus, and how fast.

    A statement is right when its DIRECT edges are the corpus's, wrong with an edge that is none, else missing.
    Exit code 1 when ours is not right on all of it.  sqllineage needs pip install 'sightline[bench]'.

    Example: [bold]sightline bench sql --json[/]   or   [bold]sightline bench sql --blocks 60[/]
    """
    from sim.bench import sql as measuring
    from sim.bench.corpus import HOME, load
    from sim.show.terminal import progress

    with progress("bench sql") as say:
        report = measuring.measure(load(corpus or HOME), blocks=blocks or measuring.BLOCKS, seed=seed, progress=say)
    if as_json:
        print_json(report)
    else:
        _show_sql(report)
    ours = report["sightline"]
    raise typer.Exit(1 if ours["wrong"] or ours["missing"] else 0)


def _show_sql(report: dict[str, Any]) -> None:
    from sim.show.terminal import console, line, table

    tools = [name for name in ("sightline", "sqlglot", "sqllineage") if "right" in report[name]]
    out = console()
    table(("statements", "right", "wrong", "missing", "right if conditions pass for values", "each CPU second", "95 %"),
          [(name, one["right"], one["wrong"], one["missing"], one["lenient"]["right"], one["queries_per_second"],
            "{}..{}".format(*one["interval"])) for name, one in ((name, report[name]) for name in tools)])
    every = report["sightline"]["all_edges"]
    line(out, f"ours, DIRECT and INDIRECT edges: {every['right']} right, {every['wrong']} wrong, "
              f"{every['missing']} missing, of {report['corpus']['statements']} statements")
    for name, goal in report["ratio"].items():
        value, low, high = goal["times"]
        line(out, f"{value:g} [{low:g}..{high:g}] times as fast as {name}; the goal is {goal['floor']:g}: "
                  f"{goal['verdict']}")
    for name in ("sqlglot", "sqllineage"):
        if "unavailable" in report[name]:
            line(out, report[name]["unavailable"])


def ingest(
    rounds: Annotated[int | None, typer.Option(min=2, help="More of them, narrower intervals.")] = None,
    as_json: Json = False,
) -> None:
    """Events through the logger into the table, signals into the collector: speed, and whether anything was lost.

    Example: [bold]sightline bench ingest[/]   or   [bold]sightline bench ingest --rounds 20 --json[/]
    """
    from sim.load import collecting
    from sim.load import ingest as ingesting
    from sim.show.terminal import progress

    with progress("bench ingest") as say:
        result = {**ingesting.measure(rounds or ingesting.ROUNDS, progress=say),
                  "collector": collecting.measure(rounds or ingesting.ROUNDS, progress=say)}
    if as_json:
        print_json(result)
    else:
        _show_ingest(result["logger"], result["collector"])
    lost = result["logger"]["lost"] or result["logger"]["twice"] or result["collector"]["lost"]
    raise typer.Exit(1 if lost else 0)


def _show_ingest(report: dict[str, Any], collector: dict[str, Any]) -> None:
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


def consent(
    withdrawals: Annotated[int | None, typer.Option(min=2, help="More of them, narrower intervals.")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Rows that each statement looks at.")] = None,
    rounds: Annotated[int | None, typer.Option(min=2, help="Of each statement, with and without the check.")] = None,
    as_json: Json = False,
) -> None:
    """What the check of each row's consent costs, and how long a withdrawal takes to hold in every cache.

    Exit code 1 when a statement, a read or an answer that began after the acknowledgement still saw her rows.

    Example: [bold]sightline bench consent[/]   or   [bold]sightline bench consent --withdrawals 200 --json[/]
    """
    from sim.load import consenting
    from sim.show.terminal import progress

    with progress("bench consent") as say:
        result = consenting.measure(withdrawals or consenting.WITHDRAWALS, rows=rows or consenting.ROWS,
                                    rounds=rounds or consenting.ROUNDS, progress=say)
    if as_json:
        print_json(result)
    else:
        _show_consent(result)
    raise typer.Exit(1 if any(one["saw_after"] for one in result["revocation"].values()) else 0)


def _show_consent(report: dict[str, Any]) -> None:
    from sim.show.terminal import table

    def interval(of: dict[str, Any], name: str) -> str:
        value, low, high = of[name]
        return f"{value:g} [{low:g}..{high:g}]"

    table(("from acknowledged to gone", "n", "p50 ms", "p99 ms", "looks begun after", "that saw her rows"),
          [(name, one["withdrawals"], interval(one, "p50_ms"), interval(one, "p99_ms"), one["looks_begun_after"],
            one["saw_after"]) for name, one in report["revocation"].items()])
    table(("rows checked for consent", "rows", "with, s", "without, s", "ns a row", "checked", "withheld", "checks/s"),
          [(name, one["rows"], interval(one, "with_s"), interval(one, "without_s"), interval(one, "ns_a_row"),
            one["checked"], one["withheld"], one["checks_per_second"]) for name, one in report["checks"].items()])


def rules(
    rounds: Annotated[int | None, typer.Option(min=2, help="More of them, narrower intervals.")] = None,
    as_json: Json = False,
) -> None:
    """How long a new rule takes until it is enforced everywhere, under continuous traffic, with no service changed.

    Exit code 1 when something that began after the owner was answered was still permitted.

    Example: [bold]sightline bench rules[/]   or   [bold]sightline bench rules --rounds 60 --json[/]
    """
    from sim.load import ruling
    from sim.show.terminal import progress

    with progress("bench rules") as say:
        result = ruling.measure(rounds or ruling.ROUNDS, progress=say)
    if as_json:
        print_json(result)
    else:
        _show_rules(result)
    raise typer.Exit(1 if any(one["permitted_after"] for one in result["points"].values()) else 0)


def _show_rules(report: dict[str, Any]) -> None:
    from sim.show.terminal import console, line, table

    def interval(of: dict[str, Any], name: str) -> str:
        value, low, high = of[name]
        return f"{value:g} [{low:g}..{high:g}]"

    figures = [f"{name}_{rank}_ms" for name in ("first_refusal", "last_acceptance") for rank in ("p50", "p99")]
    table(("from the request, ms", "n", "first refusal p50", "p99", "last acceptance p50", "p99", "begun after",
           "still permitted"),
          [(name, one["rounds"], *(interval(one, figure) for figure in figures), one["begun_after"],
            one["permitted_after"]) for name, one in report["points"].items()])
    line(console(), f"  answered after {interval(report['require'], 'p50_ms')} ms (p50), "
                    f"{interval(report['require'], 'p99_ms')} ms (p99); files of services/ that changed: "
                    f"{report['services_changed']}")
