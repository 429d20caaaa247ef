"""The labels of a run, from the contracts that its services registered and the fields that detectors found.

Any emitter can say anything of any asset, so a label can only be raised: annotations add up, and a field
that one contract calls personal is not made operational by another.  Contracts that disagree are counted
(``PAI208``).  Run-time enforcement asks none of this; it goes by the contracts of its own process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lineage.model import Label, Signal
from lineage.names import join

_NEXT = "sightline explain PAI208"


class Contracts:
    """``contradictions``: findings as (code, asset, what, next), counted."""

    def __init__(self) -> None:
        self.labels: dict[str, dict[str, Label]] = {}
        self.owners: dict[str, str] = {}
        self.contradictions: Counter[tuple[str, str, str, str]] = Counter()

    def take(self, signals: Iterable[Signal]) -> dict[str, dict[str, Label]]:
        """asset name → field → label; the contracts first, so that a detector's find meets its parent's label."""
        proposals = []
        for signal in signals:
            if signal.op == "asset" and "fields" in signal.detail:
                self._contract(signal)
            elif signal.op == "proposal":
                proposals.append(signal)
        # What a detector found has the category it found, and its parent's annotations.
        for signal in proposals:
            fields = self.labels.setdefault(signal.asset, {})
            for path in signal.fields:
                parent = fields.get(path.partition(".")[0], Label())
                fields.setdefault(path, Label(signal.detail["category"], parent.annotations))
        return self.labels

    def _contract(self, signal: Signal) -> None:
        if self.owners.setdefault(signal.asset, signal.detail["owner"]) != signal.detail["owner"]:
            self._contradicted(signal.asset, "registered under two owners; the first holds")
        fields = self.labels.setdefault(signal.asset, {})
        for path, said in signal.detail["fields"].items():
            label = Label(said["category"], tuple(said["annotations"]), said["operational"])
            known = fields.setdefault(path, label)
            if known != label:
                fields[path] = _joined(known, label)
                self._contradicted(join(signal.asset, path), "registered with two labels; the stricter holds")

    def _contradicted(self, name: str, what: str) -> None:
        self.contradictions["PAI208", name, what, _NEXT] += 1


def _joined(one: Label, other: Label) -> Label:
    """The stricter of two labels, whichever came first.

    >>> _joined(Label(operational="count"), Label("user.utterance", ("GLASSES_INTERACTION",)))
    Label(category='user.utterance', annotations=('GLASSES_INTERACTION',), operational='')
    """
    categories = sorted({one.category, other.category} - {""})
    annotations = tuple(sorted({*one.annotations, *other.annotations}))
    free = one.operational and other.operational and not categories and not annotations
    return Label(categories[0] if categories else "", annotations, one.operational if free else "")
