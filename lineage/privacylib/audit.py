"""The audit hook: every file, database, socket and process that this Python process touches, as it touches it.

One hook a process, installed when it is first asked for and never again: CPython has no way to take one out
(PEP 578), so it is switched by its listeners; without one it returns at once.  What goes down to one of
these events (``shutil``, ``urllib``, ``ftplib``, ``tempfile``) is seen there.  Not seen: what native code
does by itself (gRPC's core, SQLite's attached files), and what is done with a file that is open already.
A storage engine that keeps one connection open therefore says each statement: ``sys.audit(STATEMENT)``.

>>> touch("open", ("answers.txt", "a", 0))
Touch(kind='file', what='a file was opened to be written', path='')
>>> touch("sqlite3.connect", (":memory:",)) is None  # that is no I/O
True
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

# Said by a storage engine before each statement that reads or writes rows.
STATEMENT = "sightline.statement"
# Event → (kind, what happened).
EVENTS: dict[str, tuple[str, str]] = {
    "open": ("file", "a file was opened"),
    "os.rename": ("file", "a file was renamed"), "os.remove": ("file", "a file was removed"),
    "os.truncate": ("file", "a file was cut"), "os.link": ("file", "a file was linked"),
    "os.symlink": ("file", "a file was linked"),
    "sqlite3.connect": ("database", "a database was opened"), STATEMENT: ("database", "a statement ran"),
    "socket.connect": ("socket", "a socket was connected"), "socket.bind": ("socket", "a socket was bound"),
    "socket.sendto": ("socket", "a datagram was sent"), "socket.sendmsg": ("socket", "a message was sent"),
    **{f"socket.{name}": ("socket", "a host was looked up")
       for name in ("getaddrinfo", "gethostbyname", "gethostbyaddr")},
    "subprocess.Popen": ("process", "a process was started"), "os.system": ("process", "a process was started"),
    "os.posix_spawn": ("process", "a process was started"), "os.exec": ("process", "the process was replaced"),
    "os.fork": ("process", "the process was forked"), "os.forkpty": ("process", "the process was forked"),
    "pty.spawn": ("process", "a process was started"), "os.startfile": ("process", "a process was started"),
    "ctypes.dlopen": ("native", "native code was loaded"),
}
KINDS = ("file", "database", "socket", "process", "native")


class Touch(NamedTuple):
    """``path``: absolute, of a file that is only read, so that a service's own code and config can be told."""

    kind: str
    what: str
    path: str


def touch(event: str, arguments: tuple[Any, ...]) -> Touch | None:
    """What an audit event says was touched; None for what is no I/O of its own."""
    kind, what = EVENTS[event]
    if event == "open":
        return _opened(*arguments)
    if event == "sqlite3.connect" and _in_memory(str(arguments[0])):
        return None
    return Touch(kind, what, "")


def _opened(path: object, mode: object, flags: object) -> Touch | None:
    if isinstance(path, int):  # a descriptor: opened, and seen, before
        return None
    # Without looking at the disk, and with every .. resolved.
    text = os.path.abspath(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else ""  # noqa: PTH100
    if text == os.devnull:
        return None
    written = bool(set(str(mode)) & set("wax+")) if mode is not None else bool(
        isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND))
    if not written:
        return Touch("file", "a file was opened to be read", text)
    return Touch("file", "a file was opened to be written", "")


def _in_memory(database: str) -> bool:
    return database.startswith((":memory:", "file::memory:")) or "mode=memory" in database


Listener = Callable[[Touch], None]
_listener: Listener | None = None
_installed = False
_installing = threading.Lock()
_busy = threading.local()
# What the listener raised, by type: it must not reach the code that is watched, nor be silent.
failures: dict[str, int] = {}


def listen(listener: Listener | None) -> None:
    """``listener`` is told every touch from now on, in the thread and context that touched; None switches off.

    What the listener touches itself is not told.
    """
    global _listener, _installed
    with _installing:
        _listener = listener
        if listener is not None and not _installed:
            sys.addaudithook(_hook)
            _installed = True


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in EVENTS or _listener is None or getattr(_busy, "on", False):
        return
    _busy.on = True
    try:
        listener, touched = _listener, touch(event, arguments)
        if touched is not None and listener is not None:
            listener(touched)
    except Exception as error:
        failures[type(error).__name__] = failures.get(type(error).__name__, 0) + 1
    finally:
        _busy.on = False
