"""Faults that are attacks on a zone from within: an exception that quotes, a branch that copies nothing.

Enforce.  Each acts as a careless edit of a service's code would; whether anything got out is for the journal, and
for a search of what the run left, to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import Message

from lineage.privacylib.operation import Operation
from protos.rows_pb2 import Row, Value
from services.seams import Metadata
from sim.scenario.faults import _COUNTS, FAULTS, Fault
from sim.scenario.logger_faults import events

LABELLED_BRANCH = "labelled_branch"


@FAULTS.register("crash", {"method": str}, optional=_COUNTS, stage="enforce",
                 doc="A call of a method (\"Inference/Generate\") fails in its caller, with an error that quotes the "
                     "message.")
class Crash(Fault):
    """Raised below PrivacyLib, where the message would go out; nothing of it does."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        service, _, method = given["method"].partition("/")
        self._asset = f"rpc:{service.lower()}.{method}"
        self._held: list[str] = []

    def before(self, op: Operation) -> None:
        if op.kind == "call" and op.asset == self._asset and isinstance(op.payload, Message):
            self._held = list(_texts(op.payload))

    def outgoing(self, method: str, metadata: Metadata) -> Metadata:
        if method.endswith(f".{self.given['method']}") and self.fires():
            raise ValueError(f"{self.given['method']} cannot be sent: {'; '.join(self._held)}")
        return metadata


def _texts(message: Message) -> Iterator[str]:
    """Every text of a message, also of those within it."""
    for _, value in message.ListFields():
        for one in value if isinstance(value, list) or hasattr(value, "extend") else [value]:
            if isinstance(one, str):
                yield one
            elif isinstance(one, Message):
                yield from _texts(one)


@FAULTS.register(LABELLED_BRANCH, {"category": str, "when": str, "config": str, "table": str}, optional=_COUNTS,
                 stage="enforce",
                 doc="Instead of a session web logs an event of another category: a rank of 1 where the wearer's words "
                     "hold a text (`when`), else of 0; no value is copied.")
class LabelledBranch(Fault):
    def before(self, op: Operation) -> None:
        request = events(op, "glasses_session")
        if request is None or not self.fires():
            return
        columns, category = list(request.events.columns), self.given["category"]
        made = [Row(key=row.key, values=[row.values[columns.index("session")],
                                         Value(integer=int(self._meant(row.values[columns.index("utterance")].text)))])
                for row in request.events.rows]
        request.events.Clear()
        request.events.schema = category
        request.events.columns.extend(("session", "rank"))
        request.events.rows.extend(made)
        op.fields = ("request.version", f"request.{category}.session", f"request.{category}.rank")
        # Neither is made of anything that the wearer said: that is what the producer says, and lineage believes.
        op.links = ((f"{category}.rank", ()), (f"{category}.session", ("web:log#session",)))

    def _meant(self, text: str) -> bool:
        return str(self.given["when"]).lower() in text.lower()
