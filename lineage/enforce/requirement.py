"""A requirement: an owner's rules over annotations, independent of every other requirement.

Purposes are judged.  ``regions``, ``consent`` and ``reclassify`` are read and kept, and not yet
judged: nothing here claims that they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from lineage.errors import InputError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_KEYS = ("requirement", "version", "owner", "zone", "mode", "governs", "permit", "reclassify")
_PERMIT = ("purposes", "regions", "consent")


@dataclass(frozen=True)
class Requirement:
    """``id`` is "glasses-interaction-purpose@3": what decisions name."""

    name: str
    version: int
    owner: str
    zone: str
    mode: Literal["logging", "enforcement"]
    governs: frozenset[str]
    purposes: frozenset[str]
    regions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    consent: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.name}@{self.version}"


def load(path: Path) -> Requirement:
    """Raises InputError: PAI012 for a missing file, PAI022 (with the line) for a malformed one."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        known = ", ".join(sorted(other.stem for other in path.parent.glob("*.yaml")))
        raise InputError("PAI012", f"no requirement {path.stem!r}; there are {known or 'none'}",
                         where=str(path)) from error
    except UnicodeDecodeError as error:
        raise InputError("PAI022", f"not YAML: {' '.join(str(error).split())}", where=str(path)) from error
    return parse(text, path)


def parse(text: str, path: Path) -> Requirement:
    """The same for the text of a file; ``path`` is what an error names."""
    try:
        data = YAML(typ="rt").load(text)
    except YAMLError as error:
        raise InputError("PAI022", f"not YAML: {' '.join(str(error).split())}", where=str(path)) from error
    return _requirement(data, path)


def _requirement(data: Any, path: Path) -> Requirement:
    _check(data, _KEYS, ("requirement", "version", "owner", "zone", "governs", "permit"), path)
    _check(data["permit"], _PERMIT, ("purposes",), path)
    mode = data.get("mode", "logging")
    if mode not in ("logging", "enforcement"):
        raise _error(path, data, "mode", f"mode is {mode!r}; it is logging or enforcement")
    if not isinstance(data["version"], int) or isinstance(data["version"], bool):
        raise _error(path, data, "version", "version is a whole number")
    for name in ("requirement", "owner", "zone"):
        if not isinstance(data[name], str) or not data[name]:
            raise _error(path, data, name, f"{name} is a text")
    if not _NAME.fullmatch(str(data["requirement"])):
        raise _error(path, data, "requirement", "a requirement's name is of small letters, digits and dashes")
    return Requirement(
        name=str(data["requirement"]), version=int(data["version"]), owner=str(data["owner"]), zone=str(data["zone"]),
        mode=mode, governs=_texts(data, "governs", path), purposes=_texts(data["permit"], "purposes", path),
        regions={str(key): tuple(map(str, value)) for key, value in (data["permit"].get("regions") or {}).items()},
        consent=tuple(map(str, data["permit"].get("consent") or ())))


def _check(data: Any, keys: tuple[str, ...], needed: tuple[str, ...], path: Path) -> None:
    if not isinstance(data, dict):
        raise InputError("PAI022", f"expected a mapping with {', '.join(needed)}", where=str(path))
    for key in data:
        if key not in keys:
            close = get_close_matches(str(key), keys, 1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; keys are {', '.join(keys)}"
            raise _error(path, data, key, f"unknown key {key!r}{hint}")
    for key in needed:
        if key not in data:
            raise _error(path, data, None, f"the key {key!r} is missing")


def _texts(data: Any, name: str, path: Path) -> frozenset[str]:
    value = data[name]
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise _error(path, data, name, f"{name} is a list of texts, at least one")
    return frozenset(map(str, value))


def _error(path: Path, data: Any, key: Any, what: str) -> InputError:
    place = data.lc.key(key) if key is not None and hasattr(data, "lc") else (getattr(data, "lc", None) and
                                                                            (data.lc.line, 0)) or (0, 0)
    return InputError("PAI022", what, where=f"{path}:{place[0] + 1}")
