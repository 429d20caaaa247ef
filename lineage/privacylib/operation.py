"""One read, write or call, with the I/O between its two halves.

    with lib.read("warehouse:core.sessions", fields=columns) as op:   # Guard may refuse here
        rows = store.execute(...)                                     # the I/O
        op.rows = len(rows)                                           # said after it, signalled on leaving

A refused operation never ran, so it leaves a decision and no signal.  An operation whose I/O
raised did run as far as it came, and is signalled with ``error`` in its detail.

An extension that raises anything but PolicyDenied does not break the operation: the others still
run, and the failure is a counted gap (``failure.py``).  A guard that enforces fails closed.

>>> from lineage.privacylib import Capture, MemorySink, PrivacyLib
>>> sink = MemorySink()
>>> lib = PrivacyLib("web", [Capture(sink)])
>>> with lib.scope(key="0af7651916cd43dd8448eb211c80319c"), lib.read("file:notes") as op:
...     op.rows, op.fields = 3, ("line",)
>>> sink.records[0].rows, sink.records[0].site
(3, Site(read file:notes line))
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lineage.model import Links
from lineage.privacylib.failure import run
from lineage.privacylib.site import Known, Sources, links_of

if TYPE_CHECKING:
    from lineage.privacylib.context import Context
    from lineage.privacylib.library import PrivacyLib

__all__ = ["Operation", "Sources", "links_of", "quick", "together"]
T = TypeVar("T")


@contextmanager
def together(operations: Sequence[Operation]) -> Iterator[None]:
    """Several operations around one I/O, begun and ended in their order: reads first, then what they feed."""
    for operation in operations:
        operation.__enter__()
    error: BaseException | None = None
    try:
        yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        for operation in operations:
            operation.__exit__(type(error) if error else None, error, None)


class _OfSite(Generic[T]):
    """An attribute that the operation's site has; another value is another site."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = "op" if name == "kind" else name

    def __get__(self, op: Operation, owner: type | None = None) -> T:
        value: T = getattr(op.site, self._name)
        return value

    def __set__(self, op: Operation, value: T) -> None:
        if value != getattr(op.site, self._name):
            op.site = op.site.lib.sites.variant(op.site, self._name, value)


class _Said(Generic[T]):
    """An attribute that few operations have: nothing is kept of the others."""

    def __init__(self, default: T) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, op: Operation, owner: type | None = None) -> T:
        value: T = self._default if op.said is None else op.said.get(self._name, self._default)
        return value

    def __set__(self, op: Operation, value: T) -> None:
        if op.said is None:
            if value == self._default:
                return
            op.said = {}
        op.said[self._name] = value


class Operation:
    """What the extensions see.  ``payload`` never leaves the process.

    ``site``: what it has in common with others; ``said``: what is particular to it: ``keys``, ``detail``, ``silent``.
    """

    __slots__ = ("context", "payload", "rows", "said", "site")

    kind = _OfSite[str]()
    asset = _OfSite[str]()
    fields = _OfSite[tuple[str, ...]]()
    links = _OfSite[Links]()
    linked = _OfSite[bool]()
    family = _OfSite[str]()
    via = _OfSite[str]()
    keys = _Said[tuple[str, ...]](())
    # Set by an instrumentation fault: the operation happens, its signal does not.
    silent = _Said[bool](False)

    def __init__(self, lib: PrivacyLib, context: Context, kind: str, asset: str, *, fields: Sequence[str] = (),
                 sources: Sources | None = None, rows: int = 1, keys: Sequence[str] = (), via: str = "",
                 family: str = "", payload: Any = None, detail: dict[str, Any] | None = None) -> None:
        self.context = context
        self.site: Known = lib.sites.find(kind, asset, fields, sources, family or context.family or lib.family, via)
        self.rows = rows
        self.payload = payload
        self.said: dict[str, Any] | None = None
        if keys or detail is not None:
            self.tell(keys, detail)

    def tell(self, keys: Sequence[str], detail: dict[str, Any] | None) -> None:
        """What few operations have."""
        self.said = {}
        if keys:
            self.said["keys"] = tuple(keys)
        if detail is not None:
            self.said["detail"] = detail

    @property
    def lib(self) -> PrivacyLib:
        return self.site.lib

    @property
    def detail(self) -> dict[str, Any]:
        """To be added to; made when it is first asked for."""
        if self.said is None:
            self.said = {}
        found: dict[str, Any] = self.said.setdefault("detail", {})
        return found

    @detail.setter
    def detail(self, value: dict[str, Any]) -> None:
        self.said = {**(self.said or {}), "detail": value}

    def __enter__(self) -> Operation:
        site, posture = self.site, self.context.posture
        if posture.permitted.get(site) is not posture or site.befores:
            self._begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if error is not None:
            self.detail["error"] = type(error).__name__
        site = self.site
        if site.op == "call":
            posture = self.context.posture
            if posture.settled.get(site) is not posture:
                self.context.move(posture, posture.settled.get(site) or posture.book.settle(posture, site))
        pen = site.pen
        if self.said is None and pen is not None:
            pen.mark[0] = number = pen.count()
            if number > pen.ceiling:
                pen.crowded(number, site, self.context.trace, self.rows, "")
            else:
                pen.put((site if self.rows == 1 else (site, self.rows, ""), self.context.trace))
        else:
            run(site.afters, self)

    def _begin(self) -> None:
        """The hooks that are called each time, then the judgement, on what they left.  Raises PolicyDenied."""
        run(self.site.befores, self)
        context = self.context
        posture = context.posture
        after = posture.permitted.get(self.site) or posture.book.begin(self, posture)
        if after is not posture:
            context.move(posture, after)


class _Quick(Operation):
    """Made without a call of ``__init__``, by those who know its site."""

    __slots__ = ()
    __init__ = object.__init__


def quick(context: Context, site: Known, payload: Any = None) -> Operation:
    """An operation at a site that is known."""
    op: Operation = _Quick()
    op.context = context
    op.site = site
    op.rows = 1
    op.payload = payload
    op.said = None
    return op
