"""The Warehouse Permission Service (WPS): at the engine, before a statement runs or a row is read (S5).

A token is held to everything that it is bound to: these statements, letter by letter, this activity and purpose,
these columns, the tables as they were, the requirements in force, the consent epoch, a few seconds, once, the
principal whose job it is, and the verified principal on whose request it was given.
Who holds a token of yesterday, of another job or of another snapshot holds nothing.

Judged with the token alone; that its columns are no more than what was admitted, the guard sees again at each read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Protocol

from lineage.enforce.gate import logged, make
from lineage.enforce.identity import caller
from lineage.enforce.narrowing import origins_of
from lineage.enforce.rulebook import Rulebook, held
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Verifier, digest
from lineage.errors import PolicyDenied
from lineage.privacylib import PrivacyLib
from lineage.privacylib.claims import Claims

# Seconds by which the clocks of two machines may differ.
SKEW = 1
_HOME = "the region of the data"
CHANGED = "the tables have changed since the statement was judged"


class Execution(Protocol):
    """What is about to run.  ``reads`` and ``writes`` are field-level names, of the engine's own account;
    ``snapshots`` are "core.sessions=…" now, of the tables that the token names."""

    @property
    def activity(self) -> str: ...

    @property
    def owner(self) -> str: ...

    @property
    def purpose(self) -> str: ...

    @property
    def region(self) -> str: ...

    @property
    def statements(self) -> tuple[str, ...]: ...

    @property
    def reads(self) -> frozenset[str]: ...

    @property
    def writes(self) -> frozenset[str]: ...

    @property
    def snapshots(self) -> frozenset[str]: ...


class WarehousePermission:
    """Refuses only where something is enforced.  ``now``: seconds since 1970.

    A token that was issued before this began is refused: which of those were used before is not known any more.
    """

    def __init__(self, lib: PrivacyLib, rules: Rules | Rulebook, verifier: Verifier,
                 now: Callable[[], float] = time.time) -> None:
        self._lib = lib
        self._book = held(rules)
        self._verifier = verifier
        self._now = now
        self._began = int(now())
        # Nonce → when its token ends, after which it needs no remembering.
        self._used: dict[str, int] = {}

    @property
    def _rules(self) -> Rules:
        return self._book.rules

    def execute(self, token: bytes, run: Execution) -> Claims:
        """The token's claims, and the token is used up.  Raises PolicyDenied (PAI303), and then it is not."""
        claims = self._genuine(token, run.activity)
        for wrong, why in (
            (claims.activity != run.activity, f"the token was given to {claims.activity}"),
            (claims.purpose != run.purpose, f"the token is for {claims.purpose}, not for {run.purpose}"),
            (run.owner not in ("", claims.principal), f"the token is {claims.principal}'s, not {run.owner}'s"),
            (self._another(claims), self._theirs(claims)),
            (claims.region != run.region, f"the token is for a use in {claims.region or _HOME}, "
                                          f"not in {run.region or _HOME}"),
            (claims.statement != digest(run.statements), "the statement is not the one that was judged"),
            (not run.reads <= set(claims.inputs), f"{_first(run.reads - set(claims.inputs))} was not admitted"),
            (not run.writes <= set(claims.outputs), f"{_first(run.writes - set(claims.outputs))} may not be written"),
            (claims.issued < self._began, "the token is older than the warehouse's present start"),
            (claims.nonce in self._used or not claims.nonce, "the token was used before"),
        ):
            if wrong:
                self.refuse(claims, run.activity, "PAI303", why)
        if run.snapshots != set(claims.snapshots):
            self.refuse(claims, run.activity, "PAI303", CHANGED)
        self._spend(claims)
        return claims

    def read(self, token: bytes, activity: str) -> Claims:
        """The claims of a reader's token; empty without a genuine one, with which the guard lets nobody see governed
        rows.  Raises PolicyDenied (PAI303) for one that is genuine and does not hold any more, was given to somebody
        else, or is of a job: that is good for its statements, which may show less than the rows."""
        if self._verifier.claims(token) is None:
            return Claims()
        claims = self._genuine(token, activity)
        if claims.statement:
            self.refuse(claims, activity, "PAI303", "the token is for the statements that were judged, not for a read")
        if self._another(claims):
            self.refuse(claims, activity, "PAI303", self._theirs(claims))
        return claims

    def consent_needed(self, annotations: Collection[str], purpose: str) -> bool:
        """By the warehouse's own labels: whoever asked for the token may have told other ones."""
        return self._rules.consent_needed(annotations, purpose)

    def rows(self, annotations: Collection[str], claims: Claims) -> tuple[frozenset[str] | None, frozenset[str]]:
        """So too: the origins of which rows may be seen (None: of any, known or not), and those of which nobody has to
        be asked for consent."""
        return (self._rules.rows(annotations, claims.purpose, claims.region),
                self._rules.unasked(annotations, claims.purpose))

    def admitted(self, claims: Claims, table: str) -> tuple[frozenset[str] | None, frozenset[str]]:
        """The same as the token has it."""
        asset = f"warehouse:{table}"
        return origins_of(claims.origins, asset), origins_of(claims.unasked, asset) or frozenset()

    def unchanged(self, claims: Claims, activity: str, now: Collection[str]) -> None:
        """Raises PolicyDenied (PAI332) where a table is not as it was when the reader was admitted; a token without
        snapshots is bound to none."""
        if not set(now) <= set(claims.snapshots):
            self.refuse(claims, activity, "PAI332",
                        f"{_first(now).partition('=')[0]} has changed since {claims.activity} was admitted")

    def epoch(self, claims: Claims, activity: str, now: int) -> None:
        """Raises PolicyDenied (PAI303) where consent has changed since the token was signed."""
        if claims.epoch != now:
            self.refuse(claims, activity, "PAI303", f"the token is of consent epoch {claims.epoch}; it is {now} now")

    def _genuine(self, token: bytes, activity: str) -> Claims:
        claims = self._verifier.claims(token)
        if claims is None:
            self.refuse(Claims(), activity, "PAI303", "no genuine token of the policy service")
            return Claims()
        if claims.requirements != self._rules.versions:
            by = ", ".join(claims.requirements) or "no requirement"
            self.refuse(claims, activity, "PAI303", f"the token was judged by {by}")
        if self._now() > claims.expires + SKEW:
            self.refuse(claims, activity, "PAI303", "the token has expired")
        return claims

    def _another(self, claims: Claims) -> bool:
        """Somebody else than the principal on whose request it was signed; where that was verified."""
        return bool(claims.holder) and caller(self._lib.context) != claims.holder

    @staticmethod
    def _theirs(claims: Claims) -> str:
        return f"the token was given to {claims.holder}, and somebody else shows it"

    def refuse(self, claims: Claims, activity: str, code: str, why: str) -> None:
        """Raises PolicyDenied (``code``) where something is enforced; otherwise it is only recorded."""
        enforcing = self._rules.enforcing
        decision = make(self._rules, activity or claims.activity, claims.purpose, claims.principal, "boundary",
                        "blocked" if enforcing else "allowed", code, why if enforcing else logged(why), claims.inputs)
        self._lib.decision(decision)
        if enforcing:
            raise PolicyDenied(code, why, where=activity or claims.activity)

    def _spend(self, claims: Claims) -> None:
        now = self._now()
        for nonce in [nonce for nonce, ends in self._used.items() if ends + SKEW < now]:
            del self._used[nonce]
        self._used[claims.nonce] = claims.expires


def _first(names: Collection[str]) -> str:
    return sorted(names)[0] if names else ""
