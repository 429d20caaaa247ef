"""Typed rows on the wire and as Python values: ``Value`` to text, integer, number, blob or None."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lineage.errors import InputError
from protos.rows_pb2 import Row, Rows, Value

Cell = str | int | float | bytes | None

# What a config may declare, and the SQL column types that hold it.
TYPES = ("text", "integer", "number", "blob")
SQL_TYPES = {"TEXT": "text", "INTEGER": "integer", "REAL": "number", "BLOB": "blob"}


def to_value(cell: Cell) -> Value:
    """An unset Value stands for None (NULL)."""
    if cell is None:
        return Value()
    if isinstance(cell, str):
        return Value(text=cell)
    if isinstance(cell, bytes):
        return Value(blob=cell)
    return Value(integer=cell) if isinstance(cell, int) else Value(number=cell)


def kind_of(value: Value) -> str:
    """"text", "integer", "number" or "blob"; empty for NULL."""
    return value.WhichOneof("kind") or ""


def to_cell(value: Value) -> Cell:
    kind = kind_of(value)
    return getattr(value, kind) if kind else None


def make(schema: str, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[Cell]]]) -> Rows:
    """``rows``: (correlation key, cells in the order of ``columns``)."""
    return Rows(schema=schema, columns=columns,
                rows=[Row(key=key, values=[to_value(cell) for cell in cells]) for key, cells in rows])


def cells(rows: Rows) -> list[list[Cell]]:
    """One list of cells per row.  Raises InputError (PAI004) for a row of another width, or a repeated column."""
    width = len(rows.columns)
    if len(set(rows.columns)) != width:
        raise InputError("PAI004", "a column is given twice", where=rows.schema)
    for number, row in enumerate(rows.rows, 1):
        if len(row.values) != width:
            raise InputError("PAI004", f"row {number} has {len(row.values)} values for {width} columns",
                             where=rows.schema)
    return [[to_cell(value) for value in row.values] for row in rows.rows]
