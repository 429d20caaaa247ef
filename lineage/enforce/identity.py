"""Who a request is of: its claims verified, and held to what their principal may do.

The signature is verified once per distinct value, the end of the claims at each use.  Genuine claims of a principal
that may not (or no longer) act for their purpose are as good as none.  What follows from it is the guard's business
(``unvouched``) and the policy service's (``entitled``): each refuses what touches governed data, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from math import inf
from typing import NamedTuple

from lineage.enforce.gate import make
from lineage.enforce.principal import Principals, Right
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Verifier
from lineage.errors import PolicyDenied
from lineage.model import Decision
from lineage.names import asset_of, field_of, join, sides
from lineage.privacylib.claims import PRINCIPAL, Claims, decode
from lineage.privacylib.context import Context
from lineage.privacylib.operation import Operation

# Seconds by which the clocks of the policy service and of whoever verifies may differ.
SKEW = 2
MISSING = "PAI314 the request carries no claims that the policy service has signed"
FORGED = "PAI311 the request's claims are not what the policy service has signed"


class Identity:
    """Implements ``posture.Identify``.  ``now``: seconds since 1970, by the clock of this machine."""

    def __init__(self, principals: Principals, verifier: Verifier, now: Callable[[], float] = time.time) -> None:
        self.principals = principals
        self._verifier = verifier
        self._now = now

    def __call__(self, claims: Claims, sent: bool) -> tuple[str, float]:
        """("" or a code and what is wrong, the time at which the claims end)."""
        if not claims.signature:
            # What says of itself who it is has said nothing; what cannot even be read is somebody's attempt.
            return (MISSING if claims.payload or not sent else FORGED), inf
        if self._verifier.claims(_signed(claims)) is None:
            return FORGED, inf
        now = self._now()
        if now > claims.expires + SKEW:
            return "PAI312 the request's claims have expired", inf
        if now < claims.issued - SKEW:
            return (f"PAI312 the request's claims are of the future: two clocks differ by more than {SKEW} s"), inf
        if claims.kind == PRINCIPAL and (
                why := self.principals.refusal(claims.principal, claims.purpose, region=claims.region)):
            return f"PAI313 {why}", inf
        return "", float(claims.expires + SKEW)


def caller(context: Context) -> str:
    """The verified principal that a scope's request is of; the service's own where it began here.  "" for nobody."""
    if context.trace[2].identity:
        return ""
    return decode(context.claims).caller if context.claims else context.principal


class Caller(NamedTuple):
    """On whose request the policy service judges; ``wrong``: a code and why that is nobody who may ask for it."""

    name: str
    wrong: str


def entitled(principals: Principals | None, context: Context, purpose: str, activity: str,
             region: str = "") -> Caller:
    """May whoever asks act for this purpose in this region, and have this activity run?

    Without principals nobody is held to it."""
    if principals is None:
        return Caller("", "")
    if context.trace[2].identity:
        return Caller("", context.trace[2].identity)
    name = caller(context)
    why = principals.refusal(name, purpose, activity, region)
    return Caller(name, f"PAI313 {why}" if why else "")


def unable(principals: Principals | None, context: Context, right: Right) -> PolicyDenied | None:
    """Why whoever asks may not: by claims of a principal, for a token says only what may be run.  Without principals
    nobody is held to it."""
    if principals is None:
        return None
    wrong = context.trace[2].identity
    if not wrong:
        token = bool(context.claims) and decode(context.claims).kind != PRINCIPAL
        why = principals.unable("" if token else caller(context), right)
        wrong = f"PAI313 {why}" if why else ""
    code, _, why = wrong.partition(" ")
    return PolicyDenied(code, why, where="policy") if wrong else None


def refused(rules: Rules, decision: Decision, wrong: str, annotations: Collection[str]) -> Decision:
    """The decision, or the refusal of one that would be allowed to a caller with whom something is ``wrong``."""
    if not wrong or decision.verdict == "blocked" or not governed(rules, annotations):
        return decision
    code, _, why = wrong.partition(" ")
    return make(rules, decision.activity, decision.purpose, decision.principal, decision.where, "blocked", code, why,
                decision.inputs)


def governed(rules: Rules, annotations: Collection[str]) -> bool:
    """By a requirement in enforcement mode."""
    return any(one.mode == "enforcement" for one in rules.governing(annotations))


def unvouched(rules: Rules, op: Operation) -> Decision | None:
    """At a guard: the refusal of an operation on governed data, where its request came without claims that hold, or
    leaves with none; None for every other."""
    who, site = op.context.trace[2], op.site
    wrong = who.identity
    if not wrong and site.op == "call" and site.asset.startswith("rpc:"):
        wrong = _unsigned(op)
    if not wrong:
        return None
    names, annotations = _touched(op)
    if not governed(rules, annotations):
        return None
    code, _, why = wrong.partition(" ")
    # What a request says that nobody vouches for is not repeated as if somebody did.
    purpose, principal = ("", "") if who.identity else (who.purpose, who.principal)
    return make(rules, who.activity, purpose, principal, "guard", "blocked", code, why, names)


def _unsigned(op: Operation) -> str:
    """Why this service has no claims to send with a call of its own."""
    book, who = op.context.posture.book, op.context.trace[2]
    if book.passport is None or decode(book.policy_of(who)).signature:
        return ""
    return " ".join(book.passport.missing(who.purpose))


def _touched(op: Operation) -> tuple[list[str], set[str]]:
    """Field-level names of what an operation moves, and the annotations of that and of all its scope has read."""
    site = op.site
    asset = sides(site.asset)[0] if site.op == "call" else site.asset
    fields = site.fields or tuple(site.lib.labels.get(asset, ()))
    names = [join(asset, field.removeprefix("request.")) for field in fields if not field.startswith("response.")]
    names += [source for _, sources in site.links for source in sources]
    annotations = {one for name in names for one in site.lib.label(asset_of(name), field_of(name)).annotations}
    return names or [asset], annotations | set(op.context.posture.annotations)


def _signed(claims: Claims) -> bytes:
    return claims.payload + b"\n" + claims.signature
