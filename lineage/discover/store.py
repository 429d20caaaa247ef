"""The lineage store: one SQLite file with the tables signals, emitters, assets, edges, decisions, findings.

Signals are kept as they came, exactly once, keyed by (emitter, incarnation, seq), where each start of
an emitter's process is an incarnation; everything else is derived from them and rewritten as a whole
(``lineage.derive``).  ``count`` above 1: the signal stands for that many alike, with the numbers that
follow its own.  ``emitters`` holds how many signals each incarnation said that it recorded; ``refused``,
how often the collector would not take what somebody sent in an emitter's name, and why.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any, cast

from sqlite_utils import Database

from lineage.errors import InputError
from lineage.model import Op, Signal

_SIGNALS = {"emitter": str, "seq": int, "op": str, "asset": str, "fields": str, "links": str, "linked": int,
            "family": str, "via": str, "keys": str, "scope": str, "activity": str, "purpose": str, "rows": int,
            "detail": str, "incarnation": str, "count": int}
# Whoever sends rubbish chooses the name that it is counted under: at most so many names, of so many characters.
_REFUSED_NAMES, _REFUSED_LENGTH = 100, 64
_KEY = ("emitter", "incarnation", "seq")
_DERIVED: dict[str, dict[str, type]] = {
    "assets": {"name": str, "kind": str, "owner": str, "annotations": str, "fields": str},
    "edges": {"source": str, "target": str, "state": str, "families": str, "count": int, "confidence": str,
              "via": str, "evidence": str, "keys": str},
    "decisions": {"id": str, "activity": str, "purpose": str, "principal": str, "verdict": str, "code": str,
                  "reason": str, "place": str, "inputs": str, "requirements": str},
    "findings": {"code": str, "asset": str, "what": str, "next": str, "count": int},
}
_INSERT = f"INSERT OR IGNORE INTO signals({', '.join(_SIGNALS)}) VALUES ({', '.join('?' * len(_SIGNALS))})"
_TELL = ("INSERT INTO emitters(emitter, incarnation, recorded) VALUES (?, ?, ?) ON CONFLICT(emitter, incarnation) "
         "DO UPDATE SET recorded = max(recorded, excluded.recorded)")
# Each signal's own number and the one after it, between the number 0 and what was said to be recorded.
_HOLES = """
    SELECT emitter, incarnation, ends AS first, following - 1 AS last FROM (
        SELECT *, lead(seq) OVER (PARTITION BY emitter, incarnation ORDER BY seq, ends) AS following FROM (
            SELECT emitter, incarnation, seq, seq + count AS ends FROM signals
            UNION ALL SELECT emitter, incarnation, -1, 0 FROM emitters
            UNION ALL SELECT emitter, incarnation, recorded, recorded FROM emitters))
    WHERE following > ends ORDER BY emitter, incarnation, first"""


class Store:
    """``path`` may be a file or ":memory:"."""

    def __init__(self, path: Path | str) -> None:
        self.db = Database(str(path)) if str(path) != ":memory:" else Database(memory=True)
        self.db.enable_wal()
        # What is committed outlives a power cut too: the collector acknowledges on the strength of it.
        self.db.conn.execute("PRAGMA synchronous = FULL")
        signals, emitters = self.db.table("signals"), self.db.table("emitters")
        if not signals.exists():
            signals.create(_SIGNALS, pk=_KEY)
        elif "incarnation" not in signals.columns_dict:
            _migrate(self.db)
        if not emitters.exists():
            emitters.create({"emitter": str, "incarnation": str, "recorded": int}, pk=("emitter", "incarnation"))
            self.db.execute("INSERT INTO emitters SELECT emitter, incarnation, max(seq + count) FROM signals "
                            "GROUP BY emitter, incarnation")
            self.db.conn.commit()
        if not self.db["refused"].exists():
            self.db.table("refused").create({"emitter": str, "reason": str, "count": int}, pk=("emitter", "reason"))
        for name, columns in _DERIVED.items():
            if not self.db[name].exists():
                self.db.table(name).create(columns)

    def add(self, signals: Iterable[Signal], counts: Sequence[int] = (), *, emitter: str = "", incarnation: str = "",
            recorded: int = 0) -> None:
        """Durable on return, and idempotent: a signal that is already here is ignored.

        ``counts``: how many each stands for, empty when each stands for itself.  ``emitter`` says that it had
        ``recorded`` signals in this incarnation.
        """
        told = {emitter: recorded} if emitter else {}
        rows = []
        for signal, count in zip(signals, counts or repeat(1), strict=False):
            rows.append(_row(signal, incarnation, count))
            told[signal.emitter] = max(told.get(signal.emitter, 0), signal.seq + count)
        with self.db.conn:
            self.db.conn.executemany(_INSERT, rows)
            self.db.conn.executemany(_TELL, [(name, incarnation, number) for name, number in told.items()])

    def refuse(self, emitter: str, reason: str) -> None:
        """Counts a batch that was refused; ``emitter`` is whatever it called itself."""
        name = emitter[:_REFUSED_LENGTH]
        known = [row["emitter"] for row in self.db.query("SELECT DISTINCT emitter FROM refused")]
        if name not in known and len(known) >= _REFUSED_NAMES:
            name = ""
        with self.db.conn:
            self.db.conn.execute("INSERT INTO refused VALUES (?, ?, 1) ON CONFLICT(emitter, reason) "
                                 "DO UPDATE SET count = count + 1", [name, reason])

    def refused(self) -> list[dict[str, Any]]:
        """{"emitter", "reason", "count"}, sorted."""
        return list(self.db.query("SELECT * FROM refused ORDER BY emitter, reason"))

    def next_seq(self, emitter: str, incarnation: str = "") -> int:
        row = self.db.execute("SELECT seq + count FROM signals WHERE emitter = ? AND incarnation = ? "
                              "ORDER BY seq DESC LIMIT 1", [emitter, incarnation]).fetchone()
        return 0 if row is None else int(row[0])

    def signals(self) -> Iterator[Signal]:
        """In the order of each emitter, emitters by name; one that stands for n comes n times.

        A later incarnation numbers its scopes anew, so they are told apart here: what one process read
        is not what the next one wrote.
        """
        lives: dict[str, dict[str, int]] = {}
        for row in self.db.query("SELECT * FROM signals ORDER BY emitter, incarnation, seq"):
            before = lives.setdefault(row["emitter"], {})
            life = before.setdefault(row["incarnation"], len(before))
            if life and row["scope"]:
                row["scope"] += f"~{life}"
            yield from repeat(_signal(row), row["count"])

    def expect(self, recorded: Mapping[str, int]) -> None:
        """What emitters themselves say that they recorded: what was never heard of at all is a hole too."""
        heard = {row["emitter"]: row["n"] for row in self.db.query(
            "SELECT emitter, sum(recorded) AS n FROM emitters GROUP BY emitter")}
        with self.db.conn:
            self.db.conn.executemany(_TELL, [(emitter, "unheard", count - heard.get(emitter, 0))
                                             for emitter, count in sorted(recorded.items())
                                             if count > heard.get(emitter, 0)])

    def holes(self) -> list[tuple[str, int, int]]:
        """(emitter, first missing, last missing): numbers that an emitter gave and that never came.

        Also at the end, as far as the emitter or its successor said that it had recorded.  While an
        emitter is recording, what is on its way counts as missing; after its flush nothing is.
        """
        return [(row["emitter"], row["first"], row["last"]) for row in self.db.query(_HOLES)]

    def counts(self) -> dict[str, int]:
        """Delivered signals per emitter."""
        return {row["emitter"]: row["n"] for row in self.db.query(
            "SELECT emitter, sum(count) AS n FROM signals GROUP BY emitter ORDER BY emitter")}

    def account(self) -> list[dict[str, Any]]:
        """Per emitter and incarnation: recorded, delivered, aggregated, and ``holes`` as [first, last]."""
        holes: dict[tuple[str, str], list[list[int]]] = {}
        for row in self.db.query(_HOLES):
            holes.setdefault((row["emitter"], row["incarnation"]), []).append([row["first"], row["last"]])
        return [{**row, "holes": holes.get((row["emitter"], row["incarnation"]), [])} for row in self.db.query(
            "SELECT emitter, incarnation, recorded, coalesce(sum(count), 0) AS delivered, "
            "coalesce(sum(count - 1), 0) AS aggregated FROM emitters LEFT JOIN signals USING (emitter, incarnation) "
            "GROUP BY emitter, incarnation ORDER BY emitter, incarnation")]

    def replace(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Rewrites one derived table in one transaction."""
        columns = list(_DERIVED[table])
        if list(self.db[table].columns_dict) != columns:  # a file from before one of them
            self.db.table(table).create(_DERIVED[table], replace=True)
        with self.db.conn:
            self.db.conn.execute(f"DELETE FROM {table}")  # the names are those of _DERIVED
            marks = ", ".join("?" * len(columns))
            self.db.conn.executemany(f"INSERT INTO {table} VALUES ({marks})",
                                     [[_cell(row.get(column, "")) for column in columns] for row in rows])

    def close(self) -> None:
        # Back to one file, so that a run folder can be copied as it stands.
        self.db.disable_wal()
        self.db.close()


def recorded(path: Path) -> list[Signal]:
    """The signals of a finished run's store, which is only read.  Raises InputError (PAI032)."""
    if not path.is_file():
        raise InputError("PAI032", "there is no lineage store", where=str(path), next="sightline demo")
    try:
        with TemporaryDirectory() as folder:  # opening it would change it
            copyfile(path, copy := Path(folder) / path.name)
            store = Store(copy)
            try:
                return list(store.signals())
            finally:
                store.close()
    except (OSError, sqlite3.Error, ValueError, KeyError) as error:
        raise InputError("PAI032", f"the run's signals cannot be read: {error}", where=str(path),
                         next="sightline demo") from error


def _cell(value: Any) -> Any:
    return json.dumps(value, sort_keys=True) if isinstance(value, (list, dict, tuple)) else value


def _migrate(db: Database) -> None:
    """A file from before incarnations: everything in it is of one."""
    signals = db.table("signals")
    signals.add_column("incarnation", str, not_null_default="")
    signals.add_column("count", int, not_null_default=1)
    signals.transform(pk=_KEY)


def _row(signal: Signal, incarnation: str, count: int) -> tuple[Any, ...]:
    """In the order of _SIGNALS."""
    return (signal.emitter, signal.seq, signal.op, signal.asset, _json(signal.fields), _json(signal.links),
            int(signal.linked), signal.family, signal.via, json.dumps(signal.keys), signal.scope, signal.activity,
            signal.purpose, signal.rows, json.dumps(signal.detail, sort_keys=True) if signal.detail else "{}",
            incarnation, count)


@lru_cache(maxsize=4096)
def _json(value: tuple[Any, ...]) -> str:
    """Of what repeats: the fields and links of a site."""
    return json.dumps(value)


def _signal(row: dict[str, Any]) -> Signal:
    links = tuple((field, tuple(sources)) for field, sources in json.loads(row["links"]))
    return Signal(row["emitter"], row["seq"], cast(Op, row["op"]), row["asset"], tuple(json.loads(row["fields"])),
                  links, bool(row["linked"]), row["family"], row["via"], tuple(json.loads(row["keys"])),
                  row["scope"], row["activity"], row["purpose"], row["rows"], json.loads(row["detail"]))
