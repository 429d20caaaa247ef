"""The boundary: a read of governed data is judged again by the token that it comes with, whatever the caller judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lineage.enforce import identity
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
    governed = {item.asset: identity.governed(rules, item.annotations) for item in read
                if rules.governing(item.annotations)}
    if not governed:
        return None
    claims = verifier.claims(op.context.claims)
    if claims is None:
        return _no_token(rules, op, governed, "governed data, and no genuine token of the policy service")
    given = f"the token was given to {claims.activity}, for its admitted inputs"
    if claims.activity != op.context.activity:
        return _no_token(rules, op, governed, given)
    if claims.requirements != rules.versions:
        return _no_token(rules, op, governed, f"the token was judged by {', '.join(claims.requirements)}")
    beyond = {name: enforced for name, enforced in governed.items() if name not in claims.inputs}
    if any(beyond.values()):
        return _no_token(rules, op, governed, given)
    decision = admit(rules, activity=claims.activity, purpose=claims.purpose, principal=claims.principal,
                     inputs=placed(read, claims), where="boundary", region=claims.region)
    return decision if decision.verdict == "blocked" or not beyond else _no_token(rules, op, beyond, given)


def placed(read: Iterable[Input], claims: Claims) -> list[Input]:
    """With the origins of which the token lets rows be seen."""
    seen: dict[str, tuple[str, ...]] = {}
    for asset in {asset_of(item.asset) for item in read} if claims.origins else ():
        seen[asset] = tuple(sorted(origins_of(claims.origins, asset) or ()))
    return [item._replace(origins=seen.get(asset_of(item.asset), ())) for item in read]


def _no_token(rules: Rules, op: Operation, governed: Mapping[str, bool], why: str) -> Decision:
    """Refused where a requirement that governs what is read is in enforcement mode itself, whatever others are."""
    context, enforced = op.context, any(governed.values())
    return make(rules, context.activity or f"query:{context.principal or 'unknown'}", context.purpose,
                context.principal, "boundary", "blocked" if enforced else "allowed", "PAI303",
                why if enforced else logged(why), governed)
