"""The seams: what a service needs from outside, injected by ``sim/stack/node.py``.

A service touches storage through Store and time through Clock; the wire and the storage
below it are watched by a Tap.  The services do not know who implements them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from google.protobuf.message import Message

# How a file's name begins of which a part is written; it gets its own name when it is whole.
UNFINISHED = ".writing-"

Direction = Literal["sent", "received"]
Part = Literal["request", "response"]
Metadata = tuple[tuple[str, str | bytes], ...]


class Tap(Protocol):
    """Sees what physically moves, below PrivacyLib.  One per process-to-be (service)."""

    def message(self, direction: Direction, part: Part, method: str, message: Message, size: int) -> None:
        """A gRPC message crossed the wire.  ``method``: "/sightline.Inference/Generate"."""

    def began(self, method: str) -> None:
        """A client begins an RPC whose requests are a stream: whatever follows, or does not, it is one call."""

    def http(self, direction: Direction, part: Part, path: str, size: int, body: bytes = b"") -> None:
        """An HTTP request or response, or a message of a WebSocket, crossed the wire.  ``path``: "/v1/ask".

        ``body``: of what the app sent, to be searched and not kept."""

    def statement(self, connection: sqlite3.Connection, sql: str, rows: int) -> None:
        """A statement has run and is not committed yet: ``rows`` were returned by it, or written."""

    def executed(self, events: Sequence[str]) -> None:
        """A statement of Spark's has run and does not count yet: the lines that Spark's own event log got by it."""

    def file(self, op: Literal["read", "write"], path: str, size: int) -> None:
        """``size`` bytes of a file were read or written.  ``path`` is relative to the data folder."""

    def entry(self, op: Literal["read", "write"], store: str, found: int) -> None:
        """``found`` entries of a key-value store were read, written or removed.  ``store``: "inference/answers"."""

    def device(self, op: Literal["read", "write"], size: int, name: str = "glasses",
               held: Mapping[str, bytes] | None = None) -> None:
        """A place on what the wearer wears was read or written: "glasses", "neural_band", "glasses.overlay".

        ``held``: field → what it holds, to be searched for elsewhere and not kept."""


class Wire(Protocol):
    """May alter a call's metadata on its way out: where transport faults are armed."""

    def outgoing(self, method: str, metadata: Metadata) -> Metadata: ...


class Workers(Protocol):
    """Processes of a service's own, each with its own PrivacyLib and its own tap."""

    async def run(self, tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        """One process for each task, at the same time; what each answered, None for one that died.

        A task is plain JSON: ``do`` says what it is, ``baggage`` under which scope.
        """


class Clock(Protocol):
    """Time of the simulated world; data timestamps come from it or from a payload."""

    def now(self) -> datetime: ...


class Store(Protocol):
    """Files below one data folder, and one SQLite engine; all of it tapped."""

    def read(self, path: str, start: int = 0, size: int | None = None) -> bytes:
        """All of a file, or ``size`` bytes from ``start``."""

    def write(self, path: str, data: bytes) -> None:
        """Whole or not at all."""

    def append(self, path: str, *pieces: bytes) -> None:
        """Durable when it returns, all pieces or none.  Each piece is an append of its own to the tap."""

    def exists(self, path: str) -> bool: ...

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, sorted; none where there is no folder."""

    def folders(self, folder: str) -> list[str]:
        """Names of the folders in a folder, sorted; none where there is no folder."""

    def remove(self, path: str) -> None:
        """The file is gone; so it is when it was not there."""

    def attach(self, database: str) -> None:
        """Opens (or makes) the database under its own name: ``core`` in ``core.sessions``."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs one statement in a transaction of its own; rows for a query, else ``[(written,)]``."""

    def transaction(self) -> AbstractContextManager[None]:
        """The statements within are kept together or not at all; the tap is told of them when they are kept.

        Nothing may be awaited within: another's statement would be one of them.
        """

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """All rows or none; how many were written."""

    @property
    def connection(self) -> sqlite3.Connection:
        """For ``set_authorizer`` and ``create_function`` only; statements go through ``execute``."""


class Spark(Protocol):
    """A Spark session and the folder of its tables; what it really does is tapped below it."""

    @property
    def session(self) -> Any:
        """Started when it is first asked for, which takes seconds.  Raises RunError (PAI034) when it cannot be."""

    @property
    def folder(self) -> Path: ...

    def settle(self, undone: bool = False) -> None:
        """The tap is told what Spark has done since it was told last; to be called before that counts.

        ``undone``: the statement failed, and nothing of it will count.  Raises what the tap raises.
        """

    def keep(self, path: Path, text: str) -> None:
        """Writes a small file of the engine's below ``folder``: whole or not at all, and durable."""

    def remove(self, folder: Path) -> None:
        """Removes a folder of the engine's with all that is in it."""

    def close(self) -> None: ...
