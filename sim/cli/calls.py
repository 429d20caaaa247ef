"""calls: what models were asked and what they answered, by checkpoint, inputs, what was retrieved, and what used it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.options import Json, RunDir, print_json, run_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage.discover.calls import Call


def add(app: typer.Typer) -> None:
    app.command()(calls)


def calls(
    key: Annotated[str, typer.Option(help="Only the calls of this request: a trace id, or a traceparent.")] = "",
    run: RunDir = None,
    as_json: Json = False,
) -> None:
    """Who answered which calls of models, made of what, and what used the responses.

    Calls that are alike are counted together.

    Example: [bold]sightline calls[/]
    """
    from lineage.discover import calls as discovered
    from lineage.discover.trace import edges_of, key_of

    database = run_folder(run) / "lineage.db"
    wanted = key_of(key) if key else ""
    if wanted:
        edges_of(database, wanted)  # refuses what is no trace id of this run
    found = discovered.calls(database, wanted)
    if as_json:
        print_json({"calls": [{**one.to_dict(), "count": count} for one, count in sorted(found.items())]})
    else:
        show(found)


def show(found: Mapping[Call, int]) -> None:
    """To stdout: each call with what it was made of and what used it."""
    from sim.show.terminal import console, line

    out = console()
    if not found:
        line(out, "no model was called")
    for one, count in sorted(found.items()):
        line(out, f"{count:>5} × {one.rpc.removeprefix('rpc:inference.')}: {one.requested} was asked, {one.answered} "
                  f"answered ({one.digest[:12]}{', ' + one.finish if one.finish else ''})")
        for title, names in (("inputs", one.inputs), ("weights", one.weights), ("retrieved", one.retrieved),
                             ("response", one.response), ("used in", one.used_in)):
            if names:
                line(out, f"        {title:<11}{', '.join(names)}")
