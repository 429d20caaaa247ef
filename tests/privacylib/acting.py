"""A service for tests of mediation: code that touches things, whether or not an operation is open around it."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any


def write_file(folder: Path) -> None:
    (folder / "made").write_bytes(b"x")


def write_by_descriptor(folder: Path) -> None:
    os.close(os.open(folder / "made", os.O_WRONLY | os.O_CREAT))


def read_file(path: Path) -> bytes:
    return path.read_bytes()


def rename(folder: Path) -> None:
    (folder / "old").rename(folder / "new")


def remove(folder: Path) -> None:
    (folder / "old").unlink()


def database(folder: Path) -> None:
    sqlite3.connect(folder / "made.db").close()


def in_memory(folder: Path) -> None:
    sqlite3.connect(":memory:").close()


def connect(folder: Path) -> None:
    with closing(socket.socket()) as one, suppress(OSError):
        one.settimeout(1)
        one.connect(("127.0.0.1", 9))


def bind(folder: Path) -> None:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))


def send(folder: Path) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as one, suppress(OSError):
        one.sendto(b"x", ("127.0.0.1", 9))


def look_up(folder: Path) -> None:
    socket.getaddrinfo("localhost", 9)


def run(folder: Path) -> None:
    subprocess.run([sys.executable, "-S", "-c", ""], check=True, timeout=60)


def statement(folder: Path) -> None:
    from lineage.privacylib.audit import STATEMENT

    sys.audit(STATEMENT, "SELECT")


def load_module(folder: Path) -> None:
    """An import reads files."""
    sys.path.insert(0, str(folder))
    try:
        __import__("planted_for_mediation")
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("planted_for_mediation", None)


def apply(function: Callable[..., Any], *given: Any) -> Any:
    return function(*given)
