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
_MOST_SEEDS = 10_000
_DIGITS = 19
_PARTS = frozenset({"assets", "edges", "decisions", "findings", "zones", "evidence"})
Seed = Annotated[int | None, typer.Option("--seed", min=0, max=2**63 - 1, help="Overrides the scenario's seed.")]


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
    """The content of a run's lineage.json.  Raises InputError (PAI032) when it is not one of this version."""
    path = run_folder(given) / "lineage.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("PAI032", f"the run's lineage cannot be read: {error}", where=str(path),
                         next="sightline demo") from error
    if not isinstance(content, dict) or content.get("format") != 1 or not content.keys() >= _PARTS:
        raise InputError("PAI032", "this is not the lineage of a run of this version", where=str(path),
                         next="sightline demo")
    return content


def seeds(text: str) -> list[int]:
    """"1-20", "7" or "1,5,9".  Raises InputError (PAI010)."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if not (first.isdecimal() and last.isdecimal() and max(len(first), len(last)) < _DIGITS):
            raise _seeds_error(text, "it is like 1-20, 7 or 1,5,9, each below 10^18")
        if not 0 <= int(last) - int(first) < _MOST_SEEDS:
            raise _seeds_error(text, f"a range goes up, and has at most {_MOST_SEEDS} seeds")
        found.extend(range(int(first), int(last) + 1))
    return found


def _seeds_error(text: str, why: str) -> InputError:
    return InputError("PAI010", f"--seeds is {text[:40]!r}; {why}", where="--seeds",
                      next="sightline run scenarios --seeds 1-5")
