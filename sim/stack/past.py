"""The warehouse as a training run saw it, from what the run folder keeps: in memory, to be read again as training does.

Which rows the run might see, its token says, with the consent of its epoch; that they are the same rows is what their
digest in the executed manifest has to say.  Tables may have grown since: a run's rows are then the first of them.
Not here: what a table was before rows of it were changed or removed, and engines other than SQLite.
"""

from __future__ import annotations

import bisect
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lineage import condition
from lineage.condition import Condition
from lineage.enforce.consent import Consents
from lineage.enforce.narrowing import origins_of
from lineage.errors import InputError, RunError
from lineage.privacylib.claims import Claims
from protos.warehouse_pb2 import ReadRequest, ReadResponse
from services import rows as typed
from services.rows import Cell
from services.warehouse import catalog
from services.warehouse import job as jobs
from services.warehouse.catalog import Table
from services.warehouse.consent import Origin, Visible
from sim.stack.deployment import Deployment

Change = Literal["", "without", "altered"]
# What stands in the place of a wearer's own words and numbers.
ALTERED_TEXT, ALTERED_NUMBER = "somebody else said something else", 4711


@dataclass(frozen=True)
class Person:
    """Whose rows are changed, and how."""

    wearer: str
    change: Change


@dataclass(frozen=True)
class Read:
    """What the run read of one table, as its executed manifest has it; ``rows``: how many."""

    table: str
    columns: tuple[str, ...]
    where: str
    rows: int

    @property
    def asset(self) -> str:
        return f"warehouse:{self.table}"

    @property
    def only(self) -> Condition | None:
        return condition.parse(self.where, self.asset) if self.where else None


def cannot(why: str, where: str) -> RunError:
    return RunError("PAI411", f"whether her rows had a part in it cannot be told: {why}", where=where)


class Past:
    """``claims``: of the run's token; ``epoch``: of consent, when it was signed."""

    def __init__(self, data: Path, deployment: Deployment, claims: Claims, epoch: int) -> None:
        self._data = data
        self._claims = claims
        self._catalog = known(deployment)
        self._withdrawn = withdrawn(data / "consent.jsonl", claims.purpose, epoch)

    def table(self, name: str) -> Table:
        if name not in self._catalog:
            raise cannot(f"the deployment has no table {name}", f"warehouse:{name}")
        return self._catalog[name]

    def subjects(self, read: Read) -> Counter[str]:
        """Wearer → rows of hers that the run read, by the rules of then."""
        table = self.table(read.table)
        if not table.subject:
            return Counter()
        with closing(self._copy(table)) as db:
            return Counter(str(row[1]) for row in self._seen(db, table, [table.subject], read.only)[:read.rows])

    def hers(self, name: str, wearer: str) -> int:
        """Rows of hers that the table has."""
        table = self.table(name)
        if not table.subject:
            return 0
        with closing(self._copy(table)) as db:
            [(count,)] = db.execute(f"SELECT count(*) FROM {_bare(table)} WHERE {table.subject} = ?", [wearer])
        return int(count)

    def read(self, read: Read, person: Person) -> list[tuple[Cell, ...]]:
        """What the run would have read, had the person's rows been other ones."""
        table = self.table(read.table)
        with closing(self._copy(table)) as db:
            # Of the rows that it could see it saw the first: those that came later are taken out.
            later = self._seen(db, table, [], read.only)[read.rows:]
            db.executemany(f"DELETE FROM {_bare(table)} WHERE rowid = ?", [row[:1] for row in later])
            if person.change == "without" and table.subject:
                db.execute(f"DELETE FROM {_bare(table)} WHERE {table.subject} = ?", [person.wearer])
            elif person.change == "altered" and table.subject:
                self._alter(db, table, read.columns, person.wearer)
            return [row[1:] for row in self._seen(db, table, read.columns, read.only)]

    @staticmethod
    def _alter(db: sqlite3.Connection, table: Table, columns: Iterable[str], wearer: str) -> None:
        """Every cell of hers that the run asks for, but what says whose the row is and where it comes from."""
        for column in columns:
            if column in (table.subject, table.origin):
                continue
            value = ALTERED_TEXT if table.columns[column].type == "TEXT" else ALTERED_NUMBER
            db.execute(f"UPDATE OR REPLACE {_bare(table)} SET {column} = ? WHERE {table.subject} = ?", [value, wearer])

    def _seen(self, db: sqlite3.Connection, table: Table, columns: Sequence[str],
              only: Condition | None) -> list[tuple[Any, ...]]:
        """(row id, cells …) of the rows that the token let the run see and that it asked for, in the order in which
        they were written."""
        seen, asked = self._visible(table), only.columns if only else ()
        seen.ask(db)
        holds = f" WHERE {seen.condition(table.name)}" if table.name in seen.tables else ""
        try:
            found = db.execute(f"SELECT {', '.join(['rowid', *columns, *asked])} FROM {_bare(table)}{holds} "
                               "ORDER BY rowid").fetchall()
        except sqlite3.Error as error:
            raise cannot(f"the table cannot be read: {error}", table.asset) from None
        width = 1 + len(columns)
        return [row[:width] for row in found
                if only is None or only.holds(dict(zip(asked, row[width:], strict=True)))]

    def _visible(self, table: Table) -> Visible:
        """As ``WarehouseService`` has it, by the token alone."""
        subjects = {table.name: table.subject} if table.subject and table.name in self._claims.consenting else {}
        rows = origins_of(self._claims.origins, table.asset)
        unasked = origins_of(self._claims.unasked, table.asset) or frozenset()
        chosen = table.origin and (rows is not None or (subjects and unasked))
        return Visible(subjects, self._withdrawn,
                       origins={table.name: Origin(table.origin, rows, unasked)} if chosen else {})

    def _copy(self, table: Table) -> sqlite3.Connection:
        """The table's database in memory: whatever is done to it, the run's own file stays as it is."""
        path = self._data / "warehouse" / f"{table.database}.db"
        if not path.is_file():
            raise cannot("the run's warehouse kept no SQLite file of it", str(path))
        copy = sqlite3.connect(":memory:")
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source:
                source.backup(copy)
        except sqlite3.Error as error:
            copy.close()
            raise cannot(f"the table cannot be read: {error}", str(path)) from None
        return copy


class Reading:
    """Stands for the warehouse's stub: what training asks for is read from the past.  ``reads``: what it read then."""

    def __init__(self, past: Past, reads: Iterable[Read], person: Person) -> None:
        self._past = past
        self._reads = {(one.table, one.columns, one.where): one for one in reads}
        self._person = person

    async def Read(self, request: ReadRequest, **how: Any) -> ReadResponse:
        columns = tuple(request.columns)
        read = self._reads.get((request.table, columns, request.where))
        if read is None:
            raise cannot("the run would read something else now", f"warehouse:{request.table}")
        rows = self._past.read(read, self._person)
        return ReadResponse(rows=typed.make(request.table, columns, [("", row) for row in rows]))


def known(deployment: Deployment) -> dict[str, Table]:
    """The deployed tables, and those that jobs make."""
    tables = catalog.load(deployment.tables)
    for path in sorted(deployment.jobs.glob("*.sql")):
        try:
            job = jobs.parse(path.read_text(encoding="utf-8"), str(path))
            made = [catalog.parse(sql, str(path), line, job.label) for line, sql in job.statements
                    if sql[:6].upper() == "CREATE"]
        except (InputError, OSError, UnicodeDecodeError):
            continue  # a job that cannot be read has made nothing
        tables |= {table.name: table for table in made}
    return tables


def withdrawn(path: Path, purpose: str, epoch: int) -> frozenset[str]:
    """Who had taken back consent to the purpose in that epoch of the registry."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    count = bisect.bisect_right(range(len(lines) + 1), epoch, key=lambda upto: Consents(lines[:upto]).epoch) - 1
    return frozenset(Consents(lines[:count]).withdrawn(purpose))


def _bare(table: Table) -> str:
    """In its own database, which is the whole of the copy."""
    return table.name.partition(".")[2]
