"""What ``with lib.scope(…)``, ``activity`` and ``handling`` are: a context, current until they are left.

Classes, not generators: entering one is on the path of every request.

>>> from contextvars import ContextVar
>>> current = ContextVar("current", default=None)
>>> with Entered(current, Context("0af7651916cd43dd8448eb211c80319c", "web-1")) as context:
...     current.get() is context
True
>>> current.get() is None
True
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lineage.privacylib.context import Context
from lineage.privacylib.posture import Brought, Who
from lineage.privacylib.traceparent import POLICY, TRACEPARENT, TRACESTATE, parse_traceparent

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib

# Where an exception keeps the labels of the scopes that it left.
_LABELS = "__sightline_labels__"


class Entered:
    """To be entered once."""

    __slots__ = ("_token", "_variable", "context")

    def __init__(self, variable: ContextVar[Context | None], context: Context) -> None:
        self._variable = variable
        self.context = context

    def __enter__(self) -> Context:
        self._token: Token[Context | None] = self._variable.set(self.context)
        return self.context

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if error is not None:
            _carries(error, self.context)
        self._variable.reset(self._token)


class Handling(Entered):
    """The scope of a request; ``gaps``, what it arrived without, are told as soon as the scope is there."""

    __slots__ = ("_asset", "_gaps", "_lib")

    def __init__(self, lib: PrivacyLib, variable: ContextVar[Context | None], context: Context, asset: str,
                 gaps: Sequence[tuple[str, str]]) -> None:
        super().__init__(variable, context)
        self._lib, self._asset, self._gaps = lib, asset, gaps

    def __enter__(self) -> Context:
        context = super().__enter__()
        for code, why in self._gaps:
            self._lib.gap(self._asset, why, code)
        return context


class Nested(Entered):
    """A scope inside another: what it read is the outer one's too when it is left (see :meth:`Context.close`).

    The collector is told, so that it joins the outer scope's writes to the same reads.
    """

    __slots__ = ("_lib",)

    def __init__(self, lib: PrivacyLib, variable: ContextVar[Context | None], context: Context) -> None:
        super().__init__(variable, context)
        self._lib = lib

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.context.close()
        self._lib.left(self.context)
        super().__exit__(kind, error, trace)


class Lost(Context):
    """Of an operation outside every scope; nothing is inside it."""

    __slots__ = ()


def scoped(lib: PrivacyLib, key: str, traceparent: str, who: Who) -> Entered:
    """A scope of its own, or inside the one that is current."""
    outer = lib.get()
    if outer is None or isinstance(outer, Lost):
        return Entered(lib.current, followed(lib.began(key, lib.postures.enter(who)), traceparent))
    if outer.activity and not who.activity:
        around = outer.trace[2]
        who = around._replace(purpose=around.purpose or who.purpose, region=around.region or who.region,
                              family=who.family or around.family)
    made = outer.nested(f"{outer.scope}/{next(lib.ordinal)}", key, who)
    return Nested(lib, lib.current, followed(made, traceparent))


def handling(lib: PrivacyLib, asset: str, metadata: Mapping[str, Any], family: str, purpose: str,
             edge: bool = False) -> Entered:
    """The scope of a request that arrived with ``metadata``; over the ``edge`` come requests of nobody's workload."""
    key = parse_traceparent(metadata.get(TRACEPARENT))
    posture, problem = lib.postures.caller(metadata.get(POLICY), lib.service, family, purpose, edge)
    context = lib.began(key or "", posture)
    if key is not None:
        context.follow(metadata[TRACEPARENT], metadata.get(TRACESTATE))
        if not problem:
            return Entered(lib.current, context)
    gaps = []
    if key is None:
        gaps.append(("PAI201", f"a request arrived with {'a malformed' if TRACEPARENT in metadata else 'no'} "
                               "traceparent"))
    if problem:
        code, _, why = problem.partition(" ")
        gaps.append((code, why) if posture.who.identity else ("PAI201", problem))
    return Handling(lib, lib.current, context, asset, gaps)


def _carries(error: BaseException, context: Context) -> None:
    """An exception may hold whatever the scope that it leaves has read: the label goes along with it."""
    if context.posture.annotations:
        error.__dict__.setdefault(_LABELS, []).append(context.posture.annotations)


def labels_of(errors: Iterable[BaseException]) -> Iterator[Brought]:
    """The label of each scope that one of these exceptions came out of."""
    for error in errors:
        yield from error.__dict__.get(_LABELS, ())


def within(lib: PrivacyLib) -> bool:
    """Some scope is current: only there is there a label to judge."""
    context = lib.get()
    return context is not None and not isinstance(context, Lost)


def apart(lib: PrivacyLib, key: str) -> Entered:
    """A scope inside no other, in which nothing was read, of whoever asks here: with their claims, or lack of any."""
    return Entered(lib.current, lib.began(key, lib.postures.enter(lib.context.trace[2])))


def followed(context: Context, traceparent: str) -> Context:
    """The context with the flags of ``traceparent``, where that is what it goes on with."""
    if traceparent and context.key in traceparent:
        context.follow(traceparent)
    return context


def in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
