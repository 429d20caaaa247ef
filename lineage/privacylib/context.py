"""The context of one request or job: correlation key, purpose, principal, region, annotations.

The correlation key *is* the W3C trace id, so a person goes from an OpenTelemetry trace to
the lineage and back (https://www.w3.org/TR/trace-context/).

``tracestate`` and the flags are other tracers' business: they are passed on, and decide nothing here.
What a tracer does not sample has its lineage captured all the same.

A context is made for every request, so it holds little; what few requests ask for (the span's text,
what probes keep) is made when it is first asked for.

>>> parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
'0af7651916cd43dd8448eb211c80319c'
>>> parse_traceparent("00-00000000000000000000000000000000-b7ad6b7169203331-01") is None
True

>>> outer = Context("0af7651916cd43dd8448eb211c80319c", "web-1", "b7ad6b7169203331")
>>> inner = outer.nested("web-1/2")
>>> outer.annotations["LOCATION"] = "web:ask#location"        # what the outer scope reads, the inner may be given
>>> inner.annotations["GLASSES_INTERACTION"] = "web:ask#photo"
>>> dict(inner.annotations) == {"LOCATION": "web:ask#location", "GLASSES_INTERACTION": "web:ask#photo"}
True
>>> "GLASSES_INTERACTION" in outer.annotations
False
>>> inner.close()
>>> "GLASSES_INTERACTION" in outer.annotations
True
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any
from weakref import WeakSet

from lineage.privacylib.posture import Brought, Posture, Postures, Who
from lineage.privacylib.traceparent import (
    POLICY,
    TRACEPARENT,
    TRACESTATE,
    flags_of,
    parse_traceparent,
    received,
    tracestate_of,
)

__all__ = ["POLICY", "TRACEPARENT", "TRACESTATE", "Context", "Started", "Trace", "flags_of", "parse_traceparent",
           "received", "scope_of", "started", "tracestate_of"]

# What a scope's signals share: its key, its number in the service or its name, and who asks.
Trace = tuple[str, int | str, Who]
Metadata = tuple[tuple[str, str | bytes], ...]
# What a handler said of its response: what it is made from, by what code, what probes look at, and in detail.
Response = tuple[Mapping[str, Sequence[str]], str, Mapping[str, object] | None, dict[str, Any] | None]
# Labels of scopes that share them move together; that is rare, so one lock does for all.
_LOCK = threading.RLock()


def scope_of(trace: Trace) -> str:
    number = trace[1]
    return number if type(number) is str else f"{trace[2].service}-{number}"


class Context:
    """One scope.  ``posture`` is who asks, and the label: the join of what the scope has read so far.

    ``outer``: the scope around it.  A scope sees what the one around it reads, and gives back what it read
    itself once it is closed; an activity is part of its scope, and shares everything at once.
    """

    # No ``__getattr__``: with one the interpreter looks up every attribute the slow way.
    __slots__ = ("__weakref__", "_flags", "_sources", "_span", "_tracestate", "arrived", "inner", "open", "outer",
                 "posture", "response", "sent", "trace")

    def __init__(self, key: str, scope: int | str, span: str = "", *, posture: Posture | None = None,
                 **who: Any) -> None:
        """``who``: the fields of :class:`Who`, where no ``posture`` is given."""
        self.posture = posture or Postures().enter(Who(**who))
        self.trace: Trace = (key, scope, self.posture.who)
        self.response: Response | None = None
        self.outer: Context | None = None
        self.inner: WeakSet[Context] | None = None
        self.open = False
        self.sent: Metadata | None = None
        # The metadata of the request, until somebody asks what it says of other tracers.
        self.arrived: Any = None
        if span:
            self._span = span

    # --- what it is -------------------------------------------------------------------------

    @property
    def key(self) -> str:
        return self.trace[0]

    @property
    def scope(self) -> str:
        return scope_of(self.trace)

    @property
    def activity(self) -> str:
        return self.trace[2].activity

    @property
    def purpose(self) -> str:
        return self.trace[2].purpose

    @property
    def principal(self) -> str:
        return self.trace[2].principal

    @property
    def region(self) -> str:
        return self.trace[2].region

    @property
    def family(self) -> str:
        return self.trace[2].family

    @property
    def claims(self) -> bytes:
        return self.trace[2].claims

    @property
    def span(self) -> str:
        """16 hex digits."""
        try:
            return self._span
        except AttributeError:
            number, prefix = self.trace[1], self.posture.book.prefix
            self._span = (f"{prefix}{number:08x}" if isinstance(number, int)
                          else hashlib.sha256(f"{prefix}{number}".encode()).hexdigest()[:16])
            return self._span

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace[0]}-{self.span}-{self.flags}"

    @property
    def flags(self) -> str:
        try:
            return self._flags
        except AttributeError:
            self._look()
            return self._flags

    @property
    def tracestate(self) -> str:
        try:
            return self._tracestate
        except AttributeError:
            self._look()
            return self._tracestate

    def follow(self, traceparent: str, tracestate: object = None) -> None:
        """Goes on with the flags and the state of another tracer; ``traceparent`` is valid."""
        self._tracestate = tracestate_of(tracestate) if tracestate else ""
        self._flags = flags_of(traceparent)

    def _look(self) -> None:
        self._tracestate, self._flags = "", "01"
        if self.arrived is not None:
            metadata = received(self.arrived)
            self.follow(metadata[TRACEPARENT], metadata.get(TRACESTATE))

    @property
    def outgoing(self) -> Metadata:
        """The gRPC metadata that takes this context to the next process; kept in ``sent``."""
        if self.sent is None:
            policy = self.posture.book.policy_of(self.trace[2])
            self.sent = ((TRACEPARENT, self.traceparent), (POLICY, policy)) if policy else (
                (TRACEPARENT, self.traceparent),)
            if self.tracestate:
                self.sent += ((TRACESTATE, self.tracestate),)
        return self.sent

    @property
    def sources(self) -> dict[str, Any]:
        """What probes keep of this scope; in memory only, for as long as the scope lives."""
        try:
            return self._sources
        except AttributeError:
            with _LOCK:  # two threads of one scope share what is made
                if not hasattr(self, "_sources"):
                    self._sources: dict[str, Any] = {}
            return self._sources

    @property
    def root(self) -> Context:
        """The context that the request began with: its handler's response is asked for there."""
        context = self
        while context.outer is not None:
            context = context.outer
        return context

    # --- the label --------------------------------------------------------------------------

    @property
    def annotations(self) -> Annotations:
        """The label, each annotation with the first of the names that brought it; it only grows."""
        return Annotations(self)

    def move(self, seen: Posture, after: Posture) -> None:
        """What was done in the posture ``seen`` leads to ``after``; others may have moved the scope meanwhile."""
        with _LOCK:
            if self.posture is seen and self.outer is None and self.inner is None:
                self.posture = after
            else:
                self.join(after.annotations)

    def join(self, names: Brought) -> None:
        """Raises the label, also of the scopes that share it."""
        with _LOCK:
            top = self
            while top.outer is not None and not top.open:
                top = top.outer
            top._take(names)

    def _take(self, names: Brought) -> None:
        self.posture = self.posture.joined(names)
        for context in tuple(self.inner or ()):
            context._take(names)

    # --- scopes inside it -------------------------------------------------------------------

    def child(self, **changes: Any) -> Context:
        """The same scope under another activity, purpose or claims; reads and sources are shared."""
        who = self.trace[2]._replace(**{name: value for name, value in changes.items() if value})
        made = self._inside(self.trace[0], self.trace[1], who, opened=False)
        made._span = self.span
        made._sources = self.sources
        made._tracestate, made._flags = self.tracestate, self.flags
        return made

    def nested(self, scope: str, key: str = "", who: Who | None = None) -> Context:
        """A scope inside this one, until it is closed."""
        made = self._inside(key or self.trace[0], scope, who or self.trace[2], opened=True)
        if not key or key == self.trace[0]:
            made._tracestate, made._flags = self.tracestate, self.flags
        return made

    def _inside(self, key: str, scope: int | str, who: Who, *, opened: bool) -> Context:
        with _LOCK:
            made = Context(key, scope, posture=self.posture.book.enter(who, self.posture.annotations))
            made.outer, made.open = self, opened
            if self.inner is None:
                self.inner = WeakSet()
            self.inner.add(made)
        return made

    def close(self) -> None:
        """Gives back what was read; what it still reads, in a task that outlives it, the outer scope has at once."""
        with _LOCK:
            self.open = False
            self.join(self.posture.annotations)


class Annotations(MutableMapping[str, str]):
    """A scope's label as a mapping: a view, and it can only grow.  All names are in ``posture.annotations``."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __getitem__(self, annotation: str) -> str:
        return self._context.posture.annotations[annotation][0]

    def __setitem__(self, annotation: str, name: str) -> None:
        self._context.join({annotation: (name,)})

    def __delitem__(self, annotation: str) -> None:
        raise TypeError("a label only grows")

    def __iter__(self) -> Iterator[str]:
        return iter(self._context.posture.annotations)

    def __len__(self) -> int:
        return len(self._context.posture.annotations)

    def __repr__(self) -> str:
        return repr(dict(self))


class Started(Context):
    """Made without a call of ``__init__``: a scope begins with every request."""

    __slots__ = ()
    __init__ = object.__init__


def started(key: str, number: int | str, posture: Posture) -> Context:
    """A new scope in ``posture``."""
    context: Context = Started()
    context.trace = (key, number, posture.who)
    context.posture = posture
    context.response = context.outer = context.inner = context.sent = context.arrived = None
    return context
