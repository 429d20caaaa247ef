"""[B] One part of an export, in a process of its own: reads its share of the rows, writes its file.

The worker's guard judges the read by the token that came along in the baggage, as the warehouse's would.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from lineage.model import Label
from lineage.names import join
from lineage.privacylib import PrivacyLib
from services.rows import Cell
from services.seams import Store
from services.warehouse.consent import Visible
from services.warehouse.export import Export

DO = "export"


def task(export: Export, number: int, baggage: str, seen: Visible) -> dict[str, Any]:
    """What a worker is told: plain JSON."""
    return {"seen": seen.to_dict(),
            "do": DO, "part": number, "of": export.parts, "baggage": baggage, "path": export.part(number),
            "table": export.table.name, "database": export.table.database, "columns": list(export.columns),
            "output": export.output, "owners": {export.table.asset: export.table.owner, export.output: export.owner},
            "labels": {asset: {name: [label.category, label.annotations, label.operational]
                               for name, label in labels.items()}
                       for asset, labels in ((export.table.asset, export.table.labels),
                                             (export.output, export.labels))}}


def write(lib: PrivacyLib, store: Store, given: Mapping[str, Any]) -> dict[str, Any]:
    """Does such a task.  Raises PolicyDenied; sqlite3.Error, RunError (PAI033)."""
    for asset, labels in given["labels"].items():
        lib.register(asset, {name: Label(category, tuple(annotations), operational)
                             for name, (category, annotations, operational) in labels.items()}, given["owners"][asset])
    columns, table, number, of = given["columns"], given["table"], given["part"], given["of"]
    asset = f"warehouse:{table}"
    with lib.resume(given["baggage"], given["output"]):
        store.attach(given["database"])
        seen = Visible.from_dict(given["seen"])
        seen.ask(store.connection)
        # The share comes first: a row is looked at by one worker only.
        chosen = f" AND {seen.condition(table)}" if table in seen.tables else ""
        with lib.read(asset, fields=tuple(dict.fromkeys([*columns, *seen.columns(table)]))) as op:
            rows = store.execute(f"SELECT {', '.join(columns)} FROM {table} "
                                 f"WHERE rowid % ? = ?{chosen} ORDER BY rowid", (of, number))
            op.rows = len(rows)
            op.detail.update(seen.told(table))
        data = "".join(_line(dict(zip(columns, row, strict=True))) for row in rows).encode("utf-8", "surrogatepass")
        sources = {name: [join(asset, name)] for name in columns}
        with lib.write_part(given["output"], number, of, sources=sources, rows=len(rows)):
            store.write(given["path"], data)
    return {"part": number, "rows": len(rows), "digest": hashlib.sha256(data).hexdigest()}


def _line(row: dict[str, Cell]) -> str:
    plain = {name: {"blob": base64.b64encode(cell).decode()} if isinstance(cell, bytes) else cell
             for name, cell in row.items()}
    return f"{json.dumps(plain, sort_keys=True, ensure_ascii=False)}\n"
