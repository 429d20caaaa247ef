"""The boundary: a read of governed data is judged again by the token that it comes with, whatever the caller judged."""

from __future__ import annotations

from collections.abc import Iterable

from lineage.enforce.flows import inputs
from lineage.enforce.gate import Input, admit, logged, make
from lineage.enforce.narrowing import origins_of
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Verifier
from lineage.model import Decision
from lineage.names import asset_of
from lineage.privacylib.claims import Claims
from lineage.privacylib.operation import Operation


def token(rules: Rules, op: Operation, verifier: Verifier) -> Decision | None:
    """At the warehouse: the decision on a read of governed data, by its token; None for other reads."""
    if not op.asset.startswith("warehouse:"):
        return None
    read = inputs(op)
    governed = [item.asset for item in read if rules.governing(item.annotations)]
    if not governed:
        return None
    claims = verifier.claims(op.context.claims)
    if claims is None:
        return _no_token(rules, op, governed, "governed data, and no genuine token of the policy service")
    if claims.activity != op.context.activity or not set(governed) <= set(claims.inputs):
        return _no_token(rules, op, governed, f"the token was given to {claims.activity}, for its admitted inputs")
    if claims.requirements != rules.versions:
        return _no_token(rules, op, governed, f"the token was judged by {', '.join(claims.requirements)}")
    return admit(rules, activity=claims.activity, purpose=claims.purpose, principal=claims.principal,
                 inputs=placed(read, claims), where="boundary", region=claims.region)


def placed(read: Iterable[Input], claims: Claims) -> list[Input]:
    """With the origins of which the token lets rows be seen."""
    seen: dict[str, tuple[str, ...]] = {}
    for asset in {asset_of(item.asset) for item in read} if claims.origins else ():
        seen[asset] = tuple(sorted(origins_of(claims.origins, asset) or ()))
    return [item._replace(origins=seen.get(asset_of(item.asset), ())) for item in read]


def _no_token(rules: Rules, op: Operation, governed: list[str], why: str) -> Decision:
    context = op.context
    return make(rules, context.activity or f"query:{context.principal or 'unknown'}", context.purpose,
                context.principal, "boundary", "blocked" if rules.enforcing else "allowed", "PAI303",
                why if rules.enforcing else logged(why), governed)
