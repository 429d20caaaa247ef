"""Options that several commands share, and what they mean."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lineage.errors import InputError
from sim.scenario.folder import latest

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
RunDir = Annotated[Path | None, typer.Option("--run", help="A run folder; the latest run when left out.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Overrides the scenario's seed.")]


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n")


def run_folder(given: Path | None) -> Path:
    """Raises InputError (PAI032) when it is not the folder of a finished run."""
    folder = given if given is not None else latest()
    if not (folder / "lineage.json").is_file():
        raise InputError("PAI032", "this is not the folder of a finished run", where=str(folder),
                         next="sightline run scenarios/01_ask_a_landmark.yaml")
    return folder


def lineage_of(given: Path | None) -> dict[str, Any]:
    """The content of a run's lineage.json."""
    content: dict[str, Any] = json.loads((run_folder(given) / "lineage.json").read_text())
    return content


def seeds(text: str) -> list[int]:
    """"1-20", "7" or "1,5,9".  Raises InputError (PAI010)."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
            raise InputError("PAI010", f"--seeds is {text!r}; it is like 1-20, 7 or 1,5,9")
        found.extend(range(int(first), int(last or first) + 1))
    return found
