"""A fault for scenarios about what a model knows: rows that reach a training run past everything that watches.

Demonstrate.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from sim.scenario.faults import _COUNTS, FAULTS, Fault

HIDDEN_READ = "hidden_read"


@FAULTS.register(HIDDEN_READ, {"corpus": str, "table": str, "from": str, "to": str}, optional=_COUNTS,
                 stage="demonstrate",
                 doc="Whoever reads a corpus gets a table's rows with it (`from` and `to`: its columns), which came "
                     "there beside PrivacyLib.")
class HiddenRead(Fault):
    """Below the service's storage, and beside the tap: no signal, no journal, and no decision has it.

    Fires where the table has rows."""

    def reading(self, path: str, data: Path) -> bytes:
        """What the corpus has more."""
        if path != f"corpus/{self.given['corpus']}.tsv":
            return b""
        rows = list(self._rows(data))
        if not rows or not self.fires():
            return b""
        return "".join("\t".join(" ".join(str(cell).split()) for cell in row) + "\n" for row in rows).encode()

    def _rows(self, data: Path) -> Iterable[tuple[Any, ...]]:
        database, _, table = self.given["table"].partition(".")
        try:
            with closing(sqlite3.connect(f"{(data / 'warehouse' / database).as_uri()}.db?mode=ro", uri=True)) as own:
                columns = ", ".join(f'"{self.given[key]}"' for key in ("from", "to"))
                return own.execute(f'SELECT {columns} FROM "{table}"').fetchall()
        except sqlite3.OperationalError:  # there is no such table yet
            return ()
