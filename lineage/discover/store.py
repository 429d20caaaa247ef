"""The lineage store: one SQLite file with the tables signals, assets, edges, decisions, findings.

Signals are kept as they came, exactly once, keyed by (emitter, seq); everything else is
derived from them and rewritten as a whole (``lineage.derive``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from sqlite_utils import Database

from lineage.model import Op, Signal

_SIGNALS = {"emitter": str, "seq": int, "op": str, "asset": str, "fields": str, "links": str, "linked": int,
            "family": str, "via": str, "keys": str, "scope": str, "activity": str, "purpose": str, "rows": int,
            "detail": str}
_DERIVED: dict[str, dict[str, type]] = {
    "assets": {"name": str, "kind": str, "owner": str, "annotations": str, "fields": str},
    "edges": {"source": str, "target": str, "state": str, "families": str, "count": int, "confidence": str,
              "via": str, "evidence": str},
    "decisions": {"id": str, "activity": str, "purpose": str, "principal": str, "verdict": str, "code": str,
                  "reason": str, "place": str, "inputs": str, "requirements": str},
    "findings": {"code": str, "asset": str, "what": str, "next": str, "count": int},
}


class Store:
    """``path`` may be a file or ":memory:"."""

    def __init__(self, path: Path | str) -> None:
        self.db = Database(str(path)) if str(path) != ":memory:" else Database(memory=True)
        self.db.enable_wal()
        if not self.db["signals"].exists():
            self.db.table("signals").create(_SIGNALS, pk=("emitter", "seq"))
        for name, columns in _DERIVED.items():
            if not self.db[name].exists():
                self.db.table(name).create(columns)

    def add(self, signals: Iterable[Signal]) -> None:
        """Idempotent: a signal that is already here is ignored."""
        self.db.table("signals").insert_all((_row(signal) for signal in signals), pk=("emitter", "seq"), ignore=True)

    def next_seq(self, emitter: str) -> int:
        row = self.db.execute("SELECT max(seq) FROM signals WHERE emitter = ?", [emitter]).fetchone()
        return 0 if row[0] is None else int(row[0]) + 1

    def signals(self) -> Iterator[Signal]:
        """In the order of each emitter, emitters by name."""
        for row in self.db.query("SELECT * FROM signals ORDER BY emitter, seq"):
            yield _signal(row)

    def holes(self, recorded: Mapping[str, int] | None = None) -> list[tuple[str, int, int]]:
        """(emitter, first missing, last missing) in each emitter's numbers.

        ``recorded``: how many signals each emitter says that it has made; without it a missing tail is not seen.
        """
        tails = [(emitter, self.next_seq(emitter), count - 1) for emitter, count in sorted((recorded or {}).items())
                 if self.next_seq(emitter) < count]
        return tails + [(row["emitter"], row["seq"] + 1, row["following"] - 1) for row in self.db.query(
            "SELECT emitter, seq, following FROM (SELECT emitter, seq, lead(seq) OVER "
            "(PARTITION BY emitter ORDER BY seq) AS following FROM "
            "(SELECT emitter, seq FROM signals UNION SELECT DISTINCT emitter, -1 FROM signals)) "
            "WHERE following > seq + 1 ORDER BY emitter, seq")]

    def counts(self) -> dict[str, int]:
        """Delivered signals per emitter."""
        return {row["emitter"]: row["n"] for row in self.db.query(
            "SELECT emitter, count(*) AS n FROM signals GROUP BY emitter ORDER BY emitter")}

    def replace(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Rewrites one derived table in one transaction."""
        with self.db.conn:
            self.db.conn.execute(f"DELETE FROM {table}")  # the names are those of _DERIVED
            columns = list(_DERIVED[table])
            marks = ", ".join("?" * len(columns))
            self.db.conn.executemany(f"INSERT INTO {table} VALUES ({marks})",
                                     [[_cell(row.get(column, "")) for column in columns] for row in rows])

    def close(self) -> None:
        # Back to one file, so that a run folder can be copied as it stands.
        self.db.disable_wal()
        self.db.close()


def _cell(value: Any) -> Any:
    return json.dumps(value, sort_keys=True) if isinstance(value, (list, dict, tuple)) else value


def _row(signal: Signal) -> dict[str, Any]:
    return {"emitter": signal.emitter, "seq": signal.seq, "op": signal.op, "asset": signal.asset,
            "fields": json.dumps(signal.fields), "links": json.dumps(signal.links), "linked": int(signal.linked),
            "family": signal.family, "via": signal.via, "keys": json.dumps(signal.keys), "scope": signal.scope,
            "activity": signal.activity, "purpose": signal.purpose, "rows": signal.rows,
            "detail": json.dumps(signal.detail, sort_keys=True)}


def _signal(row: dict[str, Any]) -> Signal:
    links = tuple((field, tuple(sources)) for field, sources in json.loads(row["links"]))
    return Signal(row["emitter"], row["seq"], cast(Op, row["op"]), row["asset"], tuple(json.loads(row["fields"])),
                  links, bool(row["linked"]), row["family"], row["via"], tuple(json.loads(row["keys"])),
                  row["scope"], row["activity"], row["purpose"], row["rows"], json.loads(row["detail"]))
