"""A requirement: an owner's rules over annotations, independent of every other requirement.

What its rules permit together is ``permit``'s to say; what ``reclassify`` lets through is ``review``'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from lineage.enforce.permit import applying
from lineage.enforce.regions import ANY, COUNTRIES, GROUPS, KNOWN, USUAL
from lineage.enforce.reviewed.reclassification import Reclassification, entries
from lineage.errors import InputError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_PURPOSE = re.compile(r"[a-z][a-z0-9_.-]*|\*")
_ANNOTATION = re.compile(r"[A-Z][A-Z0-9_]*")
_KEYS = ("requirement", "version", "owner", "zone", "mode", "governs", "permit", "reclassify")
_PERMIT = ("purposes", "regions", "consent")
_MODES = ("logging", "enforcement")


@dataclass(frozen=True)
class Requirement:
    """``id`` is "glasses-interaction-purpose@3": what decisions name.

    ``purposes`` and ``consent`` hold everywhere ("*": every purpose); ``…_by_origin`` are regional rules besides, for
    the data of a country or a group.  ``regions``: origin, or "*", → where its data may be used.
    """

    name: str
    version: int
    owner: str
    zone: str
    mode: Literal["logging", "enforcement"]
    governs: frozenset[str]
    purposes: frozenset[str]
    regions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    consent: tuple[str, ...] = ()
    purposes_by_origin: Mapping[str, frozenset[str]] = field(default_factory=dict)
    consent_by_origin: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reclassify: tuple[Reclassification, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.name}@{self.version}"

    def permits(self, purpose: str) -> bool:
        """For the data of some origin at least."""
        return any(applying(self, origin).allows(purpose, "", True) for origin in COUNTRIES)


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
    except (YAMLError, ValueError, TypeError, LookupError, RecursionError) as error:  # a day that is none
        mark = getattr(error, "problem_mark", None)
        raise InputError("PAI022", f"not YAML: {' '.join(str(error).split())}",
                         where=f"{path}:{mark.line + 1}" if mark is not None else str(path)) from error
    return _requirement(data, path)


def _requirement(data: Any, path: Path) -> Requirement:
    _check(data, _KEYS, ("requirement", "version", "owner", "zone", "governs", "permit"), path)
    permit = data["permit"]
    if not isinstance(permit, dict):
        raise _error(path, data, "permit", f"permit is a mapping with {', '.join(_PERMIT)}")
    _check(permit, _PERMIT, ("purposes",), path)
    mode = data.get("mode", "logging")
    if mode not in _MODES:
        raise _error(path, data, "mode", f"mode is {mode!r}; it is logging or enforcement{_meant(mode, _MODES)}")
    version = data["version"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _error(path, data, "version", "version is a whole number, from 1")
    for name in ("requirement", "owner", "zone"):
        if not isinstance(data[name], str) or not data[name]:
            raise _error(path, data, name, f"{name} is a text")
    if not _NAME.fullmatch(str(data["requirement"])):
        raise _error(path, data, "requirement", "a requirement's name is of small letters, digits and dashes")
    purposes = _by_origin(permit, "purposes", path, _purpose)
    consent = _by_origin(permit, "consent", path, _purpose)
    return Requirement(
        name=str(data["requirement"]), version=int(version), owner=str(data["owner"]), zone=str(data["zone"]),
        mode=mode, governs=frozenset(_texts(data, "governs", path, _annotation)),
        # Without a rule for everywhere nothing is said of what no regional rule covers.
        purposes=frozenset(purposes.pop(ANY, (ANY,))),
        purposes_by_origin={key: frozenset(values) for key, values in purposes.items()},
        consent=consent.pop(ANY, ()), consent_by_origin=consent,
        regions=_by_origin(permit, "regions", path, _region, mapping=True),
        reclassify=entries(data, frozenset(data["governs"]), lambda given, key, what: _error(path, given, key, what)))


def _by_origin(permit: Any, name: str, path: Path, wrong: Callable[[str], str], *,
               mapping: bool = False) -> dict[str, tuple[str, ...]]:
    """Origin → values; a list is what holds everywhere.  ``mapping``: a list is none."""
    value = permit.get(name)
    if value is None or value == []:
        if name == "purposes":
            raise _error(path, permit, name, "purposes is a list of texts, at least one, or a mapping origin → list")
        return {}
    if isinstance(value, list) and not mapping:
        return {ANY: _texts(permit, name, path, wrong)}
    if not isinstance(value, dict) or not value:
        raise _error(path, permit, name, f"{name} is a mapping origin → list, as {{EU: [EU], \"*\": [\"*\"]}}"
                     if mapping else f"{name} is a list of texts, or a mapping origin → list")
    for key in value:
        if problem := _region(key):
            raise _error(path, value, key, f"{name}: {problem}")
    return {str(key): _texts(value, key, path, wrong, f"{name}.{key}", empty=name == "consent") for key in value}


def _region(name: object) -> str:
    """What is wrong with the name of a country or group."""
    if name is False:
        return 'false is no region; for Norway write "NO" in quotes'
    if name == ANY or name in KNOWN:
        return ""
    text = str(name)
    usual = USUAL.get(text.upper()) or next(iter(get_close_matches(text.upper(), [*KNOWN] if len(text) == 2 else GROUPS,
                                                                   1, 0.75)), "")
    hint = f"did you mean {usual!r}?" if usual else 'it is "*", EU, EEA, or a country as SE (ISO 3166, two capitals)'
    return f"{text!r} is no region that is known; {hint}"


def _purpose(name: str) -> str:
    return "" if _PURPOSE.fullmatch(name) else f"{name!r} is no purpose: small letters, digits and _, or \"*\""


def _annotation(name: str) -> str:
    if _ANNOTATION.fullmatch(name):
        return ""
    fixed = re.sub(r"\W+", "_", name).upper()
    return f"{name!r} is no annotation{f'; did you mean {fixed!r}?' if _ANNOTATION.fullmatch(fixed) else ''}"


def _check(data: Any, keys: tuple[str, ...], needed: tuple[str, ...], path: Path) -> None:
    if not isinstance(data, dict):
        raise InputError("PAI022", f"expected a mapping with {', '.join(needed)}", where=str(path))
    for key in data:
        if key not in keys:
            hint = _meant(key, keys) or f"; keys are {', '.join(keys)}"
            raise _error(path, data, key, f"unknown key {key!r}{hint}")
    for key in needed:
        if key not in data:
            raise _error(path, data, None, f"the key {key!r} is missing")


def _meant(given: object, known: Iterable[str]) -> str:
    close = get_close_matches(str(given), list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _texts(data: Any, name: str, path: Path, wrong: Callable[[str], str], said: str = "", *,
           empty: bool = False) -> tuple[str, ...]:
    value = data[name]
    if not isinstance(value, list) or not (value or empty) or not all(isinstance(item, str) for item in value):
        boolean = "; for Norway write \"NO\" in quotes" if isinstance(value, list) and False in value else ""
        raise _error(path, data, name, f"{said or name} is a list of texts, at least one{boolean}")
    for item in value:
        if problem := wrong(item):
            raise _error(path, data, name, f"{said or name}: {problem}")
    return tuple(map(str, value))


def _error(path: Path, data: Any, key: Any, what: str) -> InputError:
    place = data.lc.key(key) if key is not None and hasattr(data, "lc") else (getattr(data, "lc", None) and
                                                                            (data.lc.line, 0)) or (0, 0)
    return InputError("PAI022", what, where=f"{path}:{place[0] + 1}")
