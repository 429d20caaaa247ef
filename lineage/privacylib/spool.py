"""What an emitter keeps on disk: one folder per incarnation, with a lock, a mark and its segments.

An *incarnation* is one life of an emitter: each start of its process numbers signals from nought.
The lock is held as long as the process lives, whatever way it ends; whoever gets the lock of another
incarnation has found a dead one, and speaks for it.  The mark is a page of a file mapped into memory,
so that how far a killed process had come is known to the signal.  The page is allocated when it is
made: a disk that fills up later does not touch it.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder:
...     spool = Spool.create(Path(folder), "web")
...     spool.mark[0] = 12
...     alive = left(Path(folder), "web")
...     spool.release()
...     (dead,) = left(Path(folder), "web")
...     dead.remove()
>>> alive, dead.incarnation == spool.incarnation, dead.mark[0]
([], True, 12)
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

from lineage.privacylib.segments import Segments

SPOOL_BYTES = 64 << 20
_MARK = "mark"
_LOCK = "lock"


def new_incarnation() -> str:
    """An identity that sorts by time; it takes part in no result, so it may differ from run to run."""
    return f"{time.time_ns():016x}-{secrets.token_hex(4)}"


class Spool:
    """``mark[0]``: how many signals this incarnation has recorded."""

    def __init__(self, folder: Path, lock: int, mark: memoryview, limit: int) -> None:
        self.folder = folder
        self.emitter = unquote(folder.parent.name)
        self.incarnation = folder.name
        self.mark = mark
        self.segments = Segments(folder, limit)
        self._lock = lock

    @classmethod
    def create(cls, root: Path, emitter: str, limit: int = SPOOL_BYTES) -> Spool:
        """A new incarnation's.  Raises OSError when the folder cannot be made or written."""
        home = _home(root, emitter)
        home.mkdir(parents=True, exist_ok=True)
        folder = home / new_incarnation()
        with _locked(home):
            folder.mkdir()
            lock = os.open(folder / _MARK, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.write(lock, bytes(mmap.PAGESIZE)) < mmap.PAGESIZE:
                    raise OSError(f"no room for {folder / _MARK}")
                mark = memoryview(mmap.mmap(lock, mmap.PAGESIZE)).cast("Q")
            except OSError:
                os.close(lock)
                shutil.rmtree(folder, ignore_errors=True)
                raise
        return cls(folder, lock, mark, limit)

    def release(self) -> None:
        """Leaves what is there to a successor."""
        self.segments.close()
        if self._lock >= 0:
            fcntl.flock(self._lock, fcntl.LOCK_UN)  # closing is not enough: the mapped mark holds the file, too
            os.close(self._lock)
            self._lock = -1

    def remove(self) -> None:
        """Everything was delivered: nothing is left to a successor."""
        self.segments.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.release()


def left(root: Path, emitter: str) -> list[Spool]:
    """The spools of dead incarnations, oldest first, now locked by the caller.  Raises OSError."""
    home = _home(root, emitter)
    if not home.is_dir():
        return []
    with _locked(home):
        found = [_adopt(folder) for folder in sorted(home.iterdir()) if folder.is_dir()]
    return [spool for spool in found if spool is not None]


def emitters(root: Path) -> list[str]:
    """Who has a folder under ``root``, sorted."""
    return sorted(unquote(home.name) for home in root.iterdir() if home.is_dir()) if root.is_dir() else []


def _adopt(folder: Path) -> Spool | None:
    try:
        lock = os.open(folder / _MARK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        mark = memoryview(bytearray(os.pread(lock, 8, 0).ljust(8, b"\0"))).cast("Q")
        return Spool(folder, lock, mark, 0)
    except OSError:
        os.close(lock)  # it lives
        return None


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """While an incarnation is made nobody takes it for a dead one."""
    lock = os.open(home / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _home(root: Path, emitter: str) -> Path:
    # Also a name like ".." stays below the root.
    return root / quote(emitter, safe="").replace(".", "%2E")
