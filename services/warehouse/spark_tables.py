"""[B] The tables of the Spark engine: folders of Parquet, each with a manifest that says which parts count.

    core/sessions/manifest.json     {"columns": {name: type}, "next": 41, "parts": ["rows-000001"], "serial": 1}
    core/sessions/rows-000001/      rows that a statement wrote
    core/sessions/kept-000002/      rows that a statement carried over, when it changed others
    core/sessions/staged-000003/    a statement's result before it counts

A change writes new parts and counts with the manifest that names them, in one rename: whole or not at all.
A part that no manifest names is left of a statement that did not end, and is removed at the next start.
On a cluster, driver and workers have to see the folder under one path.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from lineage.errors import InputError
from services.seams import Spark
from services.warehouse.catalog import Table
from services.warehouse.spark_names import ROW, TYPES, rows_view_of, view_of

_KEPT = (exp.PrimaryKeyColumnConstraint, exp.NotNullColumnConstraint)


class SparkTables:
    """Not thread-safe: the engine takes one statement at a time."""

    def __init__(self, spark: Spark, catalog: Mapping[str, Table]) -> None:
        self.session: Any = spark.session
        self._spark = spark
        self._folder = spark.folder.resolve()
        self._catalog = catalog
        self._manifests: dict[str, dict[str, Any]] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self._viewed: set[str] = set()

    def folder(self, table: Table) -> Path:
        return self._folder.joinpath(*table.name.split("."))

    @property
    def folders(self) -> dict[str, Table]:
        return {str(self.folder(table)): table for table in self._catalog.values()}

    def keys(self, table: Table) -> tuple[str, ...]:
        """The columns of its primary key, which no two rows share."""
        return self._keys[table.name]

    def columns(self, table: Table) -> dict[str, str]:
        """As they were made, in order, with their SQL types."""
        return dict(self._manifests[table.name]["columns"])

    def next(self, table: Table) -> int:
        """The number of the next row."""
        return int(self._manifests[table.name]["next"])

    def parts(self, table: Table) -> list[str]:
        return list(self._manifests[table.name]["parts"])

    # -- making and removing

    def create(self, table: Table) -> None:
        """Raises InputError (PAI022) for a constraint that is not kept here, or a table that has other columns."""
        keys = _keys(table)
        columns = {column.name: column.type for column in table.columns.values()}
        path = self.folder(table) / "manifest.json"
        if path.is_file():
            manifest = json.loads(path.read_text(encoding="utf-8"))
            if manifest["columns"] != columns:
                raise InputError("PAI022", f"the table {table.name} was made with other columns: "
                                           f"{', '.join(manifest['columns'])}", where=table.asset)
        else:
            (self.folder(table) / "kept-000000").mkdir(parents=True, exist_ok=True)  # a folder for no rows
            manifest = {"columns": columns, "next": 1, "parts": [], "serial": 0}
            self._spark.keep(path, json.dumps(manifest))
        self._manifests[table.name], self._keys[table.name] = manifest, keys
        self._sweep(table)
        self._forget(table)

    def reshape(self, table: Table, columns: Mapping[str, str]) -> None:
        """The table has these columns from now on; no part is written anew, since one that lacks a column has NULL."""
        manifest = {**self._manifests[table.name], "columns": dict(columns)}
        self._spark.keep(self.folder(table) / "manifest.json", json.dumps(manifest))
        self._manifests[table.name] = manifest
        self._forget(table)

    def drop(self, table: Table) -> None:
        self._forget(table)
        del self._manifests[table.name], self._keys[table.name]
        self._spark.remove(self.folder(table))

    # -- rows

    def frame(self, table: Table, parts: Iterable[str] | None = None, columns: Iterable[str] | None = None) -> Any:
        """The rows of some parts (all that count, when left out), each with its number; a column that a part lacks
        is NULL."""
        columns = tuple(table.columns) if columns is None else tuple(columns)
        schema = ", ".join([f"`{name}` {TYPES[table.columns[name].type]}" for name in columns] + [f"`{ROW}` BIGINT"])
        return self._read(table, schema, parts)

    def write(self, table: Table, kind: str, frame: Any) -> str:
        """Writes a part that does not count yet; its name.  ``kind``: "staged", "rows" or "kept"."""
        part = self._new(table, kind)
        frame.write.parquet((self.folder(table) / part).as_uri())
        return part

    def accept(self, table: Table, part: str) -> str:
        """What was staged may count as it is."""
        name = self._new(table, "rows")
        (self.folder(table) / part).rename(self.folder(table) / name)
        return name

    def commit(self, table: Table, parts: list[str], following: int) -> None:
        """From here on these parts count, and no other."""
        manifest = {**self._manifests[table.name], "parts": parts, "next": following}
        self._spark.keep(self.folder(table) / "manifest.json", json.dumps(manifest))
        self._manifests[table.name] = manifest
        self._sweep(table)
        self._forget(table)

    def undo(self, table: Table) -> None:
        """Removes parts that were written and do not count."""
        self._sweep(table)

    def _new(self, table: Table, kind: str) -> str:
        manifest = self._manifests[table.name]
        manifest["serial"] += 1
        return f"{kind}-{manifest['serial']:06}"

    def _read(self, table: Table, schema: str, parts: Iterable[str] | None) -> Any:
        counted = list(self.parts(table) if parts is None else parts) or ["kept-000000"]
        return self.session.read.schema(schema).parquet(*((self.folder(table) / one).as_uri() for one in counted))

    def show(self, views: Iterable[str]) -> None:
        """Makes these views stand for the rows that count now."""
        for view in {*views} - self._viewed:
            table = next(one for one in self._catalog.values() if view in (view_of(one.name), rows_view_of(one.name)))
            plain = ", ".join(f"`{column.name}` {TYPES[column.type]}" for column in table.columns.values())
            rows = self.frame(table) if view == rows_view_of(table.name) else self._read(table, plain, None)
            rows.createOrReplaceTempView(view)
            self._viewed.add(view)

    def _forget(self, table: Table) -> None:
        self._viewed -= {view_of(table.name), rows_view_of(table.name)}

    def _sweep(self, table: Table) -> None:
        counted = {*self.parts(table), "kept-000000"}
        for path in self.folder(table).iterdir():
            if path.is_dir() and path.name not in counted:
                self._spark.remove(path)


def _keys(table: Table) -> tuple[str, ...]:
    """The primary key.  Raises InputError (PAI022) for a constraint that the engine would not keep."""
    tree = sqlglot.parse_one(table.ddl, read="sqlite")
    keys: list[str] = []
    for part in tree.this.expressions:
        constraints = part.args.get("constraints") or () if isinstance(part, exp.ColumnDef) else (part,)
        for constraint in constraints:
            kind = constraint.args.get("kind", constraint)
            if isinstance(kind, exp.PrimaryKey):
                keys += [one.name for one in kind.expressions]
            elif isinstance(kind, exp.PrimaryKeyColumnConstraint):
                keys.append(part.name)
            elif not isinstance(kind, _KEPT):
                raise InputError("PAI022", f"Spark would not keep {constraint.sql('sqlite')} of {table.name}: "
                                           "it keeps PRIMARY KEY and NOT NULL", where=table.asset)
    folded = {column.lower(): column for column in table.columns}
    return tuple(folded[key.lower()] for key in keys)
