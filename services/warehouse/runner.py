"""[B] Runs a job: its tables, the engine's dry run, the policy's verdict, and only then the rows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Any, NamedTuple

from lineage.errors import InputError, PolicyDenied, SightlineError
from lineage.privacylib import Operation, PrivacyLib
from services.warehouse import catalog as tables_of
from services.warehouse import job as jobs_of
from services.warehouse.catalog import Table
from services.warehouse.consent import CONSENTS, SEES, Consent, Origin, Visible, narrowed
from services.warehouse.engine import Account, Engine, note
from services.warehouse.job import Job
from services.warehouse.permission import Claims, Execution, Permission, ask, judged, touched, written_as
from services.warehouse.release import Release, Releases, Unchecked

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CREATE = re.compile(r"CREATE\b", re.IGNORECASE)
# How often a job is judged anew because its tables have changed meanwhile.
JUDGEMENTS = 3
# A statement with its place and what the engine says that it touches.
Planned = tuple[str, str, Account]


class Ready(NamedTuple):
    """``text`` is what runs: the statement ``sql``, on the rows that may be ``seen``."""

    sql: str
    text: str
    seen: Visible
    where: str
    account: Account


class Runner:
    """``catalog`` grows by the tables that jobs make; without ``permission`` no token is checked here."""

    def __init__(self, lib: PrivacyLib, engine: Engine, policy: Any, catalog: dict[str, Table], jobs: Path,
                 consent: Consent, permission: Permission | None = None, releases: Releases | None = None) -> None:
        self._lib = lib
        self._engine = engine
        self._policy = policy
        self._catalog = catalog
        self._jobs = jobs
        self._consent = consent
        self._permission = permission
        self._releases = releases
        # Tables that jobs of an earlier life made, which nobody has declared since.
        self._older: set[str] = set()
        self._lock = asyncio.Lock()

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

    async def run(self, job: Job, sources: Sequence[str], token: bytes = b"") -> int:
        """Rows written by its last statement, or returned by a query; ``sources``: where its text came from.

        ``token``: the caller's own, else the policy service is asked.  Raises InputError (PAI021, PAI022) and
        PolicyDenied; then nothing was read or written, and no table is new, as far as the engine does whole jobs.
        """
        # One at a time: what a refused job made is undone, which must be nobody else's by then.
        async with self._lock:
            return await self._run(job, sources, token)

    async def _run(self, job: Job, sources: Sequence[str], token: bytes) -> int:
        undo: list[tuple[Table | None, Table]] = []
        try:
            planned = await self._planned(job, undo)
            token, claims = await self._permitted(job, planned, sources, token)
            if not self._engine.whole_jobs:
                undo.clear()  # what an earlier statement wrote stays, and so does its table
            return await self._all(job, planned, token, claims)
        except BaseException:
            for known, table in reversed(undo):
                await self._unmake(known, table)
            raise

    async def _all(self, job: Job, planned: Sequence[Planned], token: bytes, claims: Claims | None) -> int:
        """Every statement or none, where the engine can; else each for itself.  Rows of the last one."""
        written = 0
        for group in [planned] if self._engine.whole_jobs else [[one] for one in planned]:
            ready = []
            for sql, where, account in group:
                ready.append(Ready(sql, *await self._visible(job, sql, where, account, claims), where, account))
            with self._lib.activity(job.activity, purpose=job.purpose, claims=token):
                written = await self._execute(ready, self._release(job, token, claims))
        return written

    async def _permitted(self, job: Job, planned: Sequence[Planned], sources: Sequence[str],
                         token: bytes) -> tuple[bytes, Claims | None]:
        """Rows may come while the policy service thinks: then it is asked about the tables as they are now."""
        accounts = [account for _, _, account in planned]
        reads, writes = touched(accounts, self._catalog)
        names = sorted({table for account in accounts for table in (*account.reads, *account.writes)})
        statements = tuple(sql for sql, _, _ in planned)
        for left in reversed(range(JUDGEMENTS)):
            seen = await self._snapshots(names)
            run = Execution(job.activity, job.purpose, statements, reads, writes, written_as(seen, self._catalog),
                            job.owner, job.region,
                            tuple(sql for _, sql in job.written if not _CREATE.match(sql)), job.given)
            given = token or await ask(self._policy, run, [judged(self._catalog[name], seen[name]) for name in names],
                                       sources)
            now = await self._snapshots(names)
            if token or now == seen or not left:
                run = run._replace(snapshots=written_as(now, self._catalog))
                claims = self._permission.execute(given, run) if self._permission else None
                return given, claims
        raise AssertionError("the last judgement is always used")

    async def _snapshots(self, names: Iterable[str]) -> dict[str, str]:
        return {name: await self._engine.snapshot(self._catalog[name]) for name in names}

    async def _visible(self, job: Job, sql: str, where: str, account: Account,
                       claims: Claims | None) -> tuple[str, Visible]:
        """The statement on the rows that it may see; ``account`` gains the columns that say whose they are."""
        if claims is None or self._permission is None:
            return sql, Visible({}, frozenset())
        touched = sorted({**account.reads, **account.writes})
        subjects = {table: self._catalog[table].subject for table in claims.consenting
                    if table in touched and self._catalog[table].subject}
        withdrawn = frozenset[str]()
        if subjects:
            epoch, withdrawn = await self._consent.withdrawn(job.purpose)
            self._permission.epoch(claims, job.activity, epoch)
        admitted = {table: self._permission.admitted(claims, table) for table in touched if self._catalog[table].origin}
        seen = Visible(subjects, withdrawn, origins={
            table: Origin(self._catalog[table].origin, rows, unasked) for table, (rows, unasked) in admitted.items()
            if rows is not None or (table in subjects and unasked)})
        columns = {table: [column for column in self._catalog[table].columns
                           if column in (*account.reads.get(table, ()), *seen.columns(table))]
                   for table in seen.tables}
        try:
            text, tables = narrowed(sql, columns, seen, where)
        except PolicyDenied as error:
            self._permission.refuse(claims, job.activity, error.code, error.what)
            raise
        for table in tables:
            seen.unasked[table] = [column for column in seen.columns(table)
                                   if column not in account.reads.get(table, ())]
            note(account.reads, table, seen.columns(table))
        return text, seen

    async def create(self, table: Table) -> None:
        """Makes the table where it is missing, and registers its labels.  Raises InputError (PAI022)."""
        await self._engine.create(table)
        self._lib.register(table.asset, table.labels, table.owner)

    async def _planned(self, job: Job, undo: list[tuple[Table | None, Table]]) -> Sequence[Planned]:
        """``undo``: (table before, or None; table now) of each that was made or got columns."""
        planned: list[Planned] = []
        for line, sql in job.statements:
            where = f"{job.where}:{line}"
            if own := next((name for name in (CONSENTS, SEES) if name in sql.lower()), ""):
                raise InputError("PAI021", f"{own} is the warehouse's own function", where=where)
            if not _CREATE.match(sql):
                planned.append((sql, where, await self._engine.account(sql, where)))
                continue
            table = tables_of.parse(sql, job.where, line, job.label)
            if table.database not in {known.database for known in self._catalog.values()}:
                raise InputError("PAI022", f"there is no database {table.database!r}", where=where)
            tables_of.called(self._catalog, table.name, where)
            known = self._catalog.get(table.name)
            more = tables_of.widened(known, table, where) if known else table
            if more is not None:
                if known is None and self._engine.whole_jobs and await self._engine.schema(table):
                    self._older.add(table.name)
                undo.append((known, more))
                await self._make(known, more)
        if not planned:
            raise InputError("PAI021", "the job only makes tables; it has no statement to run", where=job.where)
        return planned

    async def _make(self, known: Table | None, table: Table) -> None:
        """A new table, or more columns of the one that is known."""
        if known is None:
            await self.create(table)
            self._catalog[table.name] = table
            return
        self._catalog[table.name] = table  # an engine may look there as soon as it has the columns
        try:
            await self._engine.widen(known, [*table.columns.values()][len(known.columns):])
        except SightlineError:
            self._catalog[table.name] = known
            raise
        self._lib.register(table.asset, table.labels, table.owner)

    async def _unmake(self, known: Table | None, table: Table) -> None:
        """Nothing is in what was made, since no statement has run; what an earlier life made is left alone."""
        if table is not self._catalog.get(table.name):
            return
        if known is None:
            if table.name not in self._older:
                await self._engine.drop(table)
            del self._catalog[table.name]
        else:
            self._catalog[table.name] = known
            await self._engine.narrow(known, [*table.columns][len(known.columns):])
            self._lib.register(known.asset, known.labels, known.owner)

    def _release(self, job: Job, token: bytes, claims: Claims | None) -> Release:
        """What a review claims of the job's rows is checked; where nobody can, nothing that was lowered runs."""
        permission, lowered = self._permission, claims.lowered if claims else ()

        def refuse(code: str, why: str) -> None:
            if permission is not None:
                permission.refuse(claims, job.activity, code, why)

        return Release(self._lib, self._engine, self._catalog, self._releases or Unchecked(), refuse, job, token,
                       lowered)

    async def _execute(self, ready: Sequence[Ready], release: Release) -> int:
        """One signal per table read and per table written; the collector resolves columns from the statement.

        They begin before the first statement runs, so that whatever is refused or fails, nothing of it counts.
        """
        begun = [self._operations(one) for one in ready]
        written = 0
        with release.around([op for ops in begun for op in ops]), self._engine.transaction():
            for one, ops in zip(ready, begun, strict=True):
                answers = release.before(one.text, one.account, one.seen)
                since = perf_counter_ns()
                written = await self._engine.run(one.text, one.account, one.where, one.seen)
                one.seen.took = perf_counter_ns() - since
                self._noted(ops, one, written)
                release.after(answers, written)
            release.keep()
        return written

    def _operations(self, one: Ready) -> list[Operation]:
        lib, account = self._lib, one.account
        detail = {"statement": one.sql, "reads": {table: list(columns) for table, columns in account.reads.items()},
                  "writes": {table: list(columns) for table, columns in account.writes.items()}}
        return [*(lib.read(self._catalog[table].asset, fields=columns)
                  for table, columns in sorted(account.reads.items())),
                *(lib.write(self._catalog[table].asset, fields=columns, detail=dict(detail))
                  for table, columns in sorted(account.writes.items()))]

    @staticmethod
    def _noted(ops: Sequence[Operation], one: Ready, written: int) -> None:
        seen, writes = one.seen, any(op.kind == "write" for op in ops)
        for op in ops:
            if op.kind == "write" or not writes:
                op.rows = written
            table = op.asset.removeprefix("warehouse:")
            if op.kind == "read":
                op.detail.update(seen.told(table))
