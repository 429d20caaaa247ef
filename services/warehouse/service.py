"""[B] and [D] The warehouse: rows in, jobs over them, columns out to whoever holds a token.

The token of a read is checked by PrivacyLib's guard at this boundary, not by this code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from lineage import condition, names
from lineage.condition import Condition
from lineage.errors import InputError
from lineage.model import Label
from lineage.names import join
from lineage.privacylib import PrivacyLib
from lineage.pseudonyms import Pseudonyms
from protos.rows_pb2 import Rows
from protos.warehouse_pb2 import (
    AppendRequest,
    AppendResponse,
    Column,
    DescribeRequest,
    DescribeResponse,
    ExportRequest,
    ExportResponse,
    JobRequest,
    JobResponse,
    ReadRequest,
    ReadResponse,
    ScheduledRun,
    ScheduleRequest,
    ScheduleResponse,
)
from protos.warehouse_pb2_grpc import WarehouseServicer, add_WarehouseServicer_to_server
from services import rows as typed
from services.debug import DebugLog
from services.errors import reported
from services.rows import Cell
from services.seams import Clock, Store, Workers
from services.warehouse import catalog as tables_of
from services.warehouse.catalog import KEY, Table, columns_of, table_of
from services.warehouse.consent import Consent, Origin, Visible
from services.warehouse.engine import MakeEngine
from services.warehouse.exporter import Exporter
from services.warehouse.permission import Permission, written_as
from services.warehouse.release import Releases
from services.warehouse.runner import Runner
from services.warehouse.scheduler import Scheduler
from services.warehouse.sqlite import SqliteEngine
from services.warehouse.stream import Streams
from services.warehouse.writer import append

TABLES = Path(__file__).with_name("tables")
JOBS = Path(__file__).with_name("jobs")
# Where the text of a job came from that was asked for by name or as SQL.
_TEXT = ["rpc:warehouse.RunJob.request#job", "rpc:warehouse.RunJob.request#sql",
         "rpc:warehouse.RunJob.request#parameters"]
EXPORTS = Path(__file__).with_name("exports")


class WarehouseService(WarehouseServicer):
    """``policy``: a PolicyStub, asked before a job runs; ``permission`` checks its tokens,
    ``releases`` what a review claims of a job's rows.  ``engine``: SQLite in
    ``store`` where none is given.  ``workers`` write the parts of an export.  ``names``: of the people whose rows
    arrive, for the lineage store and for whoever asks whose rows were read."""

    name = "warehouse"

    def __init__(self, lib: PrivacyLib, store: Store, clock: Clock, policy: Any, *, tables: Path = TABLES,
                 jobs: Path = JOBS, exports: Path = EXPORTS, engine: MakeEngine | None = None,
                 permission: Permission | None = None, workers: Workers | None = None,
                 releases: Releases | None = None, names: Pseudonyms | None = None) -> None:
        self._lib = lib
        self._names = names
        self._debug = DebugLog(lib, store)
        self.catalog = tables_of.load(tables)
        self._engine = engine(self.catalog) if engine else SqliteEngine(store, self.catalog)
        self._consent = Consent(lib, policy)
        self._permission = permission
        self._runner = Runner(lib, self._engine, policy, self.catalog, jobs, self._consent, permission,
                              releases)
        self._releases = releases
        self._scheduler = Scheduler(lib, self._runner)
        self._streams = Streams(lib, self._runner)
        self._exporter = Exporter(lib, store, policy, self.catalog, exports, workers, self._consent, permission)

    def register(self, server: Any) -> None:
        add_WarehouseServicer_to_server(self, server)

    async def start(self) -> None:
        """Attaches the databases, makes what tables are missing, registers every label, and reads the streams."""
        for database in sorted({table.database for table in self.catalog.values()}):
            await self._engine.attach(database)
        for table in self.catalog.values():
            await self._runner.create(table)
        if self._releases is not None:
            self._releases.start()
        self._streams.start()
        self._exporter.start()

    async def stop(self) -> None:
        """Nothing is kept outside the engine."""
        await self._engine.close()

    async def Append(self, request: AppendRequest, context: Any) -> AppendResponse:
        async with reported(context, self.name, self._debug):
            table = table_of(self.catalog, request.rows.schema)
            await append(self._lib, self._engine, table, request.rows, self._names)
            self._lib.respond({"appended": []})
            await self._streams.appended(table.name, list(request.rows.columns), typed.cells(request.rows))
            return AppendResponse(appended=len(request.rows.rows))

    async def RunJob(self, request: JobRequest, context: Any) -> JobResponse:
        async with reported(context, self.name, self._debug):
            job = self._runner.job(request.job, request.sql).bound(request.parameters)
            written = await self._runner.run(job, _TEXT, request.token)
            self._lib.respond({"rows": [], "output": []})
            return JobResponse(rows=written, output=job.output)

    async def RunSchedule(self, request: ScheduleRequest, context: Any) -> ScheduleResponse:
        async with reported(context, self.name, self._debug):
            runs = await self._scheduler.run(request.first, request.last)
            self._lib.respond({"runs": []})
            return ScheduleResponse(runs=[ScheduledRun(**vars(run)) for run in runs])

    async def Export(self, request: ExportRequest, context: Any) -> ExportResponse:
        async with reported(context, self.name, self._debug):
            if not isinstance(self._engine, SqliteEngine):
                raise InputError("PAI022", "an export's workers read SQLite's files, and this warehouse has another "
                                           "engine", where="warehouse.Export", next="run with --engine sqlite")
            done = await self._exporter.run(request.export)
            self._lib.respond({"rows": [], "parts": [], "written": [], "output": []})
            return ExportResponse(rows=done.rows, parts=done.parts, written=done.written, output=done.output)

    async def Describe(self, request: DescribeRequest, context: Any) -> DescribeResponse:
        """Columns and labels, from the catalog alone.

        Rows are not counted: this is asked before anyone is admitted, when nothing may be read.  An operational
        column's category is ``operational:what``, so that it is not taken for one without a label.
        """
        async with reported(context, self.name, self._debug):
            table = table_of(self.catalog, request.table, "PAI020")
            described = [Column(name=column.name, type=column.type, annotations=column.label.annotations,
                                category=column.label.category or f"operational:{column.label.operational}")
                         for column in table.columns.values()]
            self._lib.respond({"table": [], "columns": [], "partition": [], "subject": [], "origin": [],
                               "snapshot": []})
            return DescribeResponse(table=table.name, columns=described, partition=table.partition,
                                    subject=table.subject, origin=table.origin,
                                    snapshot=await self._engine.snapshot(table))

    async def Read(self, request: ReadRequest, context: Any) -> ReadResponse:
        async with reported(context, self.name, self._debug):
            activity = request.activity
            if activity and not names.parse(activity).is_activity:
                raise InputError("PAI004", f"{activity!r} is not an activity: job:…, training:… or query:…",
                                 where="warehouse.Read")
            table = table_of(self.catalog, request.table)
            if request.subject and not table.subject:
                raise InputError("PAI004", f"{table.name} has no column that says whose a row is", where=table.asset)
            only = _only(request, table)
            asked = dict.fromkeys((*request.columns, *(only.columns if only else ())))
            claims = self._permission.read(self._lib.context.claims, activity) if self._permission else None
            await self._unchanged(table, claims, activity)
            seen = await self._visible(table, asked, activity, claims)
            with self._lib.activity(activity) if activity else nullcontext():
                rows = await self._read(request, table, seen, only)
            # Others write while it is asked who has withdrawn, and while an engine reads.
            await self._unchanged(table, claims, activity)
            # What was asked for, and the columns that it is looked up in, decide which rows there are; where there are
            # none, nothing flowed.
            decided = [f"rpc:warehouse.Read.request#{name}" for name in ("subject", "where") if getattr(request, name)]
            decided += [join(table.asset, column) for column in _sought(request, table, only)]
            kept = {"without_consent": seen.withheld, "abroad": seen.abroad}
            self._lib.respond({f"{rows.schema}.{column}": [f"warehouse:{rows.schema}#{column}", *decided]
                               if rows.rows else [] for column in rows.columns}
                              | {name: [] for name, count in kept.items() if count})
            return ReadResponse(rows=rows, **kept)

    async def _visible(self, table: Table, columns: Iterable[str], activity: str, claims: Any) -> Visible:
        """What the caller's token lets it see; without one, the guard lets nobody see governed rows."""
        if claims is None or self._permission is None:
            return Visible({}, frozenset())
        annotations = {name for column in columns for name in table.labels.get(column, Label()).annotations}
        withdrawn, subjects = frozenset[str](), {}
        if table.subject and self._permission.consent_needed(annotations, claims.purpose):
            epoch, withdrawn = await self._consent.withdrawn(claims.purpose)
            self._permission.epoch(claims, activity, epoch)
            subjects[table.name] = table.subject
        rows, unasked = self._permission.rows(annotations, claims)
        # Who reads keeps what the token says: it is to be no less than who was asked.
        unasked &= self._permission.admitted(claims, table.name)[1]
        chosen = table.origin and (rows is not None or (subjects and unasked))
        return Visible(subjects, withdrawn, origins={table.name: Origin(table.origin, rows, unasked)} if chosen else {})

    async def _unchanged(self, table: Table, claims: Any, activity: str) -> None:
        """The table is as it was when the reader was admitted, where the token is bound to that."""
        if self._permission is not None and claims is not None and claims.snapshots:
            now = written_as({table.name: await self._engine.snapshot(table)}, self.catalog)
            self._permission.unchanged(claims, activity, now)

    async def _read(self, request: ReadRequest, table: Table, seen: Visible, only: Condition | None) -> Rows:
        """The rows that were asked for, each with the correlation key that its table keeps; ``only``: those."""
        columns = [column.name for column in columns_of(table, request.columns)]
        if not columns or len(set(columns)) != len(columns):
            raise InputError("PAI004", "a read names the columns that it needs, each once", where=table.asset)
        # The key travels with each row, so it is read, and has to be admitted, like any other column.
        read = [*columns, KEY] if KEY in table.columns and KEY not in columns else columns
        # What a condition names is read of every row, to see which ones are asked for.
        read = list(dict.fromkeys((*read, *(only.columns if only else ()))))
        whose = _whose(request, table, seen) if self._names is not None else ""
        wanted = list(dict.fromkeys((*read, *(seen.columns(table.name) if whose else ()))))
        # So does the column that says whose a row is, where that decides whether it may be seen, or is asked for.
        used = dict.fromkeys((*read, *seen.columns(table.name), *([table.subject] if request.subject else [])))
        seen.unasked[table.name] = [column for column in seen.columns(table.name) if column not in read]
        with self._lib.read(table.asset, fields=tuple(used)) as op:
            begun = perf_counter_ns()
            found = await self._engine.read(table, wanted, seen, request.subject)
            seen.took = perf_counter_ns() - begun
            op.detail.update(seen.told(table.name))
            if request.subject and self._names is not None:
                op.detail["subject"] = self._names.of(request.subject)
            named = [dict(zip(wanted, row, strict=True)) for row in found]
            if only:
                named = [row for row in named if only.holds(row)]
            keyed = [(str(row[KEY]) if KEY in read else "",
                      [*(row[column] for column in columns), *([self._told(table, row, seen)] if whose else [])])
                     for row in named]
            op.rows, op.keys = len(named), tuple(key for key, _ in keyed if key)
        return typed.make(table.name, [*columns, *([whose] if whose else [])], keyed)

    def _told(self, table: Table, row: Mapping[str, Cell], seen: Visible) -> str:
        """By pseudonym whose the row is; of a row whose wearer's consent is not needed, nobody's."""
        if self._names is None or seen.free(table.name, row.get(table.origin)):
            return ""
        return self._names.of(row[table.subject])


def _whose(request: ReadRequest, table: Table, seen: Visible) -> str:
    """The column to be told as pseudonyms, if any: it decides which rows may be seen, so it is admitted."""
    told = request.pseudonyms and table.name in seen.subjects and table.subject not in request.columns
    return table.subject if told else ""


def _sought(request: ReadRequest, table: Table, only: Condition | None) -> list[str]:
    """The columns by which rows are chosen, as the caller asked."""
    return [*([table.subject] if request.subject else []), *(only.columns if only else ())]


def _only(request: ReadRequest, table: Table) -> Condition | None:
    """Raises InputError (PAI027) for a condition that is none, or not on this table."""
    if not request.where:
        return None
    found = condition.parse(request.where, "rpc:warehouse.Read.request#where")
    found.check({column.name: column.type for column in table.columns.values()}, table.asset)
    return found
