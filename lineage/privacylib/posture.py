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
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
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


class Who(NamedTuple):
    """Who asks, in which service, and for what: the same for all of a context's life."""

    service: str = ""
    activity: str = ""
    purpose: str = ""
    principal: str = ""
    region: str = ""
    family: str = ""
    claims: bytes = b""


@lru_cache(maxsize=4096)
def policy_of(who: Who) -> bytes:
    """The claims that go out with a call: those of the scope, without them what the service says of itself."""
    return who.claims or claims.encode(
        principal=who.service, purpose=who.purpose, region=who.region, activity=who.activity)


class Posture:
    """``permitted``: site → the posture once such an operation has begun; ``settled``: once a call has its response."""

    __slots__ = ("__weakref__", "annotations", "book", "family", "joins", "permitted", "settled", "who")

    def __init__(self, book: Postures, who: Who, annotations: Brought) -> None:
        self.book = book
        self.who = who
        self.family = who.family
        self.annotations = annotations
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
    """The postures of one library.  ``prefix``: of its span ids, 8 hex digits."""

    def __init__(self, prefix: str = "00000000") -> None:
        self.prefix = prefix
        self._known: dict[tuple[Who, tuple[tuple[str, tuple[str, ...]], ...]], Posture] = {}
        self._every: WeakSet[Posture] = WeakSet()
        self._callers: dict[tuple[str, str, str], dict[Any, Posture]] = {}
        self._lock = threading.Lock()
        self.generation = self._cases = 0

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
        # Not where a judge failed, in logging mode; nor where another thread raised the label meanwhile.
        if good and op.context.posture is posture:
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

    def caller(self, policy: Any, service: str, family: str, purpose: str) -> tuple[Posture, str]:
        """The posture of a request with these claims, and what is wrong with them; decoded once per distinct value."""
        known = self.callers(service, family, purpose)
        try:
            return known[policy], ""
        except (KeyError, TypeError):
            given, problem = _claims(policy)
        posture = self.enter(Who(service, given.activity, given.purpose or purpose, given.principal, given.region,
                                 family, policy if given.payload else b""))
        if not problem:
            if len(known) >= MAX_POSTURES:
                known.clear()
            known[policy] = posture
        return posture, problem


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
