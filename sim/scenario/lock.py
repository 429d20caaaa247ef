"""Writes ``scenario.lock.yaml``: the scenario of a run, with every default written out.

Serves all four stages.  The loader reads it back to an equal Scenario.  Files that steps name stay
as the story gave them: a scenario with files of its own is repeated from the story's folder.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from lineage.errors import RunError
from sim.scenario.schema import Scenario
from sim.scenario.source import resolve
from sim.scenario.words import place


def _dumpable(value: Any) -> Any:
    """Quotes each text that would be read back as something else."""
    if isinstance(value, dict):
        return {_dumpable(key): _dumpable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_dumpable(item) for item in value]
    return DoubleQuotedScalarString(value) if isinstance(value, str) and not _is_plain(value) else value


def _is_plain(text: str) -> bool:
    try:
        return isinstance(resolve(text), str) and text.isprintable()
    except ValueError:
        return False


def lock_text(scenario: Scenario) -> str:
    """The lock file's text; the same for equal scenarios from the same file."""
    yaml = YAML(typ="rt")
    yaml.width = 1_000_000  # never fold: folding is where texts change
    yaml.representer.ignore_aliases = lambda data: True
    out = StringIO()
    yaml.dump(_dumpable(scenario.to_dict()), out)
    source = f" from {place(scenario.path)}" if scenario.path else ""
    return f"# The scenario as it was run, defaults included{source}.\n{out.getvalue()}"


def write_lock(scenario: Scenario, path: Path) -> None:
    """Writes the file whole or not at all.  Raises RunError (PAI033)."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(lock_text(scenario), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise RunError("PAI033", f"cannot be written: {error.strerror}", where=place(path)) from None
