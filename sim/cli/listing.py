"""``sightline list``: the scenarios by stage, or what a scenario file may say."""

from __future__ import annotations

import json
from typing import Any

from sim.scenario import loader
from sim.scenario.folder import runs
from sim.scenario.schema import STAGES
from sim.show import terminal


def scenarios() -> list[dict[str, Any]]:
    from sim.scenario.registry import Registries
    from sim.scenario.vocabulary import EXPECTATIONS, FAULTS, STEPS

    found = []
    for path in loader.files(loader.SCENARIOS):
        for scenario in loader.load(path, Registries(STEPS, FAULTS, EXPECTATIONS)):
            found.append({"stage": scenario.stage, "scenario": scenario.name, "about": scenario.about,
                          "file": f"scenarios/{path.name}", "last": _last(scenario.name)})
    return sorted(found, key=lambda row: (STAGES.index(row["stage"]), row["file"], row["scenario"]))


def _last(name: str) -> str:
    """The verdict of the newest finished run, or an empty text."""
    verdicts = sorted((runs() / name).glob("*-seed*/verdict.json"),
                      key=lambda path: int(path.parent.name.partition("-")[0]))
    for path in reversed(verdicts):
        if not path.parent.name.endswith((".partial", ".aborted")):
            try:
                return str(json.loads(path.read_text(encoding="utf-8"))["verdict"])
            except (OSError, ValueError, KeyError, TypeError):
                return "unknown"
    return ""


def registered() -> list[dict[str, Any]]:
    from sim.scenario.vocabulary import EXPECTATIONS, FAULTS, STEPS

    return [{"sort": registry.sort, "name": doc.name, "keys": ", ".join(doc.keys), "about": doc.doc}
            for registry in (STEPS, FAULTS, EXPECTATIONS) for doc in registry.docs()]


def show(rows: list[dict[str, Any]]) -> None:
    if rows:
        terminal.table(tuple(rows[0]), [tuple(row.values()) for row in rows])
