"""Principals: which workloads and people there are, for what purposes each may act, whose runs it may start, and who
may say what a wearer consents to (``consents``) or change a requirement (``requires``).

Read from a deployed, reviewed file (``services/principals.yaml``).  It widens nothing: what it grants, every
requirement's rules restrict further.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from lineage.enforce.regions import within
from lineage.errors import InputError
from lineage.yaml_file import Config, tree_of

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_LISTS = ("purposes", "invokes", "regions")
_RIGHTS = ("consents", "requires")
_KEYS = ("owner", *_LISTS, *_RIGHTS)
ANY = "*"
Right = Literal["consents", "requires"]


@dataclass(frozen=True)
class Principal:
    """``invokes``: patterns of activities ("job:*")."""

    name: str
    owner: str
    purposes: frozenset[str] = frozenset()
    invokes: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    consents: bool = False
    requires: bool = False

    def acts(self, purpose: str) -> bool:
        """Without a purpose anybody may act: nothing is permitted for none."""
        return not purpose or ANY in self.purposes or purpose in self.purposes

    def starts(self, activity: str) -> bool:
        return any(fnmatchcase(activity, pattern) for pattern in self.invokes)

    def reaches(self, region: str) -> bool:
        """Where the data are (no region) anybody may act, and anywhere whom no regions are stated for."""
        return not region or not self.regions or within(region, tuple(self.regions))

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every (purpose, region) to get claims for."""
        for purpose in sorted({"", *self.purposes} - {ANY}):
            for region in sorted({"", *self.regions} - {ANY}):
                yield purpose, region


class Principals:
    """All of a deployment, by name."""

    def __init__(self, known: Mapping[str, Principal]) -> None:
        self.known = dict(known)

    def refusal(self, name: str, purpose: str, activity: str = "", region: str = "") -> str:
        """Why this principal may not act for the purpose, or there, or have the activity run; empty where it may."""
        one = self.known.get(name)
        if one is None:
            return f"{name or 'nobody'} is no principal of this deployment"
        if not one.acts(purpose):
            allowed = ", ".join(sorted(one.purposes)) or "no purpose"
            return f"{name} (owner {one.owner}) may act for {allowed}, not for {purpose}"
        if not one.reaches(region):
            return f"{name} (owner {one.owner}) may act in {', '.join(sorted(one.regions))}, not in {region}"
        if activity and not one.starts(activity):
            return f"{name} (owner {one.owner}) may not have {activity} run"
        return ""

    def unable(self, name: str, right: Right) -> str:
        """Why this principal may not give or withdraw consent, or change a requirement; empty where it may."""
        one = self.known.get(name)
        if one is None:
            return f"{name or 'nobody'} is no principal of this deployment"
        if not (one.consents if right == "consents" else one.requires):
            return f"{name} (owner {one.owner}) has not {right}: true"
        return ""


def load(path: Path) -> Principals:
    """Raises InputError: PAI012 for a missing file, PAI022 (with the line) for a malformed one."""
    try:
        data = tree_of(path, "PAI022")
    except OSError as problem:
        raise InputError("PAI012", "the deployment has no principals", where=str(path)) from problem
    if not isinstance(data, dict) or list(data) != ["principals"] or not isinstance(data["principals"], dict):
        raise InputError("PAI022", "expected one key, principals: name → {owner, purposes, invokes, …}",
                         where=f"{path}:1")
    listed = Config(data, "PAI022", str(path)).mapping("principals")
    return Principals({str(name): _principal(name, listed) for name in listed.data})


def _principal(name: Any, listed: Config) -> Principal:
    data = listed.data[name]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise listed.error("a principal's name is of small letters, digits, - and _", name)
    if not isinstance(data, dict) or not isinstance(data.get("owner"), str) or not data["owner"]:
        raise listed.error(f"{name} is a mapping that has an owner", name)
    one = listed.mapping(name)
    one.only(_KEYS)
    for key in data:
        if key in _RIGHTS and not isinstance(data[key], bool):
            raise one.error(f"{key} is true or false", key)
        if key in _LISTS and not _texts(data[key]):
            raise one.error(f"{key} is a list of texts, at least one", key)
    lists = {key: frozenset(map(str, data[key])) for key in _LISTS if key in data}
    return Principal(name, str(data["owner"]), **lists, consents=bool(data.get("consents")),
                     requires=bool(data.get("requires")))


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) and one for one in value)
