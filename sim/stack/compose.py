"""Reads the processes from ``docker-compose.yml``, the one list of them.

Of the compose format only what the processes topology needs: ``command``, ``environment`` and
``depends_on``, in each of their forms.  Variables (``$NAME``) are refused, not guessed at.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NoReturn

from lineage.errors import InputError, RunError
from lineage.yaml_file import located, tree_of

COMPOSE = Path(__file__).resolve().parents[2] / "docker-compose.yml"


@dataclass(frozen=True)
class ProcessSpec:
    """One process: what to run, its environment, and the names of those that must listen before it."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    depends_on: tuple[str, ...] = ()


def processes(path: Path = COMPOSE) -> list[ProcessSpec]:
    """Every process of the compose file, each after those that it depends on.

    Raises InputError (PAI012: no such file; PAI022: malformed, with file:line) and
    RunError (PAI031) when the processes wait for each other in a circle.
    """
    services = _services(path)
    specs: dict[str, ProcessSpec] = {}
    for name, body in services.items():
        place = located(path, services, name)
        if not isinstance(body, Mapping):
            _refuse(place, f"the service {name!r} is not a mapping")
        specs[name] = ProcessSpec(
            name,
            _command(body.get("command"), name, place),
            _environment(body.get("environment"), name, place),
            _depends_on(body.get("depends_on"), name, place, services),
        )
    return _in_order(specs, path)


def _services(path: Path) -> Any:
    try:
        document = tree_of(path, "PAI022")
    except OSError as error:
        raise InputError("PAI012", f"cannot read the compose file: {error.strerror}", where=str(path)) from error
    services = document.get("services") if isinstance(document, Mapping) else None
    if not isinstance(services, Mapping) or not services:
        _refuse(str(path), "the compose file lists no services")
    return services


def _command(value: Any, name: str, place: str) -> tuple[str, ...]:
    words = shlex.split(value) if isinstance(value, str) else value
    if not isinstance(words, list) or not words:
        _refuse(place, f"the service {name!r} has no command")
    return tuple(_literal(word, f"a word of the command of {name!r}", place) for word in words)


def _environment(value: Any, name: str, place: str) -> dict[str, str]:
    """A mapping, or a list of ``KEY=value``."""
    if value is None:
        return {}
    if isinstance(value, list):
        pairs = [str(entry).partition("=") for entry in value]
        if any(not equals for _, equals, _ in pairs):
            _refuse(place, f"an environment entry of {name!r} has no value: give KEY=value")
        value = {key: text for key, _, text in pairs}
    if not isinstance(value, Mapping):
        _refuse(place, f"the environment of {name!r} is neither a mapping nor a list")
    return {str(key): _literal(text, f"{key} of {name!r}", place) for key, text in value.items()}


def _depends_on(value: Any, name: str, place: str, known: Mapping[str, Any]) -> tuple[str, ...]:
    """A list of names, or a mapping of name to condition (every condition means: listening)."""
    if value is not None and not isinstance(value, (list, Mapping)):
        _refuse(place, f"depends_on of {name!r} is neither a list nor a mapping")
    names = tuple(str(other) for other in value or ())
    for other in names:
        if other not in known:
            _refuse(place, f"{name!r} depends on {other!r}, which the file does not list")
    return names


def _literal(value: Any, what: str, place: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        _refuse(place, f"{what} is {value!r}: give a text in quotes")
    text = str(value)
    if "$" in text:
        _refuse(place, f"{what} holds a variable, {text!r}: the launcher takes literal values only")
    return text


def _in_order(specs: dict[str, ProcessSpec], path: Path) -> list[ProcessSpec]:
    try:
        order = TopologicalSorter({name: spec.depends_on for name, spec in specs.items()}).static_order()
        return [specs[name] for name in order]
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise RunError("PAI031", f"no process can start first: {circle}", where=str(path),
                       next=f"remove one depends_on of that circle from {path.name}") from error


def _refuse(place: str, what: str) -> NoReturn:
    raise InputError("PAI022", what, where=place)
