"""The guard: PrivacyLib's last extension before the I/O, on the final arguments; it may refuse.

It judges first whether the request's claims hold, or its own do (``identity``), wherever governed data is touched.
Then (1) use: a read under an activity, for its purpose, and what a request's own purpose makes of what its messages
hold, under an activity or none (``uses``); (2) flow (``flows``): each written-out source
against its sink field, and the scope's label, which PrivacyLib floats, against the sink asset; (3) at the
boundary of the warehouse (``boundary``): a read of governed data needs a token for this very activity.
What a requirement in logging mode would refuse is recorded, and let through.

Sinks that are operational through and through and carry no annotation (acknowledgements, counts) are not judged; rows
of another schema are (``carried``) where this process is told the schema, else the process that knows it judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lineage.enforce.boundary import placed, token
from lineage.enforce.carried import Schemas
from lineage.enforce.flows import inputs, leaves
from lineage.enforce.gate import Input, admit, make
from lineage.enforce.identity import unvouched
from lineage.enforce.reviewed.lowered import AtGuard
from lineage.enforce.reviewed.review import Reviewed, Today
from lineage.enforce.rulebook import Rulebook, held
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Verifier
from lineage.enforce.uses import place, used
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
        # What is only logged, as if it were enforced.
        logging = [replace(one, mode="enforcement") for one in rules.requirements if one.mode == "logging"]
        self._trial = Rules(logging) if logging else None
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
        self._lib = op.site.lib
        if self._verifier is None and self._trial is None:  # then most of what is judged is nothing to record
            found = self._judged(self._rules, op)
            if found is not None:
                self._record(op, found)
            return
        for decision in self.judged(op):
            self._record(op, decision)

    def _record(self, op: Operation, decision: Decision) -> None:
        """Raises PolicyDenied for a refusal."""
        if decision.verdict == "remediated":
            # A review ends on a day, and holds for what is on the stack: to be judged each time.
            op.lib.postures.fleeting.add(op.site)
            self._once(op, decision)
            return
        op.lib.decision(decision)
        if decision.verdict == "blocked":
            raise PolicyDenied(decision.code, decision.reason, where=decision.activity or op.asset)

    def _once(self, op: Operation, decision: Decision) -> None:
        """Told once, though it is judged each time."""
        if decision.id not in self._remedied:
            if len(self._remedied) >= MAX_TOLD:
                self._remedied.clear()
            self._remedied.add(decision.id)
            op.lib.decision(decision)

    def _reviewed(self, rules: Rules, op: Operation) -> Reviewed | None:
        """None where nothing could be lowered, which is found out first."""
        if not rules.reviewed and (self._verifier is None or not op.context.claims):
            return None
        return AtGuard(rules, op, self._verifier, self.today())

    def judged(self, op: Operation) -> Sequence[Decision]:
        """What is to be recorded of an operation: a refusal, or what was let through by a token or in logging mode.

        Nothing is recorded here, and nothing refused."""
        found = self._judged(self._rules, op)
        if self._verifier is not None and found is None and op.site.op == "read":
            found = token(self._rules, op, self._verifier)
        if self._trial is None or (found is not None and found.verdict == "blocked"):
            return () if found is None else (found,)
        tried = self._judged(self._trial, op)
        logged = () if tried is None or tried.verdict != "blocked" else (make(
            self._rules, tried.activity, tried.purpose, tried.principal, tried.where, "allowed", tried.code,
            f"in logging mode only: {tried.reason}", tried.inputs),)
        return logged if found is None else (found, *logged)

    def _judged(self, rules: Rules, op: Operation) -> Decision | None:
        """The refusal by ``rules``, or None."""
        kind, who = op.site.op, op.context.trace[2]
        if kind not in ("read", "write", "call"):
            return None
        # Who asks is asked once, by what is enforced.
        if (who.identity or kind == "call") and rules is self._rules and (found := unvouched(rules, op)) is not None:
            return found
        if kind == "read":
            found = self._use(rules, op) if who.activity else None
            # An activity that anybody may add lifts nothing: what a message carries is judged for the purpose too.
            if who.purpose and (found is None or found.verdict != "blocked") and (
                    not who.activity or kind_of(op.site.asset) in MESSAGES):
                return used(rules, op, self.schemas) or found
            return found
        if kind == "call" and who.purpose and (found := used(rules, op, self.schemas)) is not None:
            return found
        return leaves(rules, op, self.schemas, lambda: self._reviewed(rules, op))

    def _use(self, rules: Rules, op: Operation) -> Decision | None:
        """The refusal of an activity's use, or None; most uses are none that is refused: that is found out first."""
        who, site = op.context.trace[2], op.site
        region = "" if who.region and kind_of(site.asset) in MESSAGES else who.region
        forbidden, label = rules.forbidden(who.purpose, region), site.lib.label
        for field in site.fields or site.lib.labels.get(site.asset, ()):
            found = label(site.asset, field)
            if not forbidden.isdisjoint(found.annotations) or not found.annotated:
                break
        else:
            return None
        if kind_of(site.asset) in MESSAGES:
            return admit(rules, activity=who.activity, purpose=who.purpose, principal=who.principal,
                         inputs=[_anywhere(rules, item, who.purpose) for item in inputs(op)], where=place(site))
        # What nobody signed can't say that only rows of some origins will be seen.
        shown = None if self._verifier is None else self._verifier.claims(who.claims)
        return admit(rules, activity=who.activity, purpose=who.purpose, principal=who.principal,
                     inputs=inputs(op) if shown is None else placed(inputs(op), shown), where=place(site),
                     region=who.region if shown is None else shown.region)


def _anywhere(rules: Rules, item: Input, purpose: str) -> Input:
    """Of a message: as if from an origin for which the purpose is permitted, if there is one."""
    return item._replace(origins=tuple(sorted(rules.rows(item.annotations, purpose) or ())))
