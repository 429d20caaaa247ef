"""[B] Runs a job: its tables, the engine's dry run, the policy's verdict, and only then the rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lineage.errors import InputError, SightlineError
from lineage.model import Label
from lineage.privacylib import PrivacyLib, together
from services.warehouse import catalog as tables_of
from services.warehouse import job as jobs_of
from services.warehouse.catalog import Table
from services.warehouse.engine import Account, Engine
from services.warehouse.job import Job
from services.warehouse.permission import ask

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CREATE = re.compile(r"CREATE\b", re.IGNORECASE)
# A statement with its place and what the engine says that it touches.
Planned = tuple[str, str, Account]


class Runner:
    """``catalog`` grows by the tables that jobs make."""

    def __init__(self, lib: PrivacyLib, engine: Engine, policy: Any, catalog: dict[str, Table], jobs: Path) -> None:
        self._lib = lib
        self._engine = engine
        self._policy = policy
        self._catalog = catalog
        self._jobs = jobs

    def job(self, name: str, sql: str) -> Job:
        """From its text, or from the jobs folder.  Raises InputError (PAI012, PAI021, PAI022)."""
        if sql.strip():
            return jobs_of.parse(sql, name or "sql")
        path = self._jobs / f"{name}.sql"
        if not _NAME.fullmatch(name) or not path.is_file():
            known = ", ".join(sorted(other.stem for other in self._jobs.glob("*.sql")))
            raise InputError("PAI012", f"no job {name!r}; there are {known or 'none'}", where=str(self._jobs))
        return jobs_of.parse(path.read_text(encoding="utf-8"), str(path))

    def jobs(self) -> list[Job]:
        """Every job of the jobs folder, by name.  Raises InputError (PAI021, PAI022)."""
        return [self.job(path.stem, "") for path in sorted(self._jobs.glob("*.sql"))]

    async def inputs(self, job: Job) -> frozenset[str]:
        """The tables that a job reads and does not make: as its header says, else as the engine does.

        Raises InputError (PAI021) where neither can.
        """
        if job.inputs:
            return frozenset(job.inputs)
        given = dict.fromkeys(job.parameters, "")
        accounts = [await self._engine.account(sql, f"{job.where}:{line}") for line, sql in job.bound(given).statements
                    if not _CREATE.match(sql)]
        return frozenset(table for account in accounts for table in account.reads) - {job.output}

    async def run(self, job: Job, sources: Sequence[str]) -> int:
        """Rows written by its last statement, or returned by a query; ``sources``: where its text came from.

        Raises InputError (PAI021, PAI022) and PolicyDenied; then nothing was read, and no table is new.
        """
        made: list[Table] = []
        try:
            planned = await self._planned(job, made)
            token = await ask(self._policy, job, [account for _, _, account in planned], self._catalog, sources)
        except SightlineError:
            for table in made:
                await self._drop(table)
            raise
        with self._lib.activity(job.activity, purpose=job.purpose, claims=token):
            return [await self._execute(*statement) for statement in planned][-1]

    async def create(self, table: Table) -> None:
        """Makes the table where it is missing, and registers its labels.  Raises InputError (PAI022)."""
        await self._engine.create(table)
        self._lib.register(table.asset, table.labels, table.owner)

    async def _planned(self, job: Job, made: list[Table]) -> Sequence[Planned]:
        planned: list[Planned] = []
        for line, sql in job.statements:
            where = f"{job.where}:{line}"
            if not _CREATE.match(sql):
                planned.append((sql, where, await self._engine.account(sql, where)))
                continue
            label = Label(operational="derived", annotations=job.annotations) if job.annotations else None
            table = tables_of.parse(sql, job.where, line, label)
            if table.database not in {known.database for known in self._catalog.values()}:
                raise InputError("PAI022", f"there is no database {table.database!r}", where=where)
            if table.name not in self._catalog:
                await self.create(table)
                self._catalog[table.name] = table
                made.append(table)
        if not planned:
            raise InputError("PAI021", "the job only makes tables; it has no statement to run", where=job.where)
        return planned

    async def _drop(self, table: Table) -> None:
        await self._engine.drop(table)
        del self._catalog[table.name]

    async def _execute(self, sql: str, where: str, account: Account) -> int:
        """One signal per table read and per table written; the collector resolves columns from the statement."""
        lib = self._lib
        detail = {"statement": sql, "reads": {table: list(columns) for table, columns in account.reads.items()},
                  "writes": {table: list(columns) for table, columns in account.writes.items()}}
        reads = [lib.read(self._catalog[table].asset, fields=columns)
                 for table, columns in sorted(account.reads.items())]
        writes = [lib.write(self._catalog[table].asset, fields=columns, detail=dict(detail))
                  for table, columns in sorted(account.writes.items())]
        with together([*reads, *writes]):
            rows = await self._engine.run(sql, account, where)
            for op in writes or reads:
                op.rows = rows
        return rows
