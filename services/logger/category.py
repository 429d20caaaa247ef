"""[B] A log category: which fields an event has, what each is, and the warehouse column it ends up in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lineage.errors import InputError
from lineage.model import Label
from protos.rows_pb2 import Rows
from services import rows as typed
from services.config import Config
from services.rows import Cell

_KEYS = ("category", "version", "owner", "table", "fields")
_FIELD_KEYS = ("type", "category", "annotations", "operational", "column", "optional")


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    label: Label
    column: str
    optional: bool = False


@dataclass(frozen=True)
class Category:
    """``table`` is the warehouse's name for where the events go: "core.sessions"."""

    name: str
    version: int
    owner: str
    table: str
    fields: dict[str, Field]

    @property
    def asset(self) -> str:
        return f"logger:{self.name}"

    @property
    def labels(self) -> dict[str, Label]:
        return {field.name: field.label for field in self.fields.values()}

    def events(self, rows: Rows) -> list[dict[str, Cell]]:
        """Field → value of each event.  Raises InputError (PAI004) for what the config does not describe."""
        for name in rows.columns:
            if name not in self.fields:
                raise InputError("PAI004", f"{self.name} has no field {name!r}; it has {', '.join(self.fields)}",
                                 where=self.asset)
        events = [dict(zip(rows.columns, cells, strict=True)) for cells in typed.cells(rows)]
        for number, event in enumerate(events, 1):
            for field in self.fields.values():
                self._check(field, event.get(field.name), number)
        return events

    def _check(self, field: Field, cell: Cell, number: int) -> None:
        kind = typed.kind_of(typed.to_value(cell))
        if cell is None and not field.optional:
            raise InputError("PAI004", f"event {number} lacks the field {field.name!r}", where=self.asset)
        if cell is not None and kind != field.type:
            raise InputError("PAI004", f"event {number}: {field.name!r} is {kind}, it must be {field.type}",
                             where=self.asset)


def load(folder: Path) -> dict[str, Category]:
    """Every ``*.yaml`` of ``folder`` by category.  Raises InputError (PAI022) with file:line."""
    found: dict[str, Category] = {}
    for path in sorted(folder.glob("*.yaml")):
        category = parse(path.read_text(encoding="utf-8"), str(path))
        if category.name in found:
            raise InputError("PAI022", f"the category {category.name!r} is defined twice", where=str(path))
        found[category.name] = category
    return found


def parse(text: str, where: str) -> Category:
    """Raises InputError (PAI022) with file:line."""
    config = Config.parse(text, "PAI022", where)
    config.only(_KEYS)
    fields = config.mapping("fields")
    found = {name: _field(name, fields.mapping(name)) for name in fields.names()}
    if not found:
        raise config.error("a category has at least one field", "fields")
    columns = [field.column for field in found.values()]
    for column in columns:
        if columns.count(column) > 1:
            raise config.error(f"two fields go to the column {column!r}", "fields")
    return Category(config.text("category"), config.number("version"), config.text("owner"), config.text("table"),
                    found)


def _field(name: str, config: Config) -> Field:
    config.only(_FIELD_KEYS)
    kind = config.text("type")
    if kind not in typed.TYPES:
        raise config.error(f"type is {kind!r}; it is one of {', '.join(typed.TYPES)}", "type")
    label = Label(config.text("category", ""), config.texts("annotations", ()), config.text("operational", ""))
    if not label.annotated:
        raise config.error(f"the field {name!r} has neither a category nor an operational key")
    if label.category and label.operational:
        raise config.error(f"the field {name!r} has both a category and an operational key", "operational")
    return Field(name, kind, label, config.text("column", name), config.flag("optional", False))
