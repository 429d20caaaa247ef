"""[B] Runs what a claim on a job's output asks of its rows, before the job counts.

Whether the rows may be released is not judged here: ``Releases`` is injected, and judges.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

from lineage.errors import PolicyDenied
from lineage.privacylib import Operation, PrivacyLib, together
from services.warehouse.catalog import Table
from services.warehouse.consent import Visible
from services.warehouse.engine import Account, Engine
from services.warehouse.job import Job

# An item of ``Releases.asked``, and the rows of its query.
Answer = tuple[Any, Sequence[Sequence[Any]]]
# (code, why): records the refusal.
Refuse = Callable[[str, str], None]


class Releases(Protocol):
    """Each method but ``keep`` raises PolicyDenied (PAI316)."""

    def start(self) -> None: ...

    def asked(self, lowered: Iterable[str], sql: str, reads: Mapping[str, Collection[str]], writes: Collection[str],
              tables: Mapping[str, Collection[str]], labels: Mapping[str, Collection[str]]) -> list[Any]:
        """Each with ``query``, ``reads`` and ``aside``, of which :meth:`judged` is to be told the rows."""

    def judged(self, asked: Any, rows: Sequence[Sequence[Any]], written: int) -> Any: ...

    def keep(self, found: Sequence[tuple[Any, Any]]) -> None:
        """What is about to count."""


class Unchecked:
    """Implements ``Releases`` where there is none: what a review let through can't be checked, so it is refused."""

    def start(self) -> None:
        """Nothing is remembered."""

    def asked(self, lowered: Iterable[str], sql: str, reads: Mapping[str, Collection[str]], writes: Collection[str],
              tables: Mapping[str, Collection[str]], labels: Mapping[str, Collection[str]]) -> list[Any]:
        raise PolicyDenied("PAI316", "this warehouse checks no claims, so nothing runs that a review let through")

    def judged(self, asked: Any, rows: Sequence[Sequence[Any]], written: int) -> Any:
        """Never asked."""

    def keep(self, found: Sequence[tuple[Any, Any]]) -> None:
        """There is nothing to keep."""


class Release:
    """Of one job.  Its reads begin in a scope of their own, and end when the job has counted, or was undone."""

    def __init__(self, lib: PrivacyLib, engine: Engine, catalog: Mapping[str, Table], releases: Releases,
                 refuse: Refuse, job: Job, token: bytes, lowered: Sequence[str]) -> None:
        self._lib = lib
        self._engine = engine
        self._catalog = catalog
        self._releases = releases
        self._refuse = refuse
        self._job = job
        self._token = token
        self._lowered = lowered
        self._scope = contextvars.Context()
        self._key = lib.context.key
        self._found: list[tuple[Any, Any]] = []
        self._operations: list[Operation] = []

    @contextmanager
    def around(self, operations: Sequence[Operation]) -> Iterator[None]:
        """The job's operations and its own: what was refused never was."""
        with together(operations):
            try:
                yield
            except BaseException as error:
                for op in (*operations, *self._operations) if isinstance(error, PolicyDenied) else ():
                    op.silent = True
                for op in self._operations:
                    op.__exit__(type(error), error, None)
                raise
            for op in self._operations:
                op.__exit__(None, None, None)

    def before(self, text: str, account: Account, seen: Visible) -> list[Answer]:
        """What has to be asked of the rows that a statement is about to write, and the answers."""
        if not self._lowered:
            return []
        with self._refusing():
            tables = self._catalog.items()
            asked = self._releases.asked(
                self._lowered, text, account.reads, account.writes,
                {name: list(table.columns) for name, table in tables},
                {name: {one for label in table.labels.values() for one in label.annotations} for name, table in tables})
            if asked and not self._engine.whole_jobs:
                raise PolicyDenied("PAI316", "this engine cannot undo a job, so a claim on its rows cannot be checked")
        return [(one, self._scope.run(self._rows, one, seen)) for one in asked]

    def after(self, answers: Sequence[Answer], written: int) -> None:
        with self._refusing():
            self._found += [(asked, self._releases.judged(asked, rows, written)) for asked, rows in answers]

    def keep(self) -> None:
        """Right before the job counts."""
        if self._found:
            self._scope.run(self._kept)

    def _kept(self) -> None:
        with self._lib.scope(key=self._key):
            self._releases.keep(self._found)

    def _rows(self, asked: Any, seen: Visible) -> Sequence[Sequence[Any]]:
        with self._lib.scope(key=self._key), self._lib.activity(self._job.activity, purpose=self._job.purpose,
                                                                claims=self._token):
            for table, columns in sorted(asked.reads.items()):
                op = self._lib.read(self._catalog[table].asset, fields=tuple(columns),
                                    detail={"aside": list(asked.aside)})
                op.__enter__()
                self._operations.append(op)
            return self._engine.rows(asked.query, replace(seen, checked=0, withheld=0, located=0, abroad=0))

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """What is refused is a decision too."""
        try:
            yield
        except PolicyDenied as error:
            self._refuse(error.code, error.what)
            raise
