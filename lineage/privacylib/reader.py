"""A read that one line of code does again and again, and of which there is nothing to say but that it happened.

    notes = lib.reader("file:notes", ("line",))      # once
    with notes:                                      # each time; Guard may refuse here
        text = path.read_text()

It is one object for all of them, and keeps nothing between its two halves: scopes, tasks and threads
may be in it at once.  Where rows, keys or a payload are to be said, use ``lib.read``.

>>> from lineage.privacylib import Capture, MemorySink, PrivacyLib
>>> sink = MemorySink()
>>> lib = PrivacyLib("web", [Capture(sink)])
>>> notes = lib.reader("file:notes", ("line",))
>>> with lib.scope(key="0af7651916cd43dd8448eb211c80319c"):
...     with notes, notes:
...         pass
>>> [(record.site.asset, record.rows) for record in sink.records]
[('file:notes', 1), ('file:notes', 1)]
"""

from __future__ import annotations

from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lineage.privacylib.operation import quick
from lineage.privacylib.site import Known

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib


class Reader:
    """What ``lib.reader`` gives."""

    __slots__ = ("_asset", "_count", "_fields", "_get", "_lib", "_open", "_pen", "_put", "_site", "_via")

    def __init__(self, lib: PrivacyLib, asset: str, fields: tuple[str, ...], via: str) -> None:
        self._lib, self._asset, self._fields, self._via = lib, asset, fields, via
        self._get = lib.get
        self._site = self._of("")
        self._pen = self._site.pen if self._site.quick else None
        if self._pen is not None:
            self._count, self._put = self._pen.count, self._pen.put
        # Where a hook wants to see each operation: those that are under way in this task or thread.
        self._open: ContextVar[tuple[Any, ...]] = ContextVar("reading", default=())

    def __enter__(self) -> None:
        """Raises PolicyDenied."""
        context = self._get() or self._lib.context
        posture = context.posture
        if self._pen is None or posture.permitted.get(self._site) is not posture:
            op = quick(context, self._of(context.family)).__enter__()
            if self._pen is None:
                self._open.set((op, self._open.get()))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        context, pen = self._get(), self._pen
        if context is None or error is not None or pen is None or context.posture.family:
            self._end(kind, error)
            return
        pen.mark[0] = number = self._count()
        if number > pen.ceiling:
            pen.crowded(number, self._site, context.trace, 1, "")
        else:
            self._put((self._site, context.trace))

    def _end(self, kind: type[BaseException] | None, error: BaseException | None) -> None:
        if self._pen is None:
            op, before = self._open.get()
            self._open.set(before)
        else:
            context = self._get() or self._lib.context
            op = quick(context, self._of(context.family))
        op.__exit__(kind, error, None)

    def _of(self, family: str) -> Known:
        """The site; a scope may have a family of its own."""
        return self._lib.sites.find("read", self._asset, self._fields, None, family or self._lib.family, self._via)
