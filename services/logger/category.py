"""[B] A log category, one version of it: which fields an event has, what each is, and the column it ends up in.

A field without a label is accepted here and is a *gap*: whether its values flow is for :mod:`services.logger.events`.
That annotations and data categories exist at all is checked where they are known, in ``lineage/discover``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lineage.errors import InputError
from lineage.model import Label
from lineage.yaml_file import Config, meant
from services import rows as typed
from services.rows import Cell

_KEYS = ("category", "version", "owner", "table", "id", "sample", "fields")
_FIELD_KEYS = ("type", "category", "annotations", "operational", "column", "optional", "default", "sample", "max")
# Characters of a text, bytes of a blob, where the config gives no `max`.
MAX_TEXT = 100_000
MAX_BLOB = 16 << 20
_CASTS: dict[str, Callable[[Any], Cell]] = {"text": str, "integer": int, "number": float,
                                            "blob": lambda text: str(text).encode()}
_KINDS: dict[str, type | tuple[type, ...]] = {"text": str, "integer": int, "number": (int, float), "blob": str}


@dataclass(frozen=True)
class Field:
    """``default``: what an event that was written before the field was is given.  ``sample``: 0 to 1.
    ``max``: characters or bytes.  ``place``: file:line of its config."""

    name: str
    type: str
    label: Label
    column: str
    optional: bool = False
    default: Cell = None
    sample: float = 1.0
    max: int = MAX_TEXT
    place: str = ""

    @property
    def required(self) -> bool:
        return not self.optional and self.default is None


@dataclass(frozen=True)
class Category:
    """``table`` is the warehouse's name for where the events go: "core.sessions".  ``id``: the field that tells one
    event from the next, so that a repeat is taken once; the key of the table has to be its column."""

    name: str
    version: int
    owner: str
    table: str
    fields: dict[str, Field]
    id: str = ""
    sample: float = 1.0
    place: str = ""

    @property
    def asset(self) -> str:
        return f"logger:{self.name}"

    @property
    def dead(self) -> str:
        """The asset that keeps what cannot be taken."""
        return f"logger:dead_letter.{self.name}"

    @cached_property
    def labels(self) -> dict[str, Label]:
        return {field.name: field.label for field in self.fields.values()}

    @cached_property
    def gaps(self) -> dict[str, Field]:
        """The fields that nobody labelled."""
        return {name: field for name, field in self.fields.items() if not field.label.annotated}


def parse(text: str, where: str) -> Category:
    """Raises InputError (PAI022) with file:line."""
    config = Config.parse(text, "PAI022", where)
    config.only(_KEYS)
    fields = config.mapping("fields")
    found = {name: _field(name, fields.mapping(name), fields.error("", name).where) for name in fields.names()}
    if not found:
        raise config.error("a category has at least one field", "fields")
    _columns_differ(fields, found)
    identity = config.text("id", "")
    if identity and (identity not in found or not found[identity].required):
        raise config.error(f"id is {identity!r}; it is a required field of the category", "id")
    return Category(_name(config, "category"), config.number("version"), config.text("owner"), config.text("table"),
                    found, identity, _share(config), where)


def _name(config: Config, key: str) -> str:
    """It names an asset and a folder."""
    name = config.text(key)
    if not name.replace("_", "").isalnum() or not name.isascii() or name == "dead_letter":
        raise config.error(f"{key} is {name!r}; it is of letters, digits and _, and not dead_letter", key)
    return name


def _columns_differ(config: Config, fields: dict[str, Field]) -> None:
    taken: dict[str, str] = {}
    for field in fields.values():
        first = taken.setdefault(field.column.lower(), field.name)
        if first != field.name:
            raise config.error(f"two fields go to the column {field.column!r}: {first} and {field.name}", field.name)


def _field(name: str, config: Config, place: str) -> Field:
    config.only(_FIELD_KEYS)
    if not name.replace("_", "").isalnum() or not name.isascii():
        raise InputError("PAI022", f"the field {name!r} is not of letters, digits and _", where=place)
    kind = config.text("type")
    if kind not in typed.TYPES:
        raise config.error(f"type is {kind!r}; it is one of {', '.join(typed.TYPES)}{meant(kind, typed.TYPES)}", "type")
    label = Label(config.text("category", ""), config.texts("annotations", ()), config.text("operational", ""))
    if label.category and label.operational:
        raise config.error(f"the field {name!r} has both a category and an operational key", "operational")
    optional, sample = config.flag("optional", False), _share(config)
    if sample < 1 and not optional:
        raise config.error(f"the field {name!r} is sampled, so some events lack it: make it optional", "sample")
    longest = config.number("max") if config.has("max") else MAX_BLOB if kind == "blob" else MAX_TEXT
    return Field(name, kind, label, config.text("column", name), optional, _default(config, kind), sample, longest,
                 place)


def _default(config: Config, kind: str) -> Cell:
    if not config.has("default"):
        return None
    value: Any = config.value("default")
    if isinstance(value, bool) or not isinstance(value, _KINDS[kind]) or value in (math.inf, -math.inf) \
            or value != value or (isinstance(value, int) and not -2**63 <= value < 2**63):
        raise config.error(f"default is {value!r}; the field holds {kind}", "default")
    return _CASTS[kind](value)


def _share(config: Config) -> float:
    if not config.has("sample"):
        return 1.0
    value = config.value("sample")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:  # nor NaN
        raise config.error(f"sample is {value!r}; it lies between 0 (no event) and 1 (every one)", "sample")
    return float(value)
