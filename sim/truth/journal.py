"""The journal: what physically moved in one service, written down below its storage and its wire.

Truth, first witness.  Shares nothing with the PAI's capture: messages are seen where gRPC turns them
into bytes (``sim/stack/wire.py``), statements by their bytecode, files by their paths.  It holds no
payload and no wall time.  It does not name assets: that is ``naming.py``.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import closing
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

from google.protobuf.message import Message

from lineage.errors import RunError
from services.seams import Direction, Part
from sim.truth import sparklog
from sim.truth.bytecode import Witness
from sim.truth.carried import Search
from sim.truth.message import describe
from sim.truth.record import Op, Record
from sim.truth.reference.values import Values

_TABLE = ("CREATE TABLE IF NOT EXISTS records(process TEXT, n INTEGER, op TEXT, locator TEXT, detail TEXT, "
          "rows INTEGER, bytes INTEGER, PRIMARY KEY(process, n))")
# Records kept in memory: what a SIGKILL loses at most.
_BUFFER = 64
# (journal, method, number) of the call that this task or thread serves, and of the one it makes.
_Call = tuple["Journal | None", str, int]
_NO_CALL: _Call = (None, "", 0)
_serving: ContextVar[_Call] = ContextVar("serving", default=_NO_CALL)
_calling: ContextVar[_Call] = ContextVar("calling", default=_NO_CALL)


class Journal:
    """Implements ``services.seams.Tap`` for one process; thread-safe.

    ``path``: the file, or the folder to hold ``<process>.db``.  A file of an earlier start of the same
    process is continued.  ``search``: shared by those who witness what the wearer's devices hold;
    ``values``: by those who look for what the app has sent in what is sent on.
    Raises RunError (PAI033) when it cannot be opened.
    """

    def __init__(self, path: Path, process: str, search: Search | None = None,
                 values: Values | None = None) -> None:
        self.path = path if path.suffix == ".db" else path / f"{process}.db"
        self.process = process
        self._search = search
        self._values = values
        self._lock = threading.RLock()
        self._witnesses: dict[int, Witness] = {}
        self._buffer: list[Record] = []
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file: sqlite3.Connection | None = _opened(self.path)
            self._n = int(self._file.execute("SELECT coalesce(max(n), 0) FROM records WHERE process = ?",
                                             (process,)).fetchone()[0])
        except (OSError, sqlite3.Error) as error:
            raise RunError("PAI033", f"the journal cannot be written: {error}", where=str(self.path)) from error
        # Numbers of calls and statements start above those of an earlier start.
        self._calls = self._statements = self._n

    # -- the Tap

    def message(self, direction: Direction, part: Part, method: str, message: Message, size: int) -> None:
        detail, rows = describe(message)
        client = (direction == "sent") == (part == "request")
        if self._values is not None:
            detail["at"] = self._values.tick()
            if direction == "sent":
                detail["holds"], detail["digests"] = self._values.found(message), self._values.digests(message)
        with self._lock:
            call = self._call(client, part, method)
            if call:
                detail["call"] = call
            self._add(direction, f"grpc:{method}:{part}", detail, rows, size, within=client)

    def began(self, method: str) -> None:
        with self._lock:
            self._add("sent", f"grpc:{method}:call", {}, 0, 0)

    def http(self, direction: Direction, part: Part, path: str, size: int, body: bytes = b"") -> None:
        found = self._search.found(body) if self._search and body else []
        if self._values is not None and direction == "sent" and part == "request":
            self._values.http(path, body)
        with self._lock:
            self._add(direction, f"http:{path}:{part}", {"carries": found} if found else {}, 0, size)

    def statement(self, connection: sqlite3.Connection, sql: str, rows: int) -> None:
        """Called between a statement and its commit, so that the witness's own connection still has the
        schema that the statement met.  Raises RunError (PAI021) for what the witness cannot explain."""
        with self._lock:
            try:
                touched = self._witness(connection).touched(sql)
            except sqlite3.Error as error:
                raise RunError("PAI021", f"the statement ran, but the journal cannot tell what it touches: {error}",
                               where=self.process) from error
            self._touched(touched.reads, touched.writes, rows)

    def executed(self, events: Sequence[str]) -> None:
        """Raises RunError (PAI021) for an execution that the log does not explain."""
        with self._lock:
            done = sparklog.ran(events)
            self._touched(done.reads, done.writes, done.rows)

    def file(self, op: Literal["read", "write"], path: str, size: int) -> None:
        with self._lock:
            self._add(op, f"file:{path}", {"at": self._values.tick()} if self._values is not None else {}, 0, size)

    def entry(self, op: Literal["read", "write"], store: str, found: int) -> None:
        with self._lock:
            self._add(op, f"entry:{store}", {}, found, 0)

    def device(self, op: Literal["read", "write"], size: int, name: str = "glasses",
               held: Mapping[str, bytes] | None = None) -> None:
        for field, value in (held or {}).items():
            if self._search:
                self._search.hold(f"{name}#{field}", value)
        with self._lock:
            self._add(op, f"device:{name}", {"fields": sorted(held)} if held else {}, 0, size)

    # -- its file

    def flush(self) -> None:
        """Everything recorded is in the file when this returns.  Raises RunError (PAI033)."""
        with self._lock:
            if self._file is None or not self._buffer:
                return
            try:
                with self._file:
                    _insert(self._file, self._buffer)
            except sqlite3.Error as error:
                raise RunError("PAI033", f"the journal cannot be written: {error}", where=str(self.path)) from error
            self._buffer.clear()

    def close(self) -> None:
        """Flushes.  Records that come later raise RunError (PAI033): the truth has no silent holes."""
        with self._lock:
            self.flush()
            if self._file is not None:
                self._file.close()
                self._file = None
            for witness in self._witnesses.values():
                witness.close()
            self._witnesses.clear()

    @staticmethod
    def read(path: Path) -> list[Record]:
        """The records of one process or of a merged run, in order.  Raises RunError (PAI032) without a journal."""
        if not path.is_file():
            raise RunError("PAI032", "there is no journal", where=str(path))
        with closing(sqlite3.connect(path)) as file:
            try:
                rows = file.execute("SELECT process, n, op, locator, detail, rows, bytes FROM records "
                                    "ORDER BY process, n").fetchall()
            except sqlite3.Error as error:
                raise RunError("PAI032", f"this is not a journal: {error}", where=str(path)) from error
        return [Record(process, n, op, locator, json.loads(detail), count, size)
                for process, n, op, locator, detail, count, size in rows]

    def _add(self, op: Op, locator: str, detail: dict[str, Any], rows: int, size: int, *, within: bool = True) -> None:
        if self._file is None:
            raise RunError("PAI033", f"{locator} moved after the journal was closed", where=self.process)
        journal, _, call = _serving.get()
        if within and journal is self:
            detail["within"] = call
        self._n += 1
        self._buffer.append(Record(self.process, self._n, op, locator, detail, rows, size))
        if len(self._buffer) >= _BUFFER:
            self.flush()

    def _touched(self, reads: Mapping[str, Set[str]], writes: Mapping[str, Set[str]], rows: int) -> None:
        """The records of one statement."""
        if not reads and not writes:
            return
        self._statements += 1
        sides: Sequence[tuple[Op, Mapping[str, Set[str]]]] = (("read", reads), ("write", writes))
        for op, tables in sides:
            for table in sorted(tables):
                self._add(op, f"sql:{table}", {"columns": sorted(tables[table]), "statement": self._statements},
                          rows, 0)

    def _call(self, client: bool, part: Part, method: str) -> int:
        """The number of the call that a message belongs to; 0 where its task cannot be told, as in streams.

        gRPC turns a call's request and its response in one task (aio) or one thread (sync)."""
        variable = _calling if client else _serving
        if part == "request":
            self._calls += 1
            variable.set((self, method, self._calls))
            return self._calls
        journal, called, number = variable.get()
        if journal is not self or called != method:
            return 0
        variable.set(_NO_CALL)
        return number

    def _witness(self, connection: sqlite3.Connection) -> Witness:
        # The witness holds the connection, so its id is not given to another.
        witness = self._witnesses.get(id(connection))
        if witness is None:
            witness = self._witnesses[id(connection)] = Witness(connection)
        return witness


def merge(folder: Path, out: Path) -> None:
    """Puts the journals of all processes into one file, sorted by (process, n), and removes them.

    Whole or not at all.  A folder without a journal gives an empty one.  Raises RunError (PAI032, PAI033).
    """
    parts = sorted(path for path in folder.glob("*.db") if path != out)
    partial = out.with_name(f".{out.name}.partial")
    records = [record for part in parts for record in Journal.read(part)]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        with closing(_opened(partial)) as file, file:
            _insert(file, sorted(records, key=lambda record: (record.process, record.n)))
        partial.replace(out)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise RunError("PAI033", f"the journals cannot be merged: {error}", where=str(out)) from error
    for part in parts:
        for path in (part, *(part.with_name(part.name + ending) for ending in ("-journal", "-wal", "-shm"))):
            path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _opened(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, check_same_thread=False)
    # Survives the death of the process, which is what runs simulate; not the death of the machine.
    file.execute("PRAGMA synchronous = OFF")
    file.execute(_TABLE)
    file.commit()
    return file


def _insert(file: sqlite3.Connection, records: Iterable[Record]) -> None:
    file.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)",
                     [(*record[:4], json.dumps(record.detail, sort_keys=True, separators=(",", ":")), *record[5:])
                      for record in records])
