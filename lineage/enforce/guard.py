"""The guard: PrivacyLib's last extension before the I/O, on the final arguments; it may refuse.

It judges first whether the request's claims hold, or its own do (``identity``), wherever governed data is touched.
Then (1) use: a read under an activity, for its purpose; (2) flow (``flows``): each written-out source
against its sink field, and the scope's label, which PrivacyLib floats, against the sink asset; (3) at the
boundary of the warehouse (``boundary``): a read of governed data needs a token for this very activity.

Sinks that are operational through and through (acknowledgements, counts) are not judged; rows of another schema
are (``carried``) where this process is told the schema, else the process that knows it judges.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lineage.enforce.boundary import placed, token
from lineage.enforce.carried import Schemas
from lineage.enforce.flows import inputs, leaves
from lineage.enforce.gate import Input, admit
from lineage.enforce.identity import unvouched
from lineage.enforce.lowered import AtGuard
from lineage.enforce.review import Reviewed, Today
from lineage.enforce.rulebook import Rulebook, held
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Verifier
from lineage.errors import PolicyDenied
from lineage.model import Decision
from lineage.names import kind_of
from lineage.privacylib.extension import Extension
from lineage.privacylib.operation import Operation

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib

# Decisions that are remembered as told.
MAX_TOLD = 1000


# In them rows travel that were chosen where they are kept, and by their origin there.
MESSAGES = ("rpc", "web", "response", "app")


class Guard(Extension):
    """``verifier``: given at a boundary, where governed reads must show a token.  ``schemas``: whose rows this process
    sends to others.  ``today``: by which reviews end."""

    guards = True
    # An operation repeats with the same site, label and claims: judged once.
    by_case = True

    def __init__(self, rules: Rules | Rulebook, verifier: Verifier | None = None,
                 schemas: Schemas | None = None, today: Today = lambda: datetime.now(UTC).date()) -> None:
        book = held(rules)
        self.schemas: Schemas = schemas or {}
        self._verifier = verifier
        self.today = today
        self._remedied: set[str] = set()
        self._lib: PrivacyLib | None = None
        self._follow(book.rules)
        book.listen(self._follow)

    def _follow(self, rules: Rules) -> None:
        """The rules have changed: what was permitted by the old ones is judged anew, in open scopes too."""
        self._rules = rules
        # Where every requirement is in logging mode, a guard that fails breaks no request either.
        self.enforcing = rules.enforcing
        self._forget()

    def _forget(self) -> None:
        if self._lib is not None:
            self._lib.postures.forget()

    @property
    def verifier(self) -> Verifier | None:
        return self._verifier

    @verifier.setter
    def verifier(self, verifier: Verifier) -> None:
        """What was permitted without it is judged anew."""
        self._verifier = verifier
        self._forget()

    def before(self, op: Operation) -> None:
        site = op.site
        self._lib = site.lib
        if site.op not in ("read", "write", "call"):
            return
        if op.context.trace[2].identity or site.op == "call":
            self._told(op, unvouched(self._rules, op))
        if site.op == "read":
            decisions = (self._use(op), None if self._verifier is None else token(self._rules, op, self._verifier))
        else:
            decisions = (leaves(self._rules, op, self.schemas, lambda: self._reviewed(op)), None)
        for decision in decisions:
            self._told(op, decision)

    def _told(self, op: Operation, decision: Decision | None) -> None:
        if decision is None:
            return
        if decision.verdict == "blocked":
            op.lib.decision(decision)
            raise PolicyDenied(decision.code, decision.reason, where=decision.activity or op.asset)
        if decision.verdict == "remediated":
            # A review ends on a day, and holds for what is on the stack: to be judged each time.
            op.lib.postures.fleeting.add(op.site)
            self._once(op, decision)
        elif decision.where == "boundary":
            op.lib.decision(decision)

    def _once(self, op: Operation, decision: Decision) -> None:
        """Told once, though it is judged each time."""
        if decision.id not in self._remedied:
            if len(self._remedied) >= MAX_TOLD:
                self._remedied.clear()
            self._remedied.add(decision.id)
            op.lib.decision(decision)

    def _reviewed(self, op: Operation) -> Reviewed | None:
        """None where nothing could be lowered, which is found out first."""
        if not self._rules.reviewed and (self._verifier is None or not op.context.claims):
            return None
        return AtGuard(self._rules, op, self._verifier, self.today())

    def _use(self, op: Operation) -> Decision | None:
        """The refusal of a use, or None; most uses are none that is refused, and that is found out first."""
        who, site = op.context.trace[2], op.site
        if not who.activity:
            return None
        region = "" if who.region and kind_of(site.asset) in MESSAGES else who.region
        forbidden, label = self._rules.forbidden(who.purpose, region), site.lib.label
        for field in site.fields or site.lib.labels.get(site.asset, ()):
            found = label(site.asset, field)
            if not forbidden.isdisjoint(found.annotations) or not found.annotated:
                break
        else:
            return None
        if kind_of(site.asset) in MESSAGES:
            return admit(self._rules, activity=who.activity, purpose=who.purpose, principal=who.principal,
                         inputs=[self._anywhere(item, who.purpose) for item in inputs(op)], where="guard")
        # What nobody signed can't say that only rows of some origins will be seen.
        shown = None if self._verifier is None else self._verifier.claims(who.claims)
        return admit(self._rules, activity=who.activity, purpose=who.purpose, principal=who.principal,
                     inputs=inputs(op) if shown is None else placed(inputs(op), shown), where="guard",
                     region=who.region if shown is None else shown.region)

    def _anywhere(self, item: Input, purpose: str) -> Input:
        """Of a message: as if from an origin for which the purpose is permitted, if there is one."""
        return item._replace(origins=tuple(sorted(self._rules.rows(item.annotations, purpose) or ())))
