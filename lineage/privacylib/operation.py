"""One read, write or call, with the I/O between its two halves.

    with lib.read("warehouse:core.sessions", fields=columns) as op:   # Guard may refuse here
        rows = store.execute(...)                                     # the I/O
        op.rows = len(rows)                                           # said after it, signalled on leaving

A refused operation never ran, so it leaves a decision and no signal.  An operation whose I/O
raised did run as far as it came, and is signalled with ``error`` in its detail.

An extension that raises anything but PolicyDenied does not break the operation: the others still
run, and the failure is a counted gap (``failure.py``).  A guard that enforces fails closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lineage.model import Links
from lineage.privacylib.failure import run

if TYPE_CHECKING:
    from lineage.privacylib.context import Context
    from lineage.privacylib.library import PrivacyLib

Sources = Mapping[str, Sequence[str]]


def links_of(sources: Sources | None) -> Links:
    """The canonical form of ``sources=``: sorted, hashable."""
    if not sources:
        return ()
    return tuple((field, tuple(names)) for field, names in sorted(sources.items()) if names)


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


class Operation:
    """What the extensions see.  ``payload`` never leaves the process."""

    __slots__ = ("asset", "context", "detail", "family", "fields", "keys", "kind", "lib", "linked", "links",
                 "payload", "rows", "silent", "via")

    def __init__(self, lib: PrivacyLib, context: Context, kind: str, asset: str, *, fields: Sequence[str] = (),
                 sources: Sources | None = None, rows: int = 1, keys: Sequence[str] = (), via: str = "",
                 family: str = "", payload: Any = None, detail: dict[str, Any] | None = None) -> None:
        self.lib = lib
        self.context = context
        self.kind = kind
        self.asset = asset
        self.links = links_of(sources)
        self.linked = sources is not None
        self.fields = tuple(fields) or tuple(field for field, _ in self.links)
        self.rows = rows
        self.keys = tuple(keys)
        self.via = via
        self.family = family or context.family or lib.family
        self.payload = payload
        self.detail = detail if detail is not None else {}
        # Set by an instrumentation fault: the operation happens, its signal does not.
        self.silent = False

    def __enter__(self) -> Operation:
        run(self.lib.befores, self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if error is not None:
            self.detail["error"] = type(error).__name__
        run(self.lib.afters, self)
