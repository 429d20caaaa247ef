"""Storage below PrivacyLib: files under one folder and one SQLite engine, every operation tapped."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lineage.errors import InputError
from services.seams import Tap


class LocalStore:
    """Implements ``services.seams.Store`` below ``root``."""

    def __init__(self, root: Path, tap: Tap) -> None:
        self._root = root.absolute()
        self._tap = tap
        self._connection: sqlite3.Connection | None = None

    # --- files ------------------------------------------------------------------------------

    def read(self, path: str) -> bytes:
        data = self._at(path).read_bytes()
        self._tap.file("read", path, len(data))
        return data

    def write(self, path: str, data: bytes) -> None:
        target = self._at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                _durable(file, data)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._tap.file("write", path, len(data))

    def append(self, path: str, data: bytes) -> None:
        target = self._at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as file:
            _durable(file, data)
        self._tap.file("write", path, len(data))

    def exists(self, path: str) -> bool:
        return self._at(path).exists()

    def _at(self, path: str) -> Path:
        """Raises InputError (PAI004) for a path that leads out of the data folder."""
        target = (self._root / path).resolve()
        if not target.is_relative_to(self._root.resolve()) or target == self._root.resolve():
            raise InputError("PAI004", f"{path!r} does not lie in the data folder", where="store")
        return target

    # --- SQLite -----------------------------------------------------------------------------

    @property
    def connection(self) -> sqlite3.Connection:
        """Opened when it is first asked for: most services have no table."""
        if self._connection is None:
            self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        return self._connection

    def attach(self, database: str) -> None:
        if not database.isidentifier():
            raise InputError("PAI022", f"{database!r} is not a name for a database", where="store")
        folder = self._root / "warehouse"
        folder.mkdir(parents=True, exist_ok=True)
        self.connection.execute(f"ATTACH DATABASE ? AS {database}", (str(folder / f"{database}.db"),))

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(sql, parameters)
        found = cursor.fetchall()
        rows = found if cursor.description is not None else [(max(cursor.rowcount, 0),)]
        self._tap.statement(self.connection, sql, len(found) if cursor.description is not None else rows[0][0])
        return rows

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        connection = self.connection
        connection.execute("BEGIN")
        try:
            written = connection.executemany(sql, rows).rowcount
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        self._tap.statement(connection, sql, max(written, 0))
        return max(written, 0)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _durable(file: Any, data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())
