"""A fault for scenarios about complete mediation: a service that goes around PrivacyLib.

Discover.  Its I/O is real, and nothing of it stays: a file that is removed, a datagram to the discard port of
this machine, a database that is gone when it is closed.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Literal

from lineage.privacylib.operation import Operation
from sim.scenario.faults import FAULTS, Fault

# Bytes that go astray each time.
_MOST = 512
_DISCARD = ("127.0.0.1", 9)


def _to_file(data: bytes, folder: str) -> None:
    handle, name = tempfile.mkstemp(prefix="sightline-side-", dir=folder)
    os.write(handle, data)
    os.close(handle)
    Path(name).unlink()


def _to_socket(data: bytes, folder: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, suppress(OSError):
        one.sendto(data, _DISCARD)


def _to_database(data: bytes, folder: str) -> None:
    with closing(sqlite3.connect("")) as one:  # a file of SQLite's own, gone when it is closed
        one.execute("CREATE TABLE side(data)")
        one.execute("INSERT INTO side VALUES (?)", (data,))


_WAYS: dict[str, Callable[[bytes, str], None]] = {"file": _to_file, "socket": _to_socket, "database": _to_database}


@FAULTS.register("side_channel", {"asset": str, "to": Literal["file", "socket", "database"]},
                 optional={"after": int, "times": int, "service": str}, stage="discover",
                 doc="A service that touches an asset also puts what it holds elsewhere, beside PrivacyLib.")
class SideChannel(Fault):
    """Runs on the stack of the service's own line, before the operation; nothing of it stays on the machine."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        # Asked for when the fault is armed: Python tries the folder out, which is no I/O of the service's.
        self._folder = tempfile.gettempdir()

    def before(self, op: Operation) -> None:
        if self.meant(op) and self.fires():
            held = repr((op.asset, op.fields, op.payload)).encode("utf-8", "replace")[:_MOST]
            _WAYS[self.given["to"]](held, self._folder)
