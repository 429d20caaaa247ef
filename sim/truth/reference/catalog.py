"""The tables that are there while a scenario goes on, with their labels, as jobs add to them.

Truth.  From the deployed DDL and the jobs' own; a name of a table is the same in whatever letters, as it is to SQLite.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from sim.truth.reference.labels import Labels, deployed, tables, whole
from sim.truth.reference.sql import defines, statements


class Named(NamedTuple):
    """A field-level name, or an asset's; ``annotations`` is None where nothing says what it is."""

    name: str
    annotations: frozenset[str] | None

    @property
    def asset(self) -> str:
        return self.name.partition("#")[0]


class Catalog(NamedTuple):
    """``schema``: definitions, in order; ``columns``: table in small letters → its columns."""

    schema: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    labels: Labels

    def after(self, sql: str) -> Catalog:
        """With the tables and columns that a job's text defines."""
        schema, columns, labels = list(self.schema), dict(self.columns), dict(self.labels)
        said = {table.lower(): of for table, of in tables(sql)}
        for text in statements(sql):
            table = defines(text)
            made = said.get(table.lower())
            if not table or made is None:
                continue
            known = columns.get(table.lower())
            new = [column for column in made if column not in (known or ())]
            schema += [f"ALTER TABLE {table} ADD COLUMN {column}" for column in new] if known is not None else [text]
            labels |= {f"warehouse:{table}#{column}": made[column] for column in new}
            columns[table.lower()] = (*(known or ()), *new)
        return Catalog(tuple(schema), columns, labels)

    def join(self, asset: str, columns: Iterable[str]) -> frozenset[str]:
        """Of some of an asset's fields."""
        return frozenset[str]().union(*(self.labels.get(f"{asset}#{column}") or () for column in columns))

    def named(self, name: str) -> Named:
        """A whole asset's label is the join of its fields'."""
        return Named(name, self.labels.get(name) if "#" in name else whole(self.labels, name))


def at(folder: Path) -> Catalog:
    """What is deployed below ``folder`` (a run's ``data/deploy``)."""
    catalog = Catalog((), {}, deployed(folder))
    for path in sorted((folder / "tables").glob("*.sql")):
        catalog = catalog.after(path.read_text(encoding="utf-8"))
    return catalog
