"""Spark below the warehouse's engine, tapped: what Spark itself logs of each execution is the journal's.

Each statement is also said to the audit hook, as ``store.py`` says SQLite's.  Not here: what the log means
(``sim/truth``), and how a session is made (``spark_session.py``).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from lineage.privacylib.audit import STATEMENT
from services.seams import Tap
from sim.stack import spark_session
from sim.stack.spark_session import LOCAL, check

__all__ = ["LOCAL", "TappedSpark", "check"]


class TappedSpark:
    """Implements ``services.seams.Spark`` below ``root``.  ``master``: Spark's own way to say where it runs."""

    def __init__(self, root: Path, tap: Tap, master: str = LOCAL) -> None:
        self.folder = root.absolute() / "warehouse"
        self._events = root.absolute() / "spark"
        self._tap = tap
        self._master = master
        self._running: spark_session.Session | None = None

    @property
    def session(self) -> Any:
        if self._running is None:
            check(self._master)
            self.folder.mkdir(parents=True, exist_ok=True)
            self._running = spark_session.Session(self._events, self._master)
        return self._running.session

    def settle(self, undone: bool = False) -> None:
        events = self._running.events() if self._running is not None else []
        if events and not undone:
            sys.audit(STATEMENT, "SPARK")
            self._tap.executed(events)

    def keep(self, path: Path, text: str) -> None:
        spark_session.keep(path, text)

    def remove(self, folder: Path) -> None:
        spark_session.remove(folder)

    def close(self) -> None:
        """What ran and was not told is told: nothing is lost to the journal."""
        if self._running is None:
            return
        try:
            events = self._running.events()
            if events:
                self._tap.executed(events)
        finally:
            self._running.stop()
            self._running = None
