"""[B] Dead letters: events that could not be taken, kept with the reason until they are replayed.

What they hold is as personal as what went on, so each category's dead letters are an asset of their own,
``logger:dead_letter.<category>``, with the category's labels; what no config describes (``unknown``), and whole
events of categories that nobody knows (``logger:dead_letter#unknown``), have the labels of everything together.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping, Sequence

from lineage.model import Finding, Label
from lineage.privacylib import PrivacyLib
from protos.logger_pb2 import DeadLetter, LogRequest
from protos.rows_pb2 import Row, Rows
from services.logger.category import Category
from services.logger.queue import Queue, Record
from services.seams import Store

UNKNOWN = "unknown"
REASON = "reason"
REQUEST = "rpc:logger.Append.request"
# Of events whose category nobody knows.
_NOBODYS = "dead_letter"
_NAME = re.compile(r"[A-Za-z0-9_]+")
_SCHEMA = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]*")


class DeadQueue:
    """Of one category, or of what belongs to none (``category`` None)."""

    def __init__(self, lib: PrivacyLib, store: Store, category: Category | None, everything: Label) -> None:
        self._lib = lib
        self.category = category
        self.name = category.name if category else ""
        self.asset = category.dead if category else f"logger:{_NOBODYS}"
        self.labels: Mapping[str, Label] = {**(category.labels if category else {}), UNKNOWN: everything,
                                            REASON: Label(operational="reason")}
        self.queue = Queue(store, self.asset.removeprefix("logger:"))
        # (reason, events) of each record that waits, oldest first.
        self._reasons: deque[tuple[str, int]] = deque()

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.labels)

    @property
    def counts(self) -> Counter[str]:
        """Kind of reason → events."""
        found: Counter[str] = Counter()
        for reason, count in self._reasons:
            found[reason.partition(":")[0]] += count
        return found

    @staticmethod
    def key(payload: bytes) -> str:
        return DeadLetter.FromString(payload).request.events.rows[0].key

    def register(self) -> None:
        """Its labels; not before it holds anything, so that what never was is on nobody's map."""
        self._lib.register(self.asset, self.labels, self.category.owner if self.category else "")

    def recovered(self, records: Iterable[Record]) -> None:
        self._reasons.extend((DeadLetter.FromString(one.payload).reason, one.events) for one in records)

    def records(self, rows: Rows, version: int, bad: Mapping[str, Sequence[Row]]) -> list[Record]:
        """``rows``: the events' category and columns."""
        return [Record(len(events), DeadLetter(request=LogRequest(version=version, events=Rows(
            schema=rows.schema, columns=rows.columns, rows=events)), reason=reason, unknown=[
                column for column in rows.columns if not self._describes(column)]).SerializeToString())
            for reason, events in bad.items()]

    async def append(self, rows: Rows, version: int, bad: Mapping[str, Sequence[Row]],
                     origins: Mapping[str, str] | None = None) -> None:
        """Durable when it returns.  Raises RunError (PAI033, PAI040), PolicyDenied.

        ``origins``: column → the field-level name that it comes from; None: the request.
        """
        links: dict[str, list[str]] = {}
        for column, origin in (requested(rows) if origins is None else origins).items():
            links.setdefault(column if self._describes(column) else UNKNOWN, []).append(origin)
        self.register()
        keys = [row.key for events in bad.values() for row in events]
        records = self.records(rows, version, bad)
        with self._lib.write(self.asset, fields=(*links, REASON), sources=links, rows=len(keys), keys=keys):
            await self.queue.append(records)
        for (reason, events), _ in zip(bad.items(), records, strict=True):
            self._reasons.append((reason, len(events)))
            self._lib.finding(Finding("PAI041", self.asset, f"{self.name or 'events of no category'}: {reason}",
                                      "correct the producer or the config, then replay", len(events)))

    def take(self, limit: int) -> tuple[list[DeadLetter], list[str]]:
        """The oldest records, of ``limit`` events or so, and their keys; one read of the queue."""
        with self._lib.read(self.asset, fields=self.fields) as op:
            records = self.queue.next(limit)
            letters = [DeadLetter.FromString(one.payload) for one in records]
            keys = [row.key for letter in letters for row in letter.request.events.rows]
            op.rows, op.keys = len(keys), tuple(keys)
        return letters, keys

    async def done(self, records: int, keys: Sequence[str]) -> None:
        """The oldest records are no longer here."""
        with self._lib.write(self.asset, fields=(REASON,), sources={}, keys=keys):
            await self.queue.deliver(records)
        for _ in range(records):
            self._reasons.popleft()

    def origins(self, letter: DeadLetter) -> dict[str, str]:
        """Column → the field of this asset that it was kept in."""
        unknown: Collection[str] = set(letter.unknown)
        return {column: f"{self.asset}#{UNKNOWN if column in unknown else column}"
                for column in letter.request.events.columns}

    def _describes(self, column: str) -> bool:
        return self.category is not None and column in self.category.fields


def requested(rows: Rows) -> dict[str, str]:
    """Column → its field-level name in the request; what no asset could be called is the whole message's."""
    named = bool(_SCHEMA.fullmatch(rows.schema))
    return {column: f"{REQUEST}#{rows.schema}.{column}" if named and _NAME.fullmatch(column) else f"{REQUEST}#events"
            for column in rows.columns}


def everything(categories: Iterable[Category]) -> Label:
    """The label of what could hold anything."""
    annotations = {name for category in categories for label in category.labels.values()
                   for name in label.annotations}
    return Label("user", tuple(sorted(annotations)))
