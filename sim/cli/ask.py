"""why, involved, graph, explain and evidence: the commands that ask a finished run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from lineage.errors import InputError
from lineage.names import kind_of
from sim.cli.options import Json, RunDir, lineage_of, print_json, run_folder

Form = Literal["names", "tree", "mermaid", "svg", "png", "graphml", "json"]


def add(app: typer.Typer) -> None:
    for command in (why, involved, graph, explain, evidence):
        app.command()(command)


def why(
    to: Annotated[str, typer.Argument(help="An asset or an activity: training:ads_ranker.")],
    source: Annotated[str | None, typer.Option("--from", help="Where it comes from; the glasses otherwise.")] = None,
    run: RunDir = None,
    as_json: Json = False,
) -> None:
    """How data gets to an asset or activity, what was decided about it, and the ways out.

    Example: [bold]sightline why training:ads_ranker[/]   or, what a checkpoint was made of and whom it answered,
    [bold]sightline why checkpoint:assistant@2[/]
    """
    from sim.cli.answers import why as answer
    from sim.cli.because import Because
    from sim.show import colleague, terminal

    content = lineage_of(run)
    told = answer(content, to, source)
    told["because"] = Because(content, run_folder(run)).of(told)
    if kind_of(to) == "checkpoint":
        from sim.cli.checkpoints import checkpoints, sentences

        told["checkpoints"] = checkpoints(content, run_folder(run), to)
        told["because"]["answer"] += sentences(told["checkpoints"])
    if as_json:
        print_json(told)
    else:
        colleague.print_answer(told["because"])
        terminal.print_why(told["path"], told["decisions"][0] if told["decisions"] else None, told["remedies"])
        if told["activity"]:
            terminal.print_activity(told["activity"])
        colleague.print_ways(told["because"])
    raise typer.Exit(0 if told["path"] or told["decisions"] else 3)


def involved(
    asset: Annotated[str, typer.Argument(help="Whose data: web:ask#utterance.")],
    system: Annotated[str, typer.Argument(help="What it may reach: training:ads_ranker, or a service.")],
    run: RunDir = None,
    as_json: Json = False,
) -> None:
    """Does data of an asset reach a system: yes with the path, no, or unknown.

    Example: [bold]sightline involved web:ask#utterance training:ads_ranker[/]
    """
    from lineage.discover.graph import Graph
    from lineage.discover.involved import involved as ask
    from sim.show import terminal

    answer = ask(Graph(lineage_of(run)), asset, system).to_dict()
    if as_json:
        print_json(answer)
    else:
        console = terminal.console()
        console.print({"yes": f"yes: data of {asset} reaches {system}", "no": f"no: data of {asset} does not reach "
                       f"{system}, and everything on the way has reported"}.get(
            answer["answer"], f"unknown: {', '.join(answer['silent'])} did not report"))
        terminal.print_why(answer["edges"] or answer["blocked"])
    raise typer.Exit(3 if answer["answer"] == "unknown" else 0)


def graph(
    source: Annotated[str | None, typer.Option("--from", help="Start here; the whole run otherwise.")] = None,
    depth: Annotated[int, typer.Option(min=1, max=50, help="How many steps.")] = 2,
    upstream: Annotated[bool, typer.Option(help="Against the flow.")] = False,
    form: Annotated[Form, typer.Option("--format")] = "mermaid",
    output: Annotated[Path | None, typer.Option(help="Write to a file.")] = None,
    key: Annotated[str | None, typer.Option(help="What one request moved: its trace id, or traceparent.")] = None,
    run: RunDir = None,
    as_json: Json = False,
) -> None:
    """The lineage graph, or a neighbourhood, as names, tree, Mermaid, SVG, PNG, GraphML or JSON.

    Example: [bold]sightline graph --from web:ask#utterance --depth 4 --format tree[/]   or, of one request,
    [bold]sightline graph --key 0af7651916cd43dd8448eb211c80319c --format tree[/]
    """
    from sim.cli.answers import draw, neighbourhood, render

    content = lineage_of(run)
    if key is not None:
        from lineage.discover.trace import key_of, moved_under

        content = moved_under(content, run_folder(run) / "lineage.db", key_of(key))
    if form != "tree" or as_json:  # a tree looks both ways, and cuts by itself
        content = neighbourhood(content, source, depth, upstream=upstream)
    if form == "png" and not as_json:
        draw(content, output)
        return
    text = render(content, "json" if as_json else form, source, depth)
    if output is None:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        return
    try:
        output.write_text(text)
    except OSError as error:
        raise InputError("PAI033", f"cannot be written: {error.strerror}", where=str(output)) from error


def explain(
    code: Annotated[str, typer.Argument(help="A code: PAI301.")],
    as_json: Json = False,
) -> None:
    """What a code means, its cause, its remedy, and the scenario that shows it.

    Example: [bold]sightline explain PAI301[/]
    """
    from lineage.codes import CODES
    from sim.cli.because import example
    from sim.show import colleague

    name = code.upper()
    if name not in CODES:
        raise InputError("PAI001", f"there is no code {code!r}; they are {', '.join(CODES)}",
                         next="sightline explain PAI301")
    told = {"code": name, **CODES[name]._asdict(), "paste": example(name)}
    if as_json:
        print_json(told)
    else:
        colleague.print_code(told)


def evidence(
    zone: Annotated[str, typer.Argument(help="A zone: glasses-interactions.")],
    run: RunDir = None,
    as_json: Json = False,
) -> None:
    """Whether a policy zone held in a run: holds, broken or unknown, and why.

    Example: [bold]sightline evidence glasses-interactions[/]
    """
    from lineage.demonstrate.evidence import worst
    from sim.show import terminal

    content = lineage_of(run)
    found = [one for one in content["evidence"] if one["zone"] == zone]
    if not found:
        known = ", ".join(one["zone"] for one in content["evidence"]) or "none"
        raise InputError("PAI001", f"no zone {zone!r} in this run; there are: {known}")
    verdict = worst(found)
    if as_json:
        print_json({"zone": zone, "verdict": verdict, "requirements": found})
    else:
        console = terminal.console()
        console.print(f"{zone}: {verdict}")
        for one in found:
            console.print(f"  {one['requirement']}: {one['verdict']}")
            for reason in one["because"]:
                console.print(f"    {reason}")
    raise typer.Exit({"holds": 0, "broken": 1}.get(verdict, 3))
