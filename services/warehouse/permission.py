"""[B] Asks the policy service whether a job may run, and holds the run to the answer.

The statements go to the policy service as they are, with the labels of the tables that the engine says they
touch; it reads the flows itself.  The permission service (``Permission``, injected) checks the token right before
the first statement, against what the engine says then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from lineage.errors import PolicyDenied, SightlineError
from lineage.model import labels_digest
from lineage.names import join
from protos.policy_pb2 import JudgedColumn, JudgedTable, JudgeRequest, Verdict
from services.errors import calling
from services.warehouse.catalog import Table
from services.warehouse.engine import Account

# Seconds.
DEADLINE = 5.0
PRINCIPAL = "warehouse"


class Execution(NamedTuple):
    """What is about to run; ``snapshots``: "core.sessions=…" of each table that it touches, as it is now;
    ``written``: the statements before ``parameters`` were put in."""

    activity: str
    purpose: str
    statements: tuple[str, ...]
    reads: frozenset[str]
    writes: frozenset[str]
    snapshots: frozenset[str]
    owner: str = ""
    region: str = ""
    written: tuple[str, ...] = ()
    parameters: Mapping[str, str] = {}


class Claims(Protocol):
    """What of a token the warehouse uses: the tables that need consent, and in which epoch it was given; those of
    which only rows of some origins may be seen, or be seen without consent (``Permission.admitted`` reads them)."""

    @property
    def purpose(self) -> str: ...

    @property
    def consenting(self) -> tuple[str, ...]: ...

    @property
    def epoch(self) -> int: ...

    @property
    def origins(self) -> tuple[str, ...]: ...

    @property
    def lowered(self) -> tuple[str, ...]: ...


class Permission(Protocol):
    """The Warehouse Permission Service.  Each method raises PolicyDenied (PAI303)."""

    def execute(self, token: bytes, run: Any) -> Claims:
        """Uses the token up."""

    def read(self, token: bytes, activity: str) -> Claims:
        """The token of whoever reads rows."""

    def consent_needed(self, annotations: Collection[str], purpose: str) -> bool:
        """Of data with these annotations, only rows may be seen whose wearer consents to the purpose."""

    def rows(self, annotations: Collection[str], claims: Any) -> tuple[frozenset[str] | None, frozenset[str]]:
        """Of data with these annotations: the origins of which rows may be seen (None: all rows), and those of which
        they need no consent."""

    def admitted(self, claims: Any, table: str) -> tuple[frozenset[str] | None, frozenset[str]]:
        """The same as the token has it for a table."""

    def unchanged(self, claims: Any, activity: str, now: Collection[str]) -> None:
        """The token names these snapshots of the tables, where it is bound to any."""

    def epoch(self, claims: Any, activity: str, now: int) -> None:
        """The consent that the token was given under still holds."""

    def refuse(self, claims: Any, activity: str, code: str, why: str) -> None:
        """Records a refusal; raises only where something is enforced."""


async def ask(policy: Any, run: Execution, tables: Iterable[JudgedTable], sources: Sequence[str]) -> bytes:
    """The token of an allowed job, for its owner; ``sources``: where its text came from.  Raises as ``asked``."""
    return await asked(policy, JudgeRequest(
        activity=run.activity, purpose=run.purpose, principal=run.owner or PRINCIPAL,
        statements=run.statements, tables=tables, region=run.region, written=run.written, parameters=run.parameters,
        reads=sorted(name.removeprefix("warehouse:") for name in run.reads),
        writes=sorted(name.removeprefix("warehouse:") for name in run.writes)), sources)


async def asked(policy: Any, request: JudgeRequest, sources: Sequence[str]) -> bytes:
    """The token of an allowed activity; ``sources``: what asked for it.

    Raises PolicyDenied; PAI305 when ``policy`` (a PolicyStub) cannot be asked.
    """
    of_fields = {field: list(sources) for field in ("activity", "purpose", "statements", "region")}
    activity = request.activity
    try:
        with calling("policy"):
            verdict: Verdict = await policy.Judge(request, sources=of_fields, timeout=DEADLINE)
    except PolicyDenied:
        raise
    except SightlineError as error:
        raise PolicyDenied("PAI305", f"{activity} was not run: {error.what}", where=activity) from None
    if not verdict.allowed:
        raise PolicyDenied(verdict.code or "PAI305", verdict.reason, where=activity)
    return verdict.token


def judged(table: Table, snapshot: str) -> JudgedTable:
    return JudgedTable(name=table.name, snapshot=snapshot, subject=table.subject, origin=table.origin, columns=[
        JudgedColumn(name=column.name, type=column.type, annotations=column.label.annotations,
                     annotated=column.label.annotated) for column in table.columns.values()])


def touched(accounts: Iterable[Account], catalog: Mapping[str, Table]) -> tuple[frozenset[str], frozenset[str]]:
    """Field-level names that are read, and written: the engine's account of all statements together."""
    reads: set[str] = set()
    writes: set[str] = set()
    for account in accounts:
        for side, found in ((account.reads, reads), (account.writes, writes)):
            found.update(join(catalog[table].asset, column) for table, columns in side.items() for column in columns)
    return frozenset(reads), frozenset(writes)


def written_as(snapshots: Mapping[str, str], catalog: Mapping[str, Table]) -> frozenset[str]:
    """As a token has them: with the labels, for they are what was judged."""
    return frozenset(f"{name}={snapshot}/{_digest(catalog[name])}" for name, snapshot in snapshots.items())


def _digest(table: Table) -> str:
    return labels_digest([(column.name, column.label.annotations, column.label.annotated)
                          for column in table.columns.values()], table.subject, table.origin)
