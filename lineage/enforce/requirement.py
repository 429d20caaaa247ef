"""A requirement: an owner's rules over annotations, independent of every other requirement.

What its rules permit together is ``permit``'s to say; what ``reclassify`` lets through is ``review``'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from lineage.enforce.permit import applying
from lineage.enforce.regions import ANY, COUNTRIES, GROUPS, KNOWN, USUAL
from lineage.enforce.reviewed.reclassification import Reclassification, entries
from lineage.errors import InputError
from lineage.yaml_file import Config, meant, tree, tree_of

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_PURPOSE = re.compile(r"[a-z][a-z0-9_.-]*|\*")
_ANNOTATION = re.compile(r"[A-Z][A-Z0-9_]*")
_NEEDED = ("requirement", "version", "owner", "zone", "governs", "permit")
_KEYS = (*_NEEDED[:4], "mode", *_NEEDED[4:], "reclassify")
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

    @property
    def permitted(self) -> dict[str, list[str]]:
        """Origin ("*": all data) → purposes, as its file lists them."""
        everywhere = {} if ANY in self.purposes and self.purposes_by_origin else {ANY: self.purposes}
        return {origin: sorted(purposes) for origin, purposes in {**everywhere, **self.purposes_by_origin}.items()}

    def permits(self, purpose: str) -> bool:
        """For the data of some origin at least."""
        return any(applying(self, origin).allows(purpose, "", True) for origin in COUNTRIES)


def load(path: Path) -> Requirement:
    """Raises InputError: PAI012 for a missing file, PAI022 (with the line) for a malformed one."""
    try:
        data = tree_of(path, "PAI022")
    except OSError as error:
        known = ", ".join(sorted(other.stem for other in path.parent.glob("*.yaml")))
        raise InputError("PAI012", f"no requirement {path.stem!r}; there are {known or 'none'}",
                         where=str(path)) from error
    return _requirement(data, path)


def parse(text: str, path: Path) -> Requirement:
    """The same for the text of a file; ``path`` is what an error names."""
    return _requirement(tree(text, "PAI022", str(path)), path)


def _requirement(data: Any, path: Path) -> Requirement:
    if not isinstance(data, dict):
        raise InputError("PAI022", f"expected a mapping with {', '.join(_NEEDED)}", where=str(path))
    config = Config(data, "PAI022", str(path))
    config.only(_KEYS, _NEEDED)
    if not isinstance(data["permit"], dict):
        raise config.error(f"permit is a mapping with {', '.join(_PERMIT)}", "permit")
    permit = Config(data["permit"], "PAI022", str(path))
    permit.only(_PERMIT, ("purposes",))
    mode = data.get("mode", "logging")
    if mode not in _MODES:
        raise config.error(f"mode is {mode!r}; it is logging or enforcement{meant(mode, _MODES)}", "mode")
    version = data["version"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise config.error("version is a whole number, from 1", "version")
    for name in ("requirement", "owner", "zone"):
        if not isinstance(data[name], str) or not data[name]:
            raise config.error(f"{name} is a text", name)
    if not _NAME.fullmatch(str(data["requirement"])):
        raise config.error("a requirement's name is of small letters, digits and dashes", "requirement")
    purposes = _by_origin(permit, "purposes", _purpose)
    consent = _by_origin(permit, "consent", _purpose)
    return Requirement(
        name=str(data["requirement"]), version=int(version), owner=str(data["owner"]), zone=str(data["zone"]),
        mode=mode, governs=frozenset(_texts(config, "governs", _annotation)),
        # Without a rule for everywhere nothing is said of what no regional rule covers.
        purposes=frozenset(purposes.pop(ANY, (ANY,))),
        purposes_by_origin={key: frozenset(values) for key, values in purposes.items()},
        consent=consent.pop(ANY, ()), consent_by_origin=consent,
        regions=_by_origin(permit, "regions", _region, mapping=True),
        reclassify=entries(config, frozenset(data["governs"])))


def _by_origin(permit: Config, name: str, wrong: Callable[[str], str], *,
               mapping: bool = False) -> dict[str, tuple[str, ...]]:
    """Origin → values; a list is what holds everywhere.  ``mapping``: a list is none."""
    value = permit.data.get(name)
    if value is None or value == []:
        if name == "purposes":
            raise permit.error("purposes is a list of texts, at least one, or a mapping origin → list", name)
        return {}
    if isinstance(value, list) and not mapping:
        return {ANY: _texts(permit, name, wrong)}
    if not isinstance(value, dict) or not value:
        raise permit.error(f"{name} is a mapping origin → list, as {{EU: [EU], \"*\": [\"*\"]}}"
                           if mapping else f"{name} is a list of texts, or a mapping origin → list", name)
    origins = permit.mapping(name)
    for key in value:
        if problem := _region(key):
            raise origins.error(f"{name}: {problem}", key)
    return {str(key): _texts(origins, key, wrong, f"{name}.{key}", empty=name == "consent") for key in value}


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


def _texts(config: Config, name: str, wrong: Callable[[str], str], said: str = "", *,
           empty: bool = False) -> tuple[str, ...]:
    value = config.data[name]
    if not isinstance(value, list) or not (value or empty) or not all(isinstance(item, str) for item in value):
        boolean = "; for Norway write \"NO\" in quotes" if isinstance(value, list) and False in value else ""
        raise config.error(f"{said or name} is a list of texts, at least one{boolean}", name)
    for item in value:
        if problem := wrong(item):
            raise config.error(f"{said or name}: {problem}", name)
    return tuple(map(str, value))
