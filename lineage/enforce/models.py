"""At training before a checkpoint registers, and at inference before it is served and whenever it answers: what its
rows' wearers and its inputs' labels permit (S1).

Judged by the manifest that the run has signed and the rules of now; who has withdrawn, the policy service says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from lineage.enforce import regions
from lineage.enforce.gate import logged, make
from lineage.enforce.rulebook import Rulebook, held
from lineage.enforce.rules import Rules, enforced
from lineage.errors import PolicyDenied
from lineage.names import asset_of
from lineage.privacylib import PrivacyLib


class ModelPermission:
    """Refuses only where something is enforced."""

    def __init__(self, lib: PrivacyLib, rules: Rules | Rulebook) -> None:
        self._lib = lib
        self._book = held(rules)

    def consented(self, activity: str, purpose: str, asset: str, at: str, gone: int, unclear: bool) -> None:
        """``gone``: of how many wearers in the run consent is not there any more; ``unclear``: consent has changed, and
        the run does not tell whose rows it has read.  Raises PolicyDenied (PAI334)."""
        if gone:
            self._refuse(activity, purpose, at, "PAI334", f"{gone} of the wearers whose rows {asset_of(asset)} was "
                         f"made of have taken back consent to {purpose}", asset)
        elif unclear:
            self._refuse(activity, purpose, at, "PAI334", "consent has changed since the run was admitted, and whose "
                         f"rows {asset_of(asset)} was made of is not known", asset)

    def unfit(self, asset: str, code: str, why: str) -> None:
        """A checkpoint that is not what it says of itself, or does not say it, whatever is enforced: recorded."""
        self._lib.decision(make(self._book.rules, "", self._lib.context.purpose, self._lib.service, "serving",
                                "blocked", code, why, [asset]))

    def use(self, asset: str, annotations: Collection[str], origins: Sequence[str] = (), admitted: str = "",
            unasked: Iterable[tuple[Collection[str], str, str | None]] = ()) -> None:
        """An answer of the checkpoint, for the purpose of the request that is handled.  ``origins``: of all its rows,
        by table as a token says it, where that is known.  ``admitted``: the purpose that its run was admitted for, the
        only one to which its rows' wearers were asked for consent; empty where they were not.  ``unasked``: of each
        table, what it read of it is annotated with, the origins whose wearers the rules of then did not ask, and those
        of which it saw rows, as a token says them; the rules of now may ask them.  Raises PolicyDenied (PAI335)."""
        purpose = self._lib.context.purpose
        known = {one for entry in origins for one in regions.read(entry.partition("=")[2])}
        rules = self._book.rules
        refused = rules.use(annotations, purpose, "", sorted(known))
        if (refusal := enforced(refused)) is not None:
            self._refuse("", purpose, "serving", "PAI335", f"{asset_of(asset)} was made of data that may not be used "
                         f"so: {refusal.reason}", asset)
        free = known and known <= rules.unasked(annotations, purpose)
        if purpose != admitted and rules.consent_needed(annotations, purpose) and not free:
            run = f"was admitted for {admitted}" if admitted else "has asked none of them"
            self._refuse("", purpose, "serving", "PAI335", f"{purpose} needs the consent of the wearers whose rows "
                         f"{asset_of(asset)} was made of, and its run {run}: the rows of who has withdrawn were not "
                         "left out", asset)
        for read, origins_then, seen in unasked:
            then = regions.read(origins_then) & (regions.KNOWN if seen is None else regions.read(seen))
            if rules.consent_needed(read, purpose) and (asked := then - rules.unasked(read, purpose)):
                named = regions.written(asked)
                where = f"anywhere but {named[1:]}" if named.startswith("-") else named
                self._refuse("", purpose, "serving", "PAI335", f"by {', '.join(rules.versions)} {purpose} needs the "
                             f"consent of wearers from {where}, whom the run of {asset_of(asset)} did not ask", asset)

    def _refuse(self, activity: str, purpose: str, at: str, code: str, why: str, asset: str) -> None:
        rules = self._book.rules
        self._lib.decision(make(rules, activity, purpose, self._lib.service, at,
                                "blocked" if rules.enforcing else "allowed", code,
                                why if rules.enforcing else logged(why), [asset]))
        if rules.enforcing:
            raise PolicyDenied(code, why, where=activity or asset_of(asset))
