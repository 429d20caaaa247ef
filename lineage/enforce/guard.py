"""The guard: PrivacyLib's last extension before the I/O, on the final arguments; it may refuse.

It judges (1) use: a read under an activity, for its purpose; (2) flow: each written-out source
against its sink field, and the scope's label, which PrivacyLib floats, against the sink asset; (3) at the
boundary of the warehouse: a read of governed data needs a token for this very activity.

Sinks that are operational through and through (acknowledgements, counts) are not judged, nor
fields carried for a schema that this process does not know: the process that knows it judges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.enforce.gate import Crossing, Input, admit, flow, make
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Verifier
from lineage.errors import PolicyDenied
from lineage.model import Decision
from lineage.names import asset_of, field_of, join, sides
from lineage.privacylib.extension import Extension
from lineage.privacylib.operation import Operation

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib


class Guard(Extension):
    """``verifier``: given at a boundary, where governed reads must show a token."""

    guards = True
    # An operation repeats with the same site, label and claims: judged once.
    by_case = True

    def __init__(self, rules: Rules, verifier: Verifier | None = None) -> None:
        self._rules = rules
        # Where every requirement is in logging mode, a guard that fails breaks no request either.
        self.enforcing = rules.enforcing
        self._verifier = verifier
        self._lib: PrivacyLib | None = None

    @property
    def verifier(self) -> Verifier | None:
        return self._verifier

    @verifier.setter
    def verifier(self, verifier: Verifier) -> None:
        """What was permitted without it is judged anew."""
        self._verifier = verifier
        if self._lib is not None:
            self._lib.postures.forget()

    def before(self, op: Operation) -> None:
        site = op.site
        if site.op == "read":
            self._lib = site.lib
            decisions = (self._use(op), None if self._verifier is None else self._token(op, self._verifier))
        elif site.op in ("write", "call"):
            decisions = (self._flow(op), None)
        else:
            return
        for decision in decisions:
            if decision is None:
                continue
            if decision.verdict == "blocked":
                op.lib.decision(decision)
                raise PolicyDenied(decision.code, decision.reason, where=decision.activity or op.asset)
            if decision.where == "boundary":
                op.lib.decision(decision)

    def _use(self, op: Operation) -> Decision | None:
        """The refusal of a use, or None; most uses are none that is refused, and that is found out first."""
        who, site = op.context.trace[2], op.site
        if not who.activity:
            return None
        forbidden, label = self._rules.forbidden(who.purpose), site.lib.label
        for field in site.fields or site.lib.labels.get(site.asset, ()):
            found = label(site.asset, field)
            if not forbidden.isdisjoint(found.annotations) or not found.annotated:
                break
        else:
            return None
        return admit(self._rules, activity=who.activity, purpose=who.purpose, principal=who.principal,
                     inputs=_inputs(op), where="guard")

    def _token(self, op: Operation, verifier: Verifier) -> Decision | None:
        if not op.asset.startswith("warehouse:"):
            return None
        inputs = _inputs(op)
        governed = [item.asset for item in inputs if self._rules.governing(item.annotations)]
        if not governed:
            return None
        claims = verifier.claims(op.context.claims)
        if claims is None:
            return self._no_token(op, governed, "governed data, and no genuine token of the policy service")
        if claims.activity != op.context.activity or not set(governed) <= set(claims.inputs):
            return self._no_token(op, governed, f"the token was given to {claims.activity}, for its admitted inputs")
        if claims.requirements != self._rules.versions:
            return self._no_token(op, governed, f"the token was judged by {', '.join(claims.requirements)}")
        return admit(self._rules, activity=claims.activity, purpose=claims.purpose, principal=claims.principal,
                     inputs=inputs, where="boundary")

    def _no_token(self, op: Operation, governed: list[str], why: str) -> Decision | None:
        if not self._rules.enforcing:
            return None
        context = op.context
        return make(self._rules, context.activity or f"query:{context.principal or 'unknown'}", context.purpose,
                    context.principal, "boundary", "blocked", "PAI303", why, governed)

    def _flow(self, op: Operation) -> Decision | None:
        site, who = op.site, op.context.trace[2]
        sink = sides(site.asset)[0] if site.op == "call" else site.asset
        label, crosses = site.lib.label, self._rules.crosses
        crossings = [Crossing(_input(op, source), _input(op, join(sink, field)))
                     for field, sources in site.links for source in sources
                     if crosses(label(asset_of(source), field_of(source)).annotations, label(sink, field).annotations)
                     and not _carried(op, sink, field)]
        # Everything that the scope has read, against the sink as a whole: `sources=` narrows lineage only.
        read = op.context.posture.annotations
        labels = [one for one in site.lib.labels.get(sink, {}).values() if not one.operational] if read else []
        if labels:
            whole = Input(sink, tuple(sorted({name for one in labels for name in one.annotations})))
            crossings += [Crossing(Input(asset, (annotation,)), whole) for annotation, asset in read.items()
                          if crosses((annotation,), whole.annotations)]
        if not crossings:
            return None
        return flow(self._rules, activity=who.activity, purpose=who.purpose, principal=who.principal,
                    crossings=crossings, where="guard")


def _inputs(op: Operation) -> list[Input]:
    if op.fields:
        return [_input(op, join(op.asset, field)) for field in op.fields]
    # Unnamed: whatever is there, which is all of it.
    labels = op.lib.labels.get(op.asset, {}).values()
    return [Input(op.asset, tuple(sorted({name for label in labels for name in label.annotations})))]


def _input(op: Operation, name: str) -> Input:
    asset, field = asset_of(name), field_of(name)
    label = op.lib.label(asset, field)
    # Only a schema that this process holds can be said to lack a label.
    unlabelled = asset in op.lib.labels and not label.annotated and not _carried(op, asset, field)
    return Input(name, label.annotations, not unlabelled)


def _carried(op: Operation, asset: str, field: str) -> bool:
    """A field of another schema inside a message, which the process that knows the schema judges."""
    return asset.startswith("rpc:") and not op.lib.label(asset, field).annotated
