"""Enforce: labels that travel with each call and raise the scope that serves it (S10's "set it and forget it").

The label of a scope is what the caller's scope had, and what it has read since at rest (tables, queues, files, the
devices, and the requests of the app, where policies are set).  No contract of a message counts: not as a source, since
the label is taken to have come along; not as a sink, since the label goes on with the call.

It travels in ``tracestate``, which PrivacyLib carries as it is: with a request and not with its answer, once for a
stream, and not at all where a call has lost its context.  Each annotation goes with the name of one field that
brought it, by which a refusal far from there says what it is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

from lineage.enforce.gate import Crossing, Input, admit, flow
from lineage.enforce.guard import Guard
from lineage.enforce.rulebook import Rulebook
from lineage.errors import PolicyDenied
from lineage.model import Decision
from lineage.names import kind_of
from lineage.privacylib.context import TRACESTATE, Context
from lineage.privacylib.operation import Operation
from services.seams import Metadata, Wire

_KEY = "sightline="
_MESSAGES = frozenset({"rpc", "response"})
# What the call that is about to be made takes along.
_leaving: ContextVar[str] = ContextVar("sightline-label", default="")


class LabelWire:
    """Sends the label along, in front of what else is armed on the wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def outgoing(self, method: str, metadata: Metadata) -> Metadata:
        if label := _leaving.get():
            metadata = (*(pair for pair in metadata if pair[0] != TRACESTATE), (TRACESTATE, f"{_KEY}{label}"))
        return self._wire.outgoing(method, metadata)


class PropagationGuard(Guard):
    """Reads at rest are judged as by the zones' guard; beside it, what the scope was raised to."""

    # Two scopes of one posture may have been raised differently.
    by_case = False

    def __init__(self, book: Rulebook) -> None:
        super().__init__(book)
        self._permitted: set[tuple[object, object, str]] = set()
        self._generation = -1

    def before(self, op: Operation) -> None:
        site, context = op.site, op.context
        self._lib = site.lib
        if site.op == "call":
            _leaving.set(";".join(f"{annotation}@{name}" for annotation, name in sorted(self._label(context).items())))
            return
        if site.op not in ("read", "write") or kind_of(site.asset) in _MESSAGES:
            return
        case, generation = (site, context.posture, context.tracestate), op.lib.postures.generation
        if generation != self._generation:
            self._permitted, self._generation = set(), generation
        if case in self._permitted:
            return
        if site.op == "read":
            super().before(op)
        refusal = self._used(op) if site.op == "read" else self._leaves(op)
        if refusal is not None and refusal.verdict == "blocked":
            op.lib.decision(refusal)
            raise PolicyDenied(refusal.code, refusal.reason, where=refusal.activity or op.asset)
        if case[1] is context.posture:
            self._permitted.add(case)

    def _label(self, context: Context) -> Mapping[str, str]:
        """Annotation → where it came from."""
        arrived = context.tracestate.removeprefix(_KEY) if context.tracestate.startswith(_KEY) else ""
        found = {annotation: name for annotation, _, name in (one.partition("@") for one in arrived.split(";")) if name}
        for annotation, names in context.posture.annotations.items():
            if own := [name for name in names if kind_of(name) not in _MESSAGES]:
                found[annotation] = own[0]
        return found

    def _used(self, op: Operation) -> Decision | None:
        """An activity uses whatever its scope was raised to."""
        who = op.context.trace[2]
        raised = self._label(op.context)
        if not who.activity or self._rules.forbidden(who.purpose, who.region).isdisjoint(raised):
            return None
        return admit(self._rules, activity=who.activity, purpose=who.purpose, principal=who.principal,
                     inputs=[Input(name, (annotation,)) for annotation, name in raised.items()], where="guard",
                     region=who.region)

    def _leaves(self, op: Operation) -> Decision | None:
        sink, who = op.site.asset, op.context.trace[2]
        labels = [one for one in op.lib.labels.get(sink, {}).values() if not one.operational]
        if not labels:
            return None
        whole = Input(sink, tuple(sorted({name for one in labels for name in one.annotations})))
        crossings = [Crossing(Input(name, (annotation,)), whole) for annotation, name in self._label(op.context).items()
                     if self._rules.crosses((annotation,), whole.annotations)]
        return flow(self._rules, activity=who.activity, purpose=who.purpose, principal=who.principal,
                    crossings=crossings, where="guard")
