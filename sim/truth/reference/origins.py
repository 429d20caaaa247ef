"""Where the rows of each wearer are from, as the warehouse held them before the operator's requests.

Truth.  By the deployed tables' own words, which column says whose a row is and which where it is from.  Of a table that
does not say, of a row that is kept under another name, and in a run that keeps nothing, nothing is known.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path

from sim.truth.message import person
from sim.truth.reference.labels import columns_that_say


class Origins:
    """``snapshots``: a folder for each request; ``deploy``: the run's deployed files."""

    def __init__(self, snapshots: Path, deploy: Path) -> None:
        self._snapshots = snapshots
        subjects, origins = (columns_that_say(what, deploy / "tables") for what in ("subject", "origin"))
        self._columns = {table: (subjects[table], origins[table]) for table in sorted(subjects.keys() & origins.keys())}
        self._known: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def see(self, sent: int) -> None:
        """What was there before a request; what has been there before is not forgotten."""
        for table, (subject, origin) in self._columns.items():
            database, _, name = table.partition(".")
            path = self._snapshots / str(sent) / f"{database}.db"
            if not path.is_file():
                continue
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as own:
                if not own.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (name,)).fetchone():
                    continue
                for whose, place in own.execute(f"SELECT DISTINCT {subject}, {origin} FROM {name}").fetchall():
                    self._known[f"warehouse:{table}", person(str(whose or ""))].add(str(place or ""))

    def of(self, asset: str, whose: str) -> frozenset[str]:
        """``whose``: a wearer's digest.  "" where it is not known, which may be anywhere."""
        return frozenset(self._known.get((asset, whose)) or {""})
