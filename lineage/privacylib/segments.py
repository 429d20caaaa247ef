"""Append-only files of frames, read back in order and removed when they are done with.

A frame is its length and checksum (CRC-32), then its bytes.  A tail that a dying process tore is
left out; a frame whose checksum is wrong is passed over.  Files are not forced to the disk: they
survive the end of the process, not that of the machine.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder:
...     segments = Segments(Path(folder), limit=1 << 20)
...     segments.append(b"one")
...     segments.append(b"two")
...     frames = [segments.first(), segments.done(), segments.first(), segments.done(), segments.first()]
>>> frames
[b'one', None, b'two', None, None]
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections import deque
from contextlib import suppress
from pathlib import Path

SEGMENT_BYTES = 1 << 20
_HEAD = struct.Struct("<II")
_SUFFIX = ".seg"


class Segments:
    """The frames of ``folder``, which exists; at most ``limit`` bytes of them."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._files = deque(sorted(folder.glob(f"*{_SUFFIX}")))
        self._next = int(self._files[-1].stem) + 1 if self._files else 1
        self._sizes = {path: path.stat().st_size for path in self._files}
        self._frames: deque[bytes] = deque()
        self._reading: Path | None = None
        self._writing = -1

    def append(self, frame: bytes) -> None:
        """Raises OSError when there is no room, on the disk or within the limit; then nothing was added."""
        data = _HEAD.pack(len(frame), zlib.crc32(frame)) + frame
        if sum(self._sizes.values()) + len(data) > self._limit:
            raise OSError(errno.ENOSPC, "the spool is full")
        if self._writing < 0:
            path = self._folder / f"{self._next:08}{_SUFFIX}"
            self._writing = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._next += 1
            self._files.append(path)
            self._sizes[path] = 0
        path = self._files[-1]
        try:
            written = os.write(self._writing, data)
            if written < len(data):
                raise OSError(errno.ENOSPC, "the disk is full")
        except OSError:
            self._roll(cut=True)
            raise
        self._sizes[path] += len(data)
        if self._sizes[path] >= SEGMENT_BYTES:
            self._roll()

    def first(self) -> bytes | None:
        """The oldest frame, or None when nothing is left."""
        while not self._frames:
            if self._reading is not None:
                self._remove(self._reading)
                self._reading = None
            if not self._files:
                return None
            if len(self._files) == 1:
                self._roll()  # what is appended from now on goes to the next file
            self._reading = self._files[0]
            self._frames.extend(_frames(self._reading))
        return self._frames[0]

    def done(self) -> None:
        """The oldest frame is not needed any more; with its last frame a file goes."""
        self._frames.popleft()
        if not self._frames and self._reading is not None:
            self._remove(self._reading)
            self._reading = None

    def close(self) -> None:
        self._roll()

    def _roll(self, cut: bool = False) -> None:
        """The next frame begins a new file; ``cut``: what was half written is taken back."""
        if self._writing < 0:
            return
        try:
            if cut:
                os.ftruncate(self._writing, self._sizes[self._files[-1]])
        except OSError:
            pass  # a torn tail: it is left out when the file is read
        finally:
            os.close(self._writing)
            self._writing = -1

    def _remove(self, path: Path) -> None:
        self._files.remove(path)
        del self._sizes[path]
        # What cannot be removed is sent again by a successor, and ignored by the collector.
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _frames(path: Path) -> list[bytes]:
    try:
        data = path.read_bytes()
    except OSError:
        return []
    frames, at = [], 0
    while at + _HEAD.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        frame = data[at:at + length]
        at += length
        if len(frame) == length and zlib.crc32(frame) == checksum:
            frames.append(frame)
    return frames
