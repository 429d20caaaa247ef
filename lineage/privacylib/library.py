"""PrivacyLib itself: an instance per service, never a global.

Initialise it once with the service's extensions; open a scope per request (the gRPC and ASGI
wrappers do); say ``read``, ``write`` and ``call`` around the I/O.  An operation outside every
scope is a *gap*: counted and reported, never a silent hole.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from lineage.model import Decision, Finding, Label
from lineage.privacylib import hop, parts
from lineage.privacylib.context import POLICY, TRACEPARENT, TRACESTATE, Context, parse_traceparent, started
from lineage.privacylib.extension import Extension
from lineage.privacylib.failure import run
from lineage.privacylib.operation import Operation, Sources, links_of, quick
from lineage.privacylib.posture import Posture, Postures, Who
from lineage.privacylib.reader import Reader
from lineage.privacylib.scope import Entered, Lost, followed, handling, in_loop, scoped
from lineage.privacylib.seam import ASGI, Channel, Server
from lineage.privacylib.site import MAX_SITES, Known, Sites

if TYPE_CHECKING:
    from lineage.privacylib.keyvalue import KeyValue

P = ParamSpec("P")
R = TypeVar("R")

_UNLABELLED = Label()
_OURS = (TRACEPARENT, TRACESTATE, POLICY)
# The chain is compiled once: no extension can take another out, least of all a guard.
_FIXED = ("extensions", "postures", "sites")


class PrivacyLib:
    """``family``: the capture (A, B, C, D) that the service's own reads and writes belong to.

    ``incarnation``: which start of the service this is, where that is known.  Keys of scopes that begin
    here are made of it, so that a service that is started again does not make the same ones.
    """

    def __init__(self, service: str, extensions: Iterable[Extension] = (), *, family: str = "",
                 incarnation: str = "") -> None:
        self.service = service
        self.family = family
        self.labels: dict[str, dict[str, Label]] = {}
        self._families: dict[str, str] = {}
        self.extensions = tuple(extensions)
        # What extensions failed of, counted; each is a gap too, where Capture is not what fails.
        self.failures: Counter[str] = Counter()
        self._seed = f"{service}/{incarnation}/" if incarnation else service
        self.postures = Postures(hashlib.sha256(self._seed.encode()).hexdigest()[:8])
        self.sites = Sites(self, self.extensions, self.postures.forget)
        self._reads: dict[tuple[Any, ...], Known] = {}
        self.current: ContextVar[Context | None] = ContextVar(f"sightline-{service}", default=None)
        self.get = self.current.get
        self.ordinal = itertools.count(1)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and name in self.__dict__:
            raise AttributeError(f"{name} are set once, by the extensions that {self.service} was made with")
        super().__setattr__(name, value)

    # --- scopes -----------------------------------------------------------------------------

    @property
    def context(self) -> Context:
        """The scope's context; outside every scope a new one, and a gap.

        A task keeps the new one to its end.  A thread of a pool has no end: what it runs next is lost anew.
        """
        context = self.current.get()
        if context is None:
            context = Lost("", next(self.ordinal), posture=self.postures.enter(Who(self.service)))
            context.trace = (self._key(context.scope), *context.trace[1:])
            self.gap(self.service, "an operation ran outside every scope")
            if in_loop():
                self.current.set(context)
        return context

    def scope(self, *, traceparent: str = "", key: str = "", activity: str = "", purpose: str = "",
              principal: str = "", region: str = "", family: str = "", claims: bytes | None = None) -> Entered:
        """A scope of its own, for a request's root or background work; ``key`` is a trace id.

        Inside another scope it goes on with that one's key unless it is given one, and with its activity
        (purpose, principal and claims are the activity's); it sees what the outer scope reads, and gives back
        what it read when it is left.
        """
        who = Who(self.service, activity, purpose, principal or self.service, region, family, claims or b"")
        return scoped(self, key or parse_traceparent(traceparent) or "", traceparent, who)

    def root(self, *, traceparent: str = "", activity: str = "", purpose: str = "", principal: str = "",
             region: str = "", claims: bytes = b"") -> Entered:
        """A scope inside no other, wherever it is opened: what goes on here began elsewhere."""
        who = Who(self.service, activity, purpose, principal or self.service, region, "", claims)
        context = self.began(parse_traceparent(traceparent) or "", self.postures.enter(who))
        return Entered(self.current, followed(context, traceparent))

    def activity(self, name: str, *, purpose: str = "", claims: bytes = b"") -> Entered:
        """The rest of this scope is done by an activity (a job, a training run) for a purpose."""
        return Entered(self.current, self.context.child(activity=name, purpose=purpose, claims=claims))

    def handling(self, asset: str, metadata: Mapping[str, Any], *, family: str = "", purpose: str = "",
                 edge: bool = False) -> Entered:
        """The scope of a request that arrived with ``metadata``; over the ``edge``: from no workload of ours."""
        return handling(self, asset, metadata, family, purpose, edge)

    def outgoing(self, context: Context | None = None,
                 beside: Iterable[tuple[str, Any]] | None = None) -> tuple[tuple[str, Any], ...]:
        """The gRPC metadata that takes this context (or the one given) to the next process; ``beside``: the caller's
        own metadata, which is sent too, but for what says another context."""
        ours = (context or self.context).outgoing
        return (*((name, value) for name, value in beside if name not in _OURS), *ours) if beside else ours

    def headers(self) -> dict[str, str]:
        """The same for HTTP: the trace context only."""
        context = self.context
        state = {TRACESTATE: context.tracestate} if context.tracestate else {}
        return {TRACEPARENT: context.traceparent, **state}

    # --- operations -------------------------------------------------------------------------

    def read(self, asset: str, *, fields: Sequence[str] = (), rows: int = 1, via: str = "", keys: Sequence[str] = (),
             payload: Any = None, detail: dict[str, Any] | None = None) -> Operation:
        context = self.get() or self.context
        try:
            site = self._reads[asset, fields, via, context.posture.family]
        except (KeyError, TypeError):  # the first of its kind, or fields in a list
            site = self._read(asset, fields, via, context.posture.family)
        op = quick(context, site, payload)
        op.rows = rows
        if keys or detail is not None:
            op.tell(keys, detail)
        return op

    def reader(self, asset: str, fields: Sequence[str] = (), via: str = "") -> Reader:
        """``with`` it, as often as you like, for a read of which there is nothing more to say."""
        return Reader(self, asset, tuple(fields), via)

    def write(self, asset: str, *, fields: Sequence[str] = (), sources: Sources | None = None, rows: int = 1,
              via: str = "", keys: Sequence[str] = (), payload: Any = None,
              detail: dict[str, Any] | None = None) -> Operation:
        return Operation(self, self.get() or self.context, "write", asset, fields=fields, sources=sources, rows=rows,
                         via=via, keys=keys, payload=payload, detail=detail)

    def call(self, asset: str, *, fields: Sequence[str] = (), sources: Sources | None = None, rows: int = 1,
             via: str = "", keys: Sequence[str] = (), payload: Any = None, family: str = "",
             detail: dict[str, Any] | None = None) -> Operation:
        """``fields``: "request.x" and "response.y"; ``sources`` names request fields without the prefix."""
        return Operation(self, self.get() or self.context, "call", asset, fields=fields, sources=sources, rows=rows,
                         via=via, keys=keys, payload=payload, family=family, detail=detail)

    def respond(self, sources: Sources, via: str = "", payload: Mapping[str, object] | None = None,
                detail: dict[str, Any] | None = None) -> None:
        """In a handler: what the response's fields are made from; ``detail``: what else its signal says."""
        self.context.root.response = (sources, via, payload, detail)

    # --- probes, contracts and what else is said --------------------------------------------

    def source(self, asset: str, payload: Mapping[str, object]) -> None:
        """A source probe [A]: later sinks of this scope are compared with this payload, in memory."""
        self._note("source", asset, payload=payload)

    def register(self, asset: str, labels: Mapping[str, Label], owner: str = "", family: str = "") -> None:
        """A contract: the labels of an asset's fields, shipped to the inventory; ``family``: of its boundary."""
        self._families[asset] = family
        if self.labels.get(asset) == dict(labels):
            return
        self.labels[asset] = dict(labels)
        self.postures.forget()
        self._note("asset", asset, detail={"owner": owner or self.service, "fields": {
            field: {"category": label.category, "annotations": label.annotations, "operational": label.operational}
            for field, label in labels.items()}})

    def declare(self, asset: str, sources: Sources, via: str = "") -> None:
        """A flow declared beside the code that makes it; becomes a ``declared`` edge.

        It belongs to the service's own family, and to that of the boundary whose asset it makes.
        """
        families = sorted({self.family, self._families.get(asset, "")} - {""})
        self._note("asset", asset, via=via, detail={"declares": links_of(sources), "families": families})

    def label(self, asset: str, field: str) -> Label:
        """The label of one field; the empty label where nobody gave one.

        A sub-field ("photo.exif.gps") has its parent's label until it is given one of its own.
        """
        fields = self.labels.get(asset)
        while fields is not None and field:
            if field in fields:
                return fields[field]
            field = field.rpartition(".")[0]
        return _UNLABELLED

    def gap(self, asset: str, why: str, code: str = "PAI201") -> None:
        self._note("gap", asset, detail={"code": code, "why": why})

    def finding(self, finding: Finding) -> None:
        self._note("finding", finding.asset, detail=finding.to_dict())

    def decision(self, decision: Decision, flows: Sources | None = None) -> None:
        self._note("decision", decision.activity or decision.inputs[0], detail=decision.to_dict(), sources=flows)

    def proposed(self, asset: str, path: str, category: str) -> None:
        """A detector found ``category`` at ``path`` inside ``asset``."""
        self._note("proposal", asset, fields=(path,), detail={"category": category})

    # --- integrations -----------------------------------------------------------------------

    def server(self, server: Any) -> Server:
        """Hand this to ``add_XServicer_to_server``: handlers are wrapped as they are registered."""
        from lineage.privacylib.grpc_server import InstrumentedServer

        return InstrumentedServer(server, self)

    def channel(self, channel: Any) -> Channel:
        """Hand this to a generated stub: its methods then take ``sources=`` and ``payload=`` too."""
        from lineage.privacylib.grpc_client import InstrumentedChannel

        return InstrumentedChannel(channel, self)

    def asgi(self, app: ASGI, routes: Mapping[tuple[str, str], Any]) -> ASGI:
        """Wraps an ASGI app; ``routes``: (method, path) → :class:`lineage.privacylib.asgi.Route`."""
        from lineage.privacylib.asgi import InstrumentedApp

        return InstrumentedApp(app, self, routes)

    def mapping(self, mapping: MutableMapping[Any, Any], asset: str, fields: Sequence[str] = ()) -> KeyValue:
        """Wraps a key-value store or a cache: a read under a key is linked to who wrote under it."""
        from lineage.privacylib.keyvalue import KeyValue

        return KeyValue(self, mapping, asset, fields)

    def write_part(self, asset: str, number: int, of: int, **options: Any) -> Operation:
        """The write of one part of an output that several workers make; ``options`` as of ``write``."""
        return parts.write_part(self, asset, number, of, **options)

    def read_part(self, asset: str, number: int, of: int, **options: Any) -> Operation:
        """The read of one part of such an output; ``options`` as of ``read``."""
        return parts.read_part(self, asset, number, of, **options)

    def http(self, transport: Any, routes: Mapping[tuple[str, str], Any]) -> Any:
        """Wraps an httpx transport; ``routes``: (method, path) → :class:`lineage.privacylib.asgi.Route`, or None."""
        from lineage.privacylib.http_client import InstrumentedTransport

        return InstrumentedTransport(transport, self, routes)

    def bind(self, function: Callable[P, R]) -> Callable[P, R]:
        """``function``, in this scope wherever it is called: in a thread, on another event loop."""
        return hop.bind(self, function)

    def submit(self, executor: Executor, function: Callable[P, R], *args: P.args, **options: P.kwargs) -> Future[R]:
        """``executor.submit``, in this scope."""
        return hop.submit(self, executor, function, *args, **options)

    def baggage(self) -> str:
        """This scope as a short text, to go beside an item that another process takes from a queue."""
        return hop.baggage(self)

    def resume(self, baggage: object, asset: str = "") -> AbstractContextManager[Context]:
        """The scope of ``baggage`` goes on here; without it, or where it is malformed, a gap at ``asset``."""
        return hop.resume(self, baggage, asset)

    # --- inside -----------------------------------------------------------------------------

    def left(self, context: Context) -> None:
        """A scope inside another was left: for the collector, which joins as the label does."""
        run((note := Operation(self, context, "scope", self.service)).site.afters, note)

    def _note(self, kind: str, asset: str, *, fields: Sequence[str] = (), via: str = "", payload: Any = None,
              detail: dict[str, Any] | None = None, sources: Sources | None = None) -> None:
        note = Operation(self, self.current.get() or Context("", ""), kind, asset, fields=fields, sources=sources,
                         via=via, payload=payload, detail=detail)
        run(note.site.afters, note)

    def _read(self, asset: str, fields: Sequence[str], via: str, family: str) -> Known:
        site = self.sites.find("read", asset, fields, None, family or self.family, via)
        if type(fields) is tuple:
            if len(self._reads) >= MAX_SITES:
                self._reads.clear()
            self._reads[asset, fields, via, family] = site
        return site

    def began(self, key: str, posture: Posture) -> Context:
        number = next(self.ordinal)
        return started(key or self._key(f"{self.service}-{number}"), number, posture)

    def _key(self, scope: str) -> str:
        """Of a scope that began here."""
        return hashlib.sha256((scope if self._seed == self.service else f"{self._seed}{scope}").encode()
                              ).hexdigest()[:32]
