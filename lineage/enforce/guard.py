"""The guard: PrivacyLib's last extension before the I/O, on the final arguments; it may refuse.

It judges (1) use: a read under an activity, for its purpose; (2) flow: each written-out source
against its sink field, and the scope's floating label against the sink asset; (3) at the
boundary of the warehouse: a read of governed data needs a token for this very activity.

Sinks that are operational through and through (acknowledgements, counts) are not judged, nor
fields carried for a schema that this process does not know: the process that knows it judges.
"""

from __future__ import annotations

from collections.abc import Collection

from lineage.enforce.gate import Crossing, Input, admit, flow, make
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Verifier
from lineage.errors import PolicyDenied
from lineage.model import Decision
from lineage.names import asset_of, field_of, join
from lineage.privacylib.extension import Extension
from lineage.privacylib.operation import Operation

MAX_CASES = 100_000


class Guard(Extension):
    """``verifier``: given at a boundary, where governed reads must show a token."""

    guards = True

    def __init__(self, rules: Rules, verifier: Verifier | None = None) -> None:
        self._rules = rules
        self.verifier = verifier
        # Where every requirement is in logging mode, a guard that fails breaks no request either.
        self.enforcing = rules.enforcing
        # An operation repeats with the same site, label and claims: judged once.
        self._permitted: set[tuple[object, ...]] = set()

    def before(self, op: Operation) -> None:
        context = op.context
        case = (op.kind, op.asset, op.fields, op.links, context.activity, context.purpose, context.claims,
                frozenset(context.annotations))
        if case not in self._permitted:
            self._judge(op)
            if len(self._permitted) < MAX_CASES:
                self._permitted.add(case)
        if op.kind == "read":  # from here on, whether or not the I/O gives anything
            self._float(op, op.asset, op.fields)

    def _judge(self, op: Operation) -> None:
        for decision in (self._use(op), self._token(op), self._flow(op)):
            if decision is None:
                continue
            if decision.verdict == "blocked":
                op.lib.decision(decision)
                raise PolicyDenied(decision.code, decision.reason, where=decision.activity or op.asset)
            if decision.where == "boundary":
                op.lib.decision(decision)

    def after(self, op: Operation) -> None:
        if op.kind == "call":
            over_http = op.asset.startswith("web:")
            self._float(op, f"response:{op.asset.removeprefix('web:')}" if over_http else f"{op.asset}.response",
                        [field.removeprefix("response.") for field in op.fields if field.startswith("response.")])

    def _use(self, op: Operation) -> Decision | None:
        if op.kind != "read" or not op.context.activity:
            return None
        return admit(self._rules, activity=op.context.activity, purpose=op.context.purpose,
                     principal=op.context.principal, inputs=_inputs(op), where="guard")

    def _token(self, op: Operation) -> Decision | None:
        if self.verifier is None or op.kind != "read" or not op.asset.startswith("warehouse:"):
            return None
        inputs = _inputs(op)
        governed = [item.asset for item in inputs if self._rules.governing(item.annotations)]
        if not governed:
            return None
        claims = self.verifier.claims(op.context.claims)
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
        if op.kind not in ("write", "call"):
            return None
        sink = f"{op.asset}.request" if op.kind == "call" and op.asset.startswith("rpc:") else op.asset
        crossings = [Crossing(_input(op, source), _input(op, join(sink, field)))
                     for field, sources in op.links for source in sources if not _carried(op, sink, field)]
        # Everything that the scope has read, against the sink as a whole: `sources=` narrows lineage only.
        labels = [label for label in op.lib.labels.get(sink, {}).values() if not label.operational]
        if labels:
            whole = Input(sink, tuple(sorted({name for label in labels for name in label.annotations})))
            crossings += [Crossing(Input(asset, (annotation,)), whole)
                          for annotation, asset in op.context.annotations.items()]
        return flow(self._rules, activity=op.context.activity, purpose=op.context.purpose,
                    principal=op.context.principal, crossings=crossings, where="guard")

    @staticmethod
    def _float(op: Operation, asset: str, fields: Collection[str]) -> None:
        for field in fields:
            for annotation in op.lib.label(asset, field).annotations:
                op.context.annotations.setdefault(annotation, join(asset, field))


def _inputs(op: Operation) -> list[Input]:
    return [_input(op, join(op.asset, field)) for field in op.fields]


def _input(op: Operation, name: str) -> Input:
    asset, field = asset_of(name), field_of(name)
    label = op.lib.label(asset, field)
    # Only a schema that this process holds can be said to lack a label.
    unlabelled = asset in op.lib.labels and not label.annotated and not _carried(op, asset, field)
    return Input(name, label.annotations, not unlabelled)


def _carried(op: Operation, asset: str, field: str) -> bool:
    """A field of another schema inside a message, which the process that knows the schema judges."""
    return asset.startswith("rpc:") and not op.lib.label(asset, field).annotated
