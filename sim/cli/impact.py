"""``sightline impact``: which checkpoints, answers, tables and files hold data of one wearer.

The lineage knows pseudonyms; the run's secret and the list of its wearers, which the operator has, give them names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lineage.codes import CODES
from lineage.errors import InputError
from sim.cli.options import Json, RunDir, lineage_of, print_json, run_folder

_FIRST = ("holds", "may hold", "unknown")
_WHY = {"holds": "rows of hers are there", "may hold": "made of what holds, and no key tells which rows",
        "unknown": ""}


def add(app: typer.Typer) -> None:
    app.command()(impact)


def impact(
    wearer: Annotated[str, typer.Argument(help="Whose data: w-0001.")],
    run: RunDir = None,
    as_json: Json = False,
) -> None:
    """Which checkpoints and answers hold data of a wearer: holds, may hold, or unknown where a gap is on the way.

    Example: [bold]sightline impact w-0001[/]
    """
    told = asked(wearer, run)
    if as_json:
        print_json(told)
    else:
        show(told)
    unknown = not told["keys"] or any(item["confidence"] == "unknown" for item in told["items"])
    raise typer.Exit(3 if unknown else 0)


def asked(wearer: str, run: Path | None) -> dict[str, Any]:
    """What ``lineage.discover.impact.told`` says, with the wearer's name.

    Raises InputError: PAI001 for a name that no wearer can have, PAI032 for a run that cannot be read."""
    from lineage.discover import declare
    from lineage.discover.impact import Impacts, told
    from lineage.discover.store import recorded
    from lineage.pseudonyms import Pseudonyms, secret_of
    from sim.stack.deployment import at

    if not wearer.strip() or not wearer.isprintable():
        raise InputError("PAI001", f"{wearer[:40]!r} is the name of no wearer", where="WEARER",
                         next="sightline impact w-0001")
    lineage, folder = lineage_of(run), run_folder(run)
    names = Pseudonyms(secret_of(str(lineage["seed"])))
    impacts = Impacts(lineage, recorded(folder / "lineage.db"),
                      declare.declared(at(folder / "data/deploy").configs).schema)
    known = {names.of(one): one for one in {wearer, *_wearers(folder)}}
    return {"wearer": wearer, **told(impacts.of(names.of(wearer)), known)}


def _wearers(folder: Path) -> list[str]:
    """Of the run's world, as its lock file says; nobody where it cannot be read."""
    from sim.scenario import loader, runner
    from sim.world.wearers import make_wearers

    try:
        (scenario,) = loader.load(folder / "scenario.lock.yaml", runner.REGISTRIES)
    except (InputError, ValueError):
        return []
    world = scenario.world
    return [one.id for one in make_wearers(scenario.seed, world.wearers, world.regions)]


def show(told: dict[str, Any]) -> None:
    from sim.show.terminal import console, line, table

    out = console()
    if not told["keys"]:
        line(out, ("unknown", "bold yellow"), f": the lineage of this run knows no row of {told['wearer']} (PAI416)")
        line(out, ("  next: ", "dim"), CODES["PAI416"].remedy)
        return
    items = sorted(told["items"], key=lambda item: _FIRST.index(item["confidence"]))
    checkpoints = [item for item in items if item["kind"] == "checkpoint"]
    holding = [item for item in checkpoints if item["confidence"] != "unknown"]
    line(out, (f"{told['keys']} requests of {told['wearer']} were logged; her data is in {len(holding)} checkpoint"
               f"{'' if len(holding) == 1 else 's'}.", "bold"))
    for item in checkpoints:
        line(out, f"{item['confidence']}  ", (item["asset"], "bold"), f"  {item['rows']} of her rows"
             if item["rows"] else "")
        line(out, ("  path:    ", "dim"), " → ".join(item["path"]) if item["path"] else "; ".join(item["because"]))
        for one in told["answers"]:
            if one["checkpoint"] == item["asset"]:
                line(out, ("  answers: ", "dim"), f"{one['count']} in {one['response']}, to {_who(one['to'])}")
    others = [item for item in items if item["kind"] not in ("checkpoint", *_passing())]
    table(("confidence", "where", "rows", "because"),
          [(item["confidence"], item["asset"], item["rows"] or "",
            "; ".join(item["because"]) or _WHY[item["confidence"]]) for item in others])
    for one in told["others"]:
        line(out, f"{one['count']} answers to others were made of what is hers: {one['response']}, to "
             f"{_who(one['to'])}")
    if holding:
        line(out, ("  next: ", "dim"), "where she took her consent back, train again: her rows are withheld from then "
             "on; then ask this again, and ask the new checkpoint what only she had taught")


def _passing() -> frozenset[str]:
    """Nothing is kept there."""
    from lineage.discover.spread import PASSING

    return PASSING | {"inference"}


def _who(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} ({count})" if count > 1 else name for name, count in counts.items())
