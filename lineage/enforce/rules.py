"""The rules: per requirement, may this label flow there, may this purpose use it, and where.

For each requirement r: label L1 may flow to L2 iff allowed_r(L2) ⊆ allowed_r(L1), where allowed_r(L) is the set of
(origin, purpose, region of use, consent) that r permits; of a label that r does not govern it is everything.  So
governed data may reach only a sink that r governs too: equal or more restrictive, for every requirement
independently (S5, S11).  The label of several sources is their join, which each of them may flow to.

Compiled to integers, in which each requirement is a bit, so that one `&` judges all of them, and none can touch
another's.  What a requirement permits is ``permit``'s to say; consent is kept row by row (``rows``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from lineage.enforce.permit import UNKNOWN, applying, keys
from lineage.enforce.reasons import Refusal, of_flow, of_use
from lineage.enforce.regions import KNOWN, covers
from lineage.enforce.requirement import Requirement
from lineage.enforce.table import Table, compiled

__all__ = ["Refusal", "Rules", "enforced"]


class Rules:
    """Compiled once; judges with integers, never with the graph."""

    def __init__(self, requirements: Iterable[Requirement]) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda requirement: requirement.id))
        self.versions = tuple(requirement.id for requirement in self.requirements)
        numbered = list(enumerate(self.requirements))
        self._enforced = sum(1 << at for at, one in numbered if one.mode == "enforcement")
        self.enforcing = bool(self._enforced)
        # Something may be lowered by a review.
        self.reviewed = any(requirement.reclassify for requirement in self.requirements)
        # Those that restrict anything: of the others, everything may flow anywhere.
        self._strict = sum(1 << at for at, one in numbered
                           if not applying(one, UNKNOWN).unrestricted)
        self._bits: dict[str, int] = {}
        for at, one in numbered:
            for annotation in one.governs:
                self._bits[annotation] = self._bits.get(annotation, 0) | 1 << at
        self._governs: dict[int, frozenset[str]] = {}
        # Origins that the same rules cover share a table.
        self._shared: dict[frozenset[tuple[int, str]], Table] = {}
        self._tables: dict[str, Table] = {}
        self._unknown = self._compiled(UNKNOWN)

    def governing(self, annotations: Collection[str]) -> list[Requirement]:
        return self._chosen(self._mask(annotations))

    def forbidden(self, purpose: str, region: str = "") -> frozenset[str]:
        """The annotations that a requirement in enforcement mode does not permit for the purpose in the region, for
        the data of some origin at least.  ``region`` "": where the data are."""
        table = self._unknown
        refused = self._enforced & ~table.purposes.get(purpose, table.others)
        if region:
            refused |= self._enforced & ~table.regions.get(region, table.elsewhere)
        found = self._governs.get(refused)
        if found is None:
            found = self._governs[refused] = frozenset[str]().union(*(one.governs for one in self._chosen(refused)))
        return found

    def crosses(self, source: Iterable[str], sink: Iterable[str]) -> bool:
        """A requirement in enforcement mode governs the source alone."""
        bits, governed = self._bits, 0
        for annotation in source:
            governed |= bits.get(annotation, 0)
        governed &= self._enforced & self._strict
        if not governed:
            return False
        for annotation in sink:
            governed &= ~bits.get(annotation, 0)
        return governed != 0

    def use(self, annotations: Collection[str], purpose: str, region: str = "",
            origins: Sequence[str] = ()) -> list[Refusal]:
        """Use by an activity: a refusal for each requirement that does not permit the purpose in the region.

        ``region``: where the use takes place, a country or group; "": where the data are, which is no transfer.
        ``origins``: where the data come from, and the use has to be permitted for each; without any, nobody knows, and
        it has to be permitted by every rule on any origin.
        """
        bits, governed = self._bits, 0
        for annotation in annotations:
            governed |= bits.get(annotation, 0)
        if not governed:
            return []
        if not origins:
            table = self._unknown
            permitted = table.purposes.get(purpose, table.others)
            if region:
                permitted &= table.regions.get(region, table.elsewhere)
        else:
            permitted = -1
            for origin in origins:
                table = self._tables.get(origin) or self._table(origin)
                permitted &= table.purposes.get(purpose, table.others)
                if region:
                    permitted &= table.regions.get(region, table.elsewhere)
        refused = governed & ~permitted
        if not refused:
            return []
        return [of_use(one, annotations, purpose, region, origins) for one in self._chosen(refused)]

    def flow(self, source: Collection[str], sink: Collection[str]) -> list[Refusal]:
        """A flow between labels: a refusal for each requirement by which the sink would be allowed more."""
        bits, governed = self._bits, 0
        for annotation in source:
            governed |= bits.get(annotation, 0)
        governed &= self._strict
        if not governed:
            return []
        for annotation in sink:
            governed &= ~bits.get(annotation, 0)
        if not governed:
            return []
        return [of_flow(one, source) for one in self._chosen(governed)]

    # --- row by row -------------------------------------------------------------------------

    def rows(self, annotations: Collection[str], purpose: str, region: str = "") -> frozenset[str] | None:
        """The origins of which rows may be used, by the requirements in enforcement mode; None: of every row, also
        where its origin is not known."""
        governed = self._mask(annotations) & self._enforced
        if not governed & ~self._unknown.permitting(purpose, region):
            return None
        return frozenset(origin for origin in KNOWN
                         if not governed & ~self._table(origin).permitting(purpose, region))

    def consent_needed(self, annotations: Collection[str], purpose: str) -> bool:
        """A requirement in enforcement mode asks for the wearer's consent to the purpose, of some origin at least."""
        return bool(self._mask(annotations) & self._enforced & self._unknown.asking(purpose))

    def unasked(self, annotations: Collection[str], purpose: str) -> frozenset[str]:
        """The origins whose wearers need not consent; whose origin is not known has to."""
        governed = self._mask(annotations) & self._enforced
        return frozenset(origin for origin in KNOWN if not governed & self._table(origin).asking(purpose))

    # --- compiled ---------------------------------------------------------------------------

    def _mask(self, annotations: Iterable[str]) -> int:
        governed = 0
        for annotation in annotations:
            governed |= self._bits.get(annotation, 0)
        return governed

    def _chosen(self, bits: int) -> list[Requirement]:
        return [one for at, one in enumerate(self.requirements) if bits >> at & 1]

    def _table(self, origin: str) -> Table:
        if origin not in KNOWN:  # said by the data: not kept, and every rule applies
            return self._unknown
        found = self._tables.get(origin)
        if found is None:
            found = self._tables[origin] = self._compiled(origin)
        return found

    def _compiled(self, origin: str) -> Table:
        covering = frozenset((at, key) for at, one in enumerate(self.requirements) for key in keys(one)
                             if covers(key, origin))
        if covering not in self._shared:
            self._shared[covering] = compiled([applying(one, origin) for one in self.requirements])
        return self._shared[covering]


def enforced(refusals: Iterable[Refusal]) -> Refusal | None:
    """The first refusal of a requirement in enforcement mode; logging mode refuses nothing.

    One that holds whatever the data's origin is says more than one that only misses the origin.
    """
    return min((refusal for refusal in refusals if refusal.requirement.mode == "enforcement"),
               key=lambda refusal: refusal.code == "PAI310", default=None)
