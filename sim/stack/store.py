"""Storage below PrivacyLib: files under one folder and one SQLite engine, every operation tapped.

The tap sees a statement after it ran and before it is committed; where the tap fails, the statement
is undone, so nothing happens that the journal does not have.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from lineage.errors import InputError, RunError
from lineage.privacylib.audit import STATEMENT
from services.seams import UNFINISHED, Tap

_SPACE = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$))*", re.DOTALL)
# These cannot run within a transaction.
_ALONE = frozenset({"PRAGMA", "ATTACH", "DETACH", "VACUUM"})
# These read or write rows.
_ROWS = frozenset({"SELECT", "WITH", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE"})
_TRANSACTIONS = frozenset({"BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"})
_IDENTIFIER = r'(?:"(?:[^"]|"")+"|`[^`]+`|\[[^\]]+\]|\w+)'
_CREATE_AS = re.compile(
    rf"CREATE\s+(?:(?P<temp>TEMP|TEMPORARY)\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?"
    rf"(?:(?P<database>{_IDENTIFIER})\s*\.\s*)?(?P<table>{_IDENTIFIER})\s+AS\b", re.IGNORECASE)

_T = TypeVar("_T")


class LocalStore:
    """Implements ``services.seams.Store`` below ``root``; thread-safe.

    Databases are in WAL mode and synced at checkpoints: a commit outlives the process that made it,
    though not a loss of power.  Files are synced at each write.
    """

    def __init__(self, root: Path, tap: Tap, breaks: Callable[[str], bool] = lambda path: False) -> None:
        """``breaks``: of a file of which half is written, whether the disk is to be full by now."""
        self._root = root.absolute()
        self._breaks = breaks
        self._tap = tap
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._attached: set[str] = set()
        # Of the transaction that is open: statements that the tap has not been told of, with their rows.
        self._untold: list[tuple[str, int]] | None = None

    # -- files

    def read(self, path: str, start: int = 0, size: int | None = None) -> bytes:
        """Raises OSError (FileNotFoundError), InputError (PAI004)."""
        with self._at(path).open("rb") as file:
            file.seek(start)
            data = file.read() if size is None else file.read(size)
        self._tap.file("read", self._name(path), len(data))
        return data

    def write(self, path: str, data: bytes) -> None:
        """Whole or not at all.  Raises RunError (PAI033), InputError (PAI004)."""
        target = self._at(path)
        temporary: Path | None = None
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=UNFINISHED)
            temporary = Path(name)
            with os.fdopen(handle, "wb") as file:
                half = len(data) // 2
                file.write(data[:half])
                file.flush()
                if self._breaks(path):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                _durable(file, data[half:])
            temporary.replace(target)
            _sync_folder(target.parent)
        except OSError as error:
            raise RunError("PAI033", f"{path} could not be written: {error.strerror}", where=str(target)) from error
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
        self._tap.file("write", self._name(path), len(data))

    def append(self, path: str, *pieces: bytes) -> None:
        """Durable when it returns, after one sync; an append that fails leaves the file as it was.  Raises as
        ``write``."""
        target = self._at(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            new = not target.exists()
            with target.open("ab") as file:
                size = file.tell()
                try:
                    _durable(file, b"".join(pieces))
                except OSError:
                    os.truncate(target, size)
                    raise
            if new:
                _sync_folder(target.parent)
        except OSError as error:
            raise RunError("PAI033", f"{path} could not be written: {error.strerror}", where=str(target)) from error
        for piece in pieces:
            self._tap.file("write", self._name(path), len(piece))

    def exists(self, path: str) -> bool:
        return self._at(path).exists()

    def folders(self, folder: str) -> list[str]:
        """Raises InputError (PAI004)."""
        target = self._at(folder)
        return sorted(path.name for path in target.iterdir() if path.is_dir()) if target.is_dir() else []

    def names(self, folder: str) -> list[str]:
        """Raises InputError (PAI004)."""
        target = self._at(folder)
        return sorted(path.name for path in target.iterdir() if path.is_file()) if target.is_dir() else []

    def remove(self, path: str) -> None:
        """Raises RunError (PAI033), InputError (PAI004)."""
        target = self._at(path)
        try:
            target.unlink(missing_ok=True)
        except OSError as error:
            raise RunError("PAI033", f"{path} could not be removed: {error.strerror}", where=str(target)) from error

    def _at(self, path: str) -> Path:
        """Raises InputError (PAI004) for a path that leads out of the data folder, by .. or a link."""
        root = self._root.resolve()
        if "\0" in path:
            raise InputError("PAI004", f"{path!r} is not a path", where="store")
        target = (root / path).resolve()
        if not target.is_relative_to(root) or target == root:
            raise InputError("PAI004", f"{path!r} does not lie in the data folder", where="store")
        return target

    def _name(self, path: str) -> str:
        """The path as the tap is told it: one spelling for one file."""
        return self._at(path).relative_to(self._root.resolve()).as_posix()

    # -- SQLite

    @property
    def connection(self) -> sqlite3.Connection:
        """Opened when it is first asked for: most services have no table."""
        with self._lock:
            if self._connection is None:
                # Tables live in attached databases; "main" is scratch, and gone with the process.
                self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            return self._connection

    def attach(self, database: str) -> None:
        """Raises InputError (PAI022) for what is no name; sqlite3.Error."""
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", database) or database.lower() in ("main", "temp"):
            raise InputError("PAI022", f"{database!r} is not a name for a database", where="store")
        with self._lock:
            if database in self._attached:
                return
            folder = self._root / "warehouse"
            folder.mkdir(parents=True, exist_ok=True)
            self.execute(f"ATTACH DATABASE ? AS {database}", (str(folder / f"{database}.db"),))
            # Readers beside a writer: the tap's own connection looks on while a statement is uncommitted.
            self.connection.execute(f"PRAGMA {database}.journal_mode = WAL").fetchall()
            self.connection.execute(f"PRAGMA {database}.synchronous = NORMAL")
            self._attached.add(database)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Raises sqlite3.Error; the statement then has had no effect."""

        def run(connection: sqlite3.Connection) -> tuple[list[tuple[Any, ...]], int]:
            made = _created(connection, sql)
            cursor = connection.execute(sql, parameters)
            if cursor.description is not None:
                found = cursor.fetchall()
                return found, len(found)
            written = _count(connection, made) if made else max(cursor.rowcount, 0)
            return [(written,)], written

        return self._run(sql, run)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Raises what the tap raises; then, as after any error within, no statement has had an effect."""
        with self._lock:
            if self._untold is not None:
                raise sqlite3.ProgrammingError("a transaction is open already")
            connection = self.connection
            connection.execute("BEGIN")
            self._untold = []
            try:
                yield
                for sql, rows in self._untold:
                    self._tap.statement(connection, sql, rows)
                connection.execute("COMMIT")
            finally:
                self._untold = None
                if connection.in_transaction:  # not committed: some error is on its way
                    connection.execute("ROLLBACK")

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Raises sqlite3.Error, and what ``rows`` raises; then no row was written."""

        def run(connection: sqlite3.Connection) -> tuple[int, int]:
            written = max(connection.executemany(sql, rows).rowcount, 0)
            return written, written

        return self._run(sql, run)

    def _run(self, sql: str, run: Callable[[sqlite3.Connection], tuple[_T, int]]) -> _T:
        """One statement, told to the tap before the commit: of its own transaction, or of the one that is open."""
        word = _keyword(sql)
        if word in _TRANSACTIONS:
            raise sqlite3.ProgrammingError(f"{word}: each statement has a transaction of its own")
        with self._lock:
            connection = self.connection
            alone = word in _ALONE
            if word in _ROWS or _CREATE_AS.match(_bare(sql)):
                sys.audit(STATEMENT, word)  # the connection was opened long ago: this is what an audit hook can see
            within = self._untold
            if within is not None:
                result, rows = run(connection)
                within.append((sql, rows))
                return result
            if not alone:
                connection.execute("BEGIN")
            try:
                result, rows = run(connection)
                self._tap.statement(connection, sql, rows)
                if not alone:
                    connection.execute("COMMIT")
            except sqlite3.Warning as error:  # Python 3.11 warns of a second statement; later versions raise
                raise sqlite3.ProgrammingError(str(error)) from error
            finally:
                if connection.in_transaction:  # not committed: some error is on its way
                    connection.execute("ROLLBACK")
            return result

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                for database in sorted(self._attached):
                    self._connection.execute(f"PRAGMA {database}.wal_checkpoint(TRUNCATE)").fetchall()
                self._connection.close()
                self._connection = None
                self._attached.clear()


def _durable(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """A new or renamed file is durable only with its folder's entry."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _bare(sql: str) -> str:
    start = _SPACE.match(sql)
    return sql[start.end() if start else 0:]


def _keyword(sql: str) -> str:
    word = re.match(r"[A-Za-z]+", _bare(sql))
    return word[0].upper() if word else ""


def _created(connection: sqlite3.Connection, sql: str) -> str | None:
    """The table that a CREATE TABLE … AS is about to make; None for what exists, or another statement."""
    match = _CREATE_AS.match(_bare(sql))
    if match is None:
        return None
    table = f"{'temp' if match['temp'] else match['database'] or 'main'}.{match['table']}"
    try:
        _count(connection, table)
    except sqlite3.Error:
        return table
    return None


def _count(connection: sqlite3.Connection, table: str) -> int:
    """SQLite does not say how many rows CREATE TABLE … AS wrote."""
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
