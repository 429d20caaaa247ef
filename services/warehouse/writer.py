"""[B] Rows from the logger into a table: each with its correlation key, each only once."""

from __future__ import annotations

from lineage.errors import InputError
from lineage.privacylib import PrivacyLib
from lineage.pseudonyms import Pseudonyms
from protos.rows_pb2 import Rows
from services import rows as typed
from services.rows import SQL_TYPES, Cell
from services.warehouse.catalog import KEY, Column, Table, columns_of
from services.warehouse.engine import Engine


async def append(lib: PrivacyLib, engine: Engine, table: Table, rows: Rows, names: Pseudonyms | None = None) -> int:
    """Inserts all rows or none; how many were new.  ``names``: the signal says whose each row is, by these.

    A row whose primary key is there already is left as it is, so that a sender may repeat a batch
    whose acknowledgement was lost.  Raises InputError (PAI004) for what the table does not take.
    """
    columns = columns_of(table, rows.columns)
    if KEY in rows.columns:
        raise InputError("PAI004", f"{KEY} is kept by the warehouse; give it as the row's key", where=table.asset)
    values = typed.cells(rows)
    for number, row in enumerate(values, 1):
        for column, cell in zip(columns, row, strict=True):
            _check(table, column, cell, number)
    if not values:
        return 0
    keys = [row.key or lib.context.key for row in rows.rows]
    written = [column.name for column in columns]
    sources = {name: [f"rpc:warehouse.Append.request#{table.name}.{name}"] for name in written}
    if KEY in table.columns:
        written.append(KEY)
        values = [[*row, key] for row, key in zip(values, keys, strict=True)]
    told = {"subjects": [names.of(row[written.index(table.subject)]) for row in values]} \
        if names is not None and table.subject in written else None
    with lib.write(table.asset, fields=written, sources=sources, rows=len(values), keys=keys, detail=told):
        return await engine.append(table, written, values)


def _check(table: Table, column: Column, cell: Cell, number: int) -> None:
    kind, wanted = typed.kind_of(typed.to_value(cell)), SQL_TYPES[column.type]
    if cell is None and column.required:
        raise InputError("PAI004", f"row {number}: {column.name} may not be empty", where=table.asset)
    if cell is not None and kind != wanted:
        raise InputError("PAI004", f"row {number}: {column.name} is {kind}, the table holds {wanted}",
                         where=table.asset)
