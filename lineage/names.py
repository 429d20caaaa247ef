"""The grammar of asset names: ``kind:name[#dotted.path][@version]``.

>>> name = parse("warehouse:core.sessions#utterance")
>>> name.kind, name.name, name.field
('warehouse', 'core.sessions', 'utterance')
>>> str(name.asset)
'warehouse:core.sessions'
>>> parse("checkpoint:assistant@3").uri
'asset://checkpoint/assistant?version=3'
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from lineage.errors import InputError

# Order is the order of stacks along the flow; pictures are laid out by it.
KINDS = ("device", "app", "web", "rpc", "logger", "warehouse", "file", "feature", "query", "job",
         "training", "checkpoint", "inference", "response")
# An activity uses data, with a principal and a purpose.
ACTIVITY_KINDS = frozenset({"job", "training", "query"})

_NAME = re.compile(
    r"(?P<kind>[a-z]+):(?P<name>[A-Za-z0-9_][A-Za-z0-9_./-]*)"
    r"(?:#(?P<field>[A-Za-z0-9_][A-Za-z0-9_.*-]*))?(?:@(?P<version>[A-Za-z0-9][A-Za-z0-9_.-]*))?"
)


class AssetName(NamedTuple):
    """A parsed name; ``field`` and ``version`` are empty where the name has none."""

    kind: str
    name: str
    field: str = ""
    version: str = ""

    def __str__(self) -> str:
        field = f"#{self.field}" if self.field else ""
        version = f"@{self.version}" if self.version else ""
        return f"{self.kind}:{self.name}{field}{version}"

    @property
    def asset(self) -> AssetName:
        """The name without its field: the level of whole tables, messages, checkpoints."""
        return self._replace(field="")

    @property
    def is_activity(self) -> bool:
        return self.kind in ACTIVITY_KINDS

    @property
    def uri(self) -> str:
        field = f"#{quote(self.field)}" if self.field else ""
        version = f"?version={quote(self.version)}" if self.version else ""
        return f"asset://{self.kind}/{quote(self.name)}{version}{field}"


@lru_cache(maxsize=65_536)
def parse(text: str) -> AssetName:
    """Raises InputError (PAI001) for a text outside the grammar or a kind outside the list."""
    match = _NAME.fullmatch(text)
    if match is None:
        raise InputError("PAI001", f"{text!r} is not an asset name: kind:name[#field][@version]",
                         next="sightline graph --format names")
    kind = match["kind"]
    if kind not in KINDS:
        close = get_close_matches(kind, KINDS, 1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; kinds are {', '.join(KINDS)}"
        raise InputError("PAI001", f"{text!r} has the unknown kind {kind!r}{hint}",
                         next="sightline graph --format names")
    return AssetName(kind, match["name"], match["field"] or "", match["version"] or "")


@lru_cache(maxsize=65_536)
def join(asset: str, field: str) -> str:
    """The field-level name: ``join("web:ask", "photo") == "web:ask#photo"``, version kept last."""
    if not field:
        return asset
    base, at, version = asset.partition("@")
    return f"{base}#{field}{at}{version}"


@lru_cache(maxsize=65_536)
def asset_of(name: str) -> str:
    """Drops ``#field``: ``asset_of("web:ask#photo") == "web:ask"``."""
    base, hash_, rest = name.partition("#")
    if not hash_:
        return name
    _, at, version = rest.partition("@")
    return f"{base}{at}{version}"


def field_of(name: str) -> str:
    """The field alone: ``field_of("web:ask#photo") == "photo"``, empty at asset level."""
    return name.partition("#")[2].partition("@")[0]


def kind_of(name: str) -> str:
    return name.partition(":")[0]


@lru_cache(maxsize=65_536)
def sides(asset: str) -> tuple[str, str]:
    """The request and the response asset of a call: over RPC, or over HTTP to ``web:…``.

    >>> sides("rpc:inference.Generate"), sides("web:ask")
    (('rpc:inference.Generate.request', 'rpc:inference.Generate.response'), ('web:ask', 'response:ask'))
    """
    if asset.startswith("web:"):
        return asset, f"response:{asset.removeprefix('web:')}"
    return f"{asset}.request", f"{asset}.response"
