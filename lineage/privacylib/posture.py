"""The *posture* of a scope: who asks, for what, having read what.  What was judged in it is not judged again.

Postures are interned, and an operation leads from one to the next: a read adds its field's annotations
to the label, and each annotation keeps the names of all that brought it.  So a scope holds one reference,
a repeated operation costs one look into a dict, and an operation that was never permitted in this posture is not
in the dict.  A label that is registered anew empties every one of them.

>>> from lineage.privacylib import PrivacyLib
>>> from lineage.model import Label
>>> lib = PrivacyLib("web")
>>> lib.register("web:ask", {"utterance": Label("user.utterance", ("GLASSES_INTERACTION",))})
>>> with lib.scope(key="0af7651916cd43dd8448eb211c80319c", purpose="assistance") as context:
...     before = context.posture
...     with lib.read("web:ask", fields=("utterance",)) as op:
...         pass
>>> context.posture is before.permitted[op.site], dict(context.posture.annotations)
(True, {'GLASSES_INTERACTION': ('web:ask#utterance',)})
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from weakref import WeakSet

from lineage.privacylib import claims
from lineage.privacylib.claims import Claims
from lineage.privacylib.failure import run

if TYPE_CHECKING:
    from lineage.privacylib.operation import Operation
    from lineage.privacylib.site import Known

# Claims and labels come from outside too: what is kept has bounds, and is let go when they are reached.
MAX_POSTURES = 10_000
MAX_CASES = 100_000
MAX_JOINS = 100
# Of what brought an annotation the first names are kept, in their order; where there were more, MANY follows them,
# of which nothing can be said.
MAX_NAMES = 64
MANY = "*"
# Annotation → the field-level names of what brought it.
Brought = Mapping[str, tuple[str, ...]]


class Passport(Protocol):
    """The signed claims of this service, to be carried; ``enforce.passport`` gets them of the policy service."""

    @property
    def ends(self) -> float:
        """Seconds since 1970, after which there are none."""

    def claims(self, purpose: str, region: str) -> bytes:
        """Empty where there are none for these."""

    def missing(self, purpose: str) -> tuple[str, str]:
        """(code, reason) of why there are none."""


# (claims, whether anything was sent) → (code and reason of what is wrong with them or "", when they end).
Identify = Callable[[Claims, bool], tuple[str, float]]


class Who(NamedTuple):
    """Who asks, in which service, and for what: the same for all of a context's life."""

    service: str = ""
    activity: str = ""
    purpose: str = ""
    principal: str = ""
    region: str = ""
    family: str = ""
    claims: bytes = b""
    # What is wrong with the claims that the request came with: a code and a reason; empty where nothing is.
    identity: str = ""


class Posture:
    """``permitted``: site → the posture once such an operation has begun; ``settled``: once a call has its response.

    ``ends``: where it is that of a request, when its claims do (seconds since 1970).
    """

    __slots__ = ("__weakref__", "annotations", "book", "ends", "family", "joins", "permitted", "settled", "who")

    def __init__(self, book: Postures, who: Who, annotations: Brought) -> None:
        self.book = book
        self.who = who
        self.family = who.family
        self.annotations = annotations
        self.ends = inf
        self.permitted: dict[Known, Posture] = {}
        self.settled: dict[Known, Posture] = {}
        # What was joined to it → where that led; by identity, since scopes hand on the same labels again and again.
        self.joins: dict[int, tuple[Brought, Posture]] = {}

    def joined(self, more: Brought) -> Posture:
        """With more annotations, or more names of what brought them."""
        kept = self.joins.get(id(more))
        if kept is not None and kept[0] is more:
            return kept[1]
        known = self.annotations
        both = {annotation: _united(known.get(annotation, ()), more.get(annotation, ()))
                for annotation in sorted({*known, *more})}
        after = self if both == known else self.book.enter(self.who, both)
        if len(self.joins) >= MAX_JOINS:
            self.joins.clear()
        self.joins[id(more)] = more, after
        return after


class Postures:
    """The postures of one library.  ``prefix``: of its span ids, 8 hex digits.

    ``identify`` and ``passport`` are given where purposes are bound to principals: without them claims are
    what each service says of itself.  ``now``: seconds since 1970, by which claims end.
    """

    identify: Identify | None = None
    passport: Passport | None = None

    def __init__(self, prefix: str = "00000000") -> None:
        self.prefix = prefix
        self._known: dict[tuple[Who, tuple[tuple[str, tuple[str, ...]], ...]], Posture] = {}
        self._every: WeakSet[Posture] = WeakSet()
        self._callers: dict[tuple[str, str, str], dict[Any, Posture]] = {}
        self._leaving: dict[Who, tuple[bytes, float]] = {}
        self._lock = threading.Lock()
        self.now: Callable[[], float] = time.time
        self.generation = self._cases = 0
        # Sites that a guard wants to judge each time.
        self.fleeting: WeakSet[Known] = WeakSet()

    def enter(self, who: Who, annotations: Brought | None = None) -> Posture:
        label = dict(annotations or {})
        key = who, tuple(label.items())
        with self._lock:
            found = self._known.get(key)
            if found is None:
                if len(self._known) >= MAX_POSTURES:
                    self._known.clear()
                found = self._known[key] = Posture(self, who, label)
                self._every.add(found)
        return found

    def forget(self) -> None:
        """Everything is judged anew, also in the scopes that are open."""
        with self._lock:
            self.generation += 1
            self._cases = 0
            for posture in self._every:
                posture.permitted.clear()
                posture.settled.clear()

    # --- judgements -------------------------------------------------------------------------

    def begin(self, op: Operation, posture: Posture) -> Posture:
        """Judges an operation that this posture has not seen.  Raises PolicyDenied."""
        site, generation = op.site, self.generation
        good = run(site.judges, op)
        after = posture.joined(site.brings(begun=True))
        # Not where a judge failed, in logging mode, or wants to be asked again; nor where another thread raised the
        # label meanwhile.
        if good and op.context.posture is posture and site not in self.fleeting:
            self._keep(posture.permitted, site, after, generation)
        return after

    def settle(self, posture: Posture, site: Known) -> Posture:
        generation = self.generation
        after = posture.joined(site.brings(begun=False))
        self._keep(posture.settled, site, after, generation)
        return after

    def _keep(self, cases: dict[Known, Posture], site: Known, after: Posture, generation: int) -> None:
        if self._cases >= MAX_CASES:
            self.forget()
        with self._lock:
            # Not what was judged by labels that have changed meanwhile.
            if generation == self.generation:
                cases[site] = after
                self._cases += 1

    # --- who asks ---------------------------------------------------------------------------

    def callers(self, service: str, family: str, purpose: str) -> dict[Any, Posture]:
        """Claims as they arrived → posture; always the same dict.  ``purpose``: where they state none."""
        return self._callers.setdefault((service, family, purpose), {})

    def caller(self, policy: Any, service: str, family: str, purpose: str, edge: bool = False) -> tuple[Posture, str]:
        """The posture of a request with these claims, and what is wrong with them; looked into once per distinct
        value, and their end each time.  ``edge``: who asks is no workload, and need not show any."""
        known = self.callers(service, family, purpose)
        try:
            if known[policy].ends > self.now():
                return known[policy], ""
        except (KeyError, TypeError):
            pass
        given, problem = _claims(policy)
        identity, ends = "", inf
        if self.identify is not None and (policy or not edge):
            identity, ends = self.identify(given, bool(policy))
        posture = self.enter(Who(service, given.activity or given.added, given.purpose or purpose, given.principal,
                                 given.region, family, bytes(policy) if given.payload else b"", identity),
                             dict.fromkeys(given.annotations, (f"rpc:{service}",)))
        posture.ends = ends
        if not problem and not identity:
            if len(known) >= MAX_POSTURES:
                known.clear()
            known[policy] = posture
        return posture, identity or problem

    def policy_of(self, who: Who) -> bytes:
        """The claims that go out with a call; those that came where it is still for their purpose, else this
        service's own.  Nobody's who came without genuine ones: a service does not lend them its name."""
        found = self._leaving.get(who)
        if found is None or found[1] <= self.now():
            if len(self._leaving) >= MAX_POSTURES:
                self._leaving.clear()
            ended, found = found is not None, self._outgoing(who)
            self._leaving[who] = found
            if ended and not found[1]:
                self.forget()  # there are no claims any more, so that what was permitted with them is judged anew
        return found[0]

    def _outgoing(self, who: Who) -> tuple[bytes, float]:
        came, unread = _claims(who.claims)
        if who.identity or unread or came.activity or (came.payload and (came.purpose or who.purpose) == who.purpose):
            data, ends = who.claims, inf
        else:
            data, ends = self.signed(who)
        if not data and not who.identity:
            return claims.encode(principal=who.service, purpose=who.purpose, region=who.region,
                                 activity=who.activity), ends  # unsigned: whoever verifies takes them for none
        if data and not unread and who.activity not in ("", came.activity, came.added):
            data = claims.under(who.activity, data)
        return data, ends

    def signed(self, who: Who) -> tuple[bytes, float]:
        """This service's own claims for the purpose of a scope, and when they end; empty where it has none."""
        if self.passport is None:
            return b"", inf
        data = self.passport.claims(who.purpose, who.region)
        return data, self.passport.ends if data else 0.0


def _united(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """The same in whatever order names come."""
    names = sorted({*one, *other} - {MANY})
    many = MANY in one or MANY in other or len(names) > MAX_NAMES
    return (*names[:MAX_NAMES], MANY) if many else tuple(names)


def _claims(data: Any) -> tuple[Claims, str]:
    """Claims that cannot be read are ignored, and that is said."""
    if not data:
        return Claims(), ""
    try:
        return claims.decode(bytes(data)), ""
    except (ValueError, TypeError) as error:
        return Claims(), f"claims were ignored: {error}"
