"""A file of lines, each durable before it is acknowledged; what the policy service keeps is kept so.

A process that dies while it writes leaves half a line.  It had not been acknowledged, so it counts for nothing: before
the next line it is marked with ``CUT``, which no JSON has.
"""

from __future__ import annotations

from typing import Protocol

CUT = "\0"


class Files(Protocol):
    """What of a store is needed."""

    def read(self, path: str) -> bytes: ...

    def append(self, path: str, data: bytes) -> None: ...

    def exists(self, path: str) -> bool: ...


class Lines:
    """``path`` in ``files``.  Each operation is inside one of PrivacyLib's, which is the caller's business."""

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self._path = path
        self._cut = False

    def exists(self) -> bool:
        return self._files.exists(self._path)

    def read(self) -> list[str]:
        """The lines that were acknowledged."""
        data = self._files.read(self._path)
        whole = data[:data.rfind(b"\n") + 1]
        self._cut = data != whole
        return [line for line in whole.decode().splitlines() if not line.endswith(CUT)]

    def append(self, line: str) -> None:
        """``line`` ends with a newline.  Raises what the store raises; then it does not count."""
        self._files.append(self._path, f"{CUT}\n{line}".encode() if self._cut else line.encode())
        self._cut = False
