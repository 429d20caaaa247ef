"""Complete mediation, checked: I/O that a service does outside every operation is a gap, with its stack.

PrivacyLib knows what it is told.  This is how it finds out what it was not told: the audit hook
(``audit.py``) names every file, database, socket and process; a *watch* asks of each whose it is, and
whether one of the service's operations was open around it.  For tests and simulation: nothing of it is
on the path of an operation where no watch is set.

Whose: the innermost frame that somebody claims.  A service claims its packages; the PAI's own delivery and
stages, Python's import system (``MACHINERY``) and whoever stands ``beside`` the service in a simulation
claim themselves, and are nobody's gap.  Libraries, storage seams and the rest of PrivacyLib claim nothing:
they act for whoever called them.  Where nobody is on the stack (a pool's thread), it is the service whose
scope is current.

Covered: an operation of the service, begun in this context and not over, of a kind that explains the I/O
(``_explains``).  An operation that was refused covers nothing.

Own: a file that is only read, and lies in a folder that the service was given as its code and config, or
in the interpreter's.  What it writes has to be covered wherever it lies.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from lineage.names import kind_of
from lineage.privacylib import audit
from lineage.privacylib.audit import Touch
from lineage.privacylib.extension import Extension
from lineage.privacylib.operation import Operation
from lineage.privacylib.posture import MAX_CASES

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib

CODE = "PAI215"
MACHINERY = ("importlib._bootstrap", "importlib._bootstrap_external", "zipimport", "lineage.understand",
             "lineage.discover", "lineage.enforce", "lineage.demonstrate",
             *(f"lineage.privacylib.{part}" for part in ("shipper", "sink", "spool", "segments", "buffer")))
# What is moved by messages, not kept in a store.
_MESSAGES = frozenset({"device", "web", "rpc", "response"})
# Stores that may be at the other end of a socket.
_REMOTE = frozenset({"warehouse", "feature"})
_OPERATIONS = ("read", "write", "call")
_SHOWN = 6  # frames


def _folders(paths: Iterable[Path | str]) -> tuple[str, ...]:
    """Both as written and as it really lies, with a separator at its end."""
    return tuple(sorted({f"{form(Path(path))}{os.sep}" for path in paths for form in (Path.absolute, Path.resolve)}))


_INTERPRETER = _folders({sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()})

_watches: tuple[Watch, ...] = ()
_changing = threading.Lock()
# Operations that have begun in this context, of whatever service, outermost first.
_begun: ContextVar[tuple[Operation, ...]] = ContextVar("sightline-begun", default=())
# Of this process: to whom no service's claim leads.
_process = uuid.uuid4().hex
_unowned: Counter[str] = Counter()
_counting = threading.Lock()


class Watch:
    """Watches one service from ``over`` (which takes its guard) until ``close``.

    ``packages``: what the service's code lies in; ``shared``: packages that services have in common, shown in
    stacks and not claimed; ``beside``: packages that see the service's I/O and act for nobody, as a test's
    witnesses do; ``own``: folders of the service's code and config.
    """

    def __init__(self, packages: Sequence[str], *, shared: Sequence[str] = (), beside: Sequence[str] = (),
                 own: Iterable[Path] = ()) -> None:
        self.packages = tuple(packages)
        self.beside = tuple(beside)
        self.lib: PrivacyLib | None = None
        self._shown = (*packages, *shared)
        self._own = (*_folders(own), *_INTERPRETER)
        self._open: dict[int, Operation] = {}
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in ("covered", "own", "uncovered")}
        self._gaps: Counter[tuple[str, str]] = Counter()
        self._failed: Counter[str] = Counter()
        self._armed = False

    def over(self, guard: Extension) -> Extension:
        """The guard, with the watch right behind it: an operation covers from when it may run until it has."""
        return _Watched(self, guard)

    def start(self, lib: PrivacyLib) -> None:
        """From now on.  A file that the watch opens itself shows that the hook is there."""
        global _watches
        self.lib = lib
        self._failed = Counter(audit.failures)
        with _changing:
            _watches = (*_watches, self)
            audit.listen(_seen)
        os.close(os.open(__file__, os.O_RDONLY))

    def close(self) -> None:
        global _watches
        with _changing:
            _watches = tuple(watch for watch in _watches if watch is not self)
            if not _watches:
                audit.listen(None)

    def account(self) -> dict[str, Any]:
        """Per kind: covered, own, uncovered; ``gaps`` with their stacks; ``armed``: the hook was seen to work.

        ``unowned`` and ``failures`` are of the whole ``process``: what no service did, and what the hook failed of.
        """
        with self._lock:
            counts = {name: dict(sorted(found.items())) for name, found in self._counts.items()}
            gaps = [{"what": what, "stack": stack, "count": count}
                    for (what, stack), count in sorted(self._gaps.items())]
        return {**counts, "gaps": gaps, "armed": self._armed, "process": _process,
                "unowned": dict(sorted(_unowned.items())), "failures": dict(Counter(audit.failures) - self._failed)}

    # --- what the hook asks

    def claims(self, module: str) -> bool:
        return _within(module, self.packages)

    @property
    def scoped(self) -> bool:
        """The code that runs now is in a scope of this service."""
        return self.lib is not None and self.lib.get() is not None

    def proved(self) -> None:
        self._armed = True

    def saw(self, touched: Touch, frame: FrameType) -> None:
        """I/O of this service."""
        if touched.path and touched.path.startswith(self._own):
            verdict = "own"
        else:
            verdict = "covered" if any(_explains(op, touched.kind) for op in self._running()) else "uncovered"
        with self._lock:
            self._counts[verdict][touched.kind] += 1
        if verdict != "uncovered":
            return
        stack = " ← ".join(self._stack(frame)) or "a thread without a frame of the service"
        with self._lock:
            self._gaps[touched.what, stack] += 1
        if self.lib is not None:
            self.lib.gap(f"rpc:{self.lib.service}", f"{touched.what} outside every operation: {stack}", CODE)

    def _running(self) -> list[Operation]:
        return [op for op in _begun.get() if id(op) in self._open]

    def _stack(self, frame: FrameType) -> Iterator[str]:
        """The service's own frames, innermost first, without what differs from machine to machine."""
        shown = [f"{module}:{at.f_lineno} {at.f_code.co_name}" for at, module in _frames(frame)
                 if _within(module, self._shown)]
        yield from shown[:_SHOWN]

    # --- what the guard's wrapper says

    def began(self, op: Operation) -> None:
        self._open[id(op)] = op
        _begun.set((*_still_open(), op))

    def ended(self, op: Operation) -> None:
        if self._open.pop(id(op), None) is not None:
            _begun.set(_still_open())


class _Watched(Extension):
    """A guard with a watch behind it, which sees each operation; a guard that judges by case is asked once for each."""

    guards = True

    def __init__(self, watch: Watch, guard: Extension) -> None:
        self._watch = watch
        self._guard = guard
        # Sites that the guard permitted, by posture, as of one generation of labels.
        self._permitted: set[tuple[object, object]] = set()
        self._generation = -1

    @property
    def enforcing(self) -> bool:  # type: ignore[override]
        """As the guard does now: its requirements may change."""
        return bool(getattr(self._guard, "enforcing", True))

    def before(self, op: Operation) -> None:
        case, generation = (op.site, op.context.posture), op.lib.postures.generation
        if generation != self._generation or len(self._permitted) >= MAX_CASES:
            self._permitted, self._generation = set(), generation
        if case not in self._permitted:
            self._guard.before(op)
            if self._guard.by_case and case == (op.site, op.context.posture):
                self._permitted.add(case)
        if op.kind in _OPERATIONS:
            self._watch.began(op)

    def after(self, op: Operation) -> None:
        self._watch.ended(op)
        self._guard.after(op)


def _seen(touched: Touch) -> None:
    """The listener: finds out whose it is."""
    top = sys._getframe(2)  # below the hook and this function
    watches = _watches
    for _, module in _frames(top):
        if module == __name__:
            for watch in watches:
                watch.proved()
            return
        claiming = [watch for watch in watches if watch.claims(module)]
        if claiming:
            _one_of(claiming).saw(touched, top)
            return
        if _within(module, MACHINERY) or any(_within(module, watch.beside) for watch in watches):
            break
    else:
        scoped = [watch for watch in watches if watch.scoped]
        if scoped:
            _one_of(scoped).saw(touched, top)
            return
    with _counting:
        _unowned[touched.kind] += 1


def _one_of(watches: Sequence[Watch]) -> Watch:
    """Where several services share a process: the one whose operation runs, else whose scope is current."""
    libs = [op.lib for op in _begun.get()]
    return max(watches, key=lambda watch: (watch.lib in libs, watch.scoped))


def _frames(frame: FrameType | None) -> Iterator[tuple[FrameType, str]]:
    while frame is not None:
        yield frame, frame.f_globals.get("__name__") or ""
        frame = frame.f_back


def _within(module: str, packages: Sequence[str]) -> bool:
    return module in packages or any(module.startswith(f"{package}.") for package in packages)


def _still_open() -> tuple[Operation, ...]:
    return tuple(op for op in _begun.get() if any(id(op) in watch._open for watch in _watches))


def _explains(op: Operation, kind: str) -> bool:
    """Messages are sockets; what a store keeps is in files and databases, of a remote one behind a socket.

    A process that is started is called.  Native code is beyond what can be seen, so nothing explains it.
    """
    asset = kind_of(op.asset)
    if kind == "socket":
        return op.kind == "call" or asset in _MESSAGES or asset in _REMOTE
    if kind == "process":
        return op.kind == "call"
    return kind in ("file", "database") and op.kind != "call" and asset not in _MESSAGES
