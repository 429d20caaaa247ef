"""Rows that physically arrived at the warehouse for a table, or for one column of it.

Truth: the second witness of "this field never left the logger"; the first is the decision.  It looks at messages on
the wire, since an INSERT writes every column of a row, the empty ones too.
"""

from __future__ import annotations

from collections.abc import Sequence

from lineage.errors import InputError
from lineage.names import parse
from sim.truth.moved import Moved
from sim.truth.record import Record

_APPEND = "grpc:/sightline.Warehouse/Append:request"


def appended(records: Sequence[Record], target: str) -> Moved:
    """``target``: "warehouse:core.sessions", or one column with "#mood"; ``armed``: rows arrived for the table.

    Raises InputError (PAI001) for a target outside the warehouse."""
    asset = parse(target)
    if asset.kind != "warehouse":
        raise InputError("PAI001", f"rows are appended to a warehouse table, not to {target}")
    found = [record for record in records if record.op == "received" and record.locator == _APPEND
             and record.detail.get("schema") == asset.name]
    rows = sum(record.rows for record in found if not asset.field or asset.field in record.detail["columns"])
    return Moved(rows, any(record.rows for record in found))
