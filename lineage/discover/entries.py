"""Entries of key-value stores: whoever reads under a key has read what was written under it, nothing else.

[A] to [D] alike.  The signals of ``lib.mapping`` name each writing (``detail["entry"]``, beside the writer's
correlation key in ``keys``).  Writer and reader may be of different processes, and the reader's signals
may come first, so edges are settled after the last signal.  Within one scope the entries that it has read
of one store are not told apart, and an activity is taken to use any entry of a store that it has read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from lineage.model import Confidence, Signal
from lineage.names import asset_of

# The evidence of an edge out of a store whose entries are all known: ways go through the "entry" edges instead.
KEYED = "keyed"
ENTRY = "entry"
# The entry that was read is known, and the signal of its writing is not: its sources could be anyone's.
LOST = "lost"
# In a signal: all the store's entries at once, or one that nobody wrote through PrivacyLib; and no entry at all.
ANY_ENTRY, NO_ENTRY = "*", ""
# (store, correlation key of the writer, writing).
Entry = tuple[str, str, str]
# (name, evidence) → confidence.
Sources = dict[tuple[str, str], Confidence]


class Origin(NamedTuple):
    """One source of a written name; ``entries``: where it is a store's field, those that the scope had read."""

    source: str
    confidence: Confidence
    entries: tuple[Entry, ...]


class Entries:
    """Told of every read and every derivation by ``Join``, in the order of each emitter."""

    def __init__(self) -> None:
        # (emitter, scope, store) → entries read, in order.
        self._read: defaultdict[tuple[str, str, str], dict[Entry, None]] = defaultdict(dict)
        self._blurred: set[tuple[str, str, str]] = set()
        # Entry → field-level name of the store → what it was made from.
        self._origins: dict[Entry, defaultdict[str, list[Origin]]] = {}
        self._made: list[tuple[Origin, str, Signal]] = []

    def found(self, signal: Signal) -> bool:
        """Takes note of a read; False for one of a key under which nothing was kept."""
        entry = signal.detail.get("entry")
        if entry is None:
            return True
        place = signal.emitter, signal.scope, signal.asset
        if entry == ANY_ENTRY:
            self._blurred.add(place)
        elif entry != NO_ENTRY:
            self._read[place].update({(signal.asset, key, entry): None for key in signal.keys})
        return bool(entry != NO_ENTRY)

    def derived(self, source: str, target: str, signal: Signal, confidence: Confidence) -> bool:
        """Takes note of a derivation; True when ``source`` is of a store of which the scope has read entries only."""
        place = signal.emitter, signal.scope, asset_of(source)
        entries = () if place in self._blurred else tuple(self._read.get(place, ()))
        origin = Origin(source, confidence, entries)
        if entries:
            self._made.append((origin, target, signal))
        if writing := signal.detail.get("entry"):
            for key in signal.keys:
                made = self._origins.setdefault((signal.asset, key, writing), defaultdict(list))
                made[target].append(origin)
        return bool(entries)

    def settled(self) -> Iterator[tuple[str, str, Signal, Confidence, str, str]]:
        """(source, target, signal, confidence, evidence, store) of each edge through an entry."""
        behind = self._behind()
        for origin, target, signal in self._made:
            found: Sources = {}
            for entry in origin.entries:
                if entry not in self._origins:
                    found[origin.source, LOST] = origin.confidence
                _merge(found, behind.get((entry, origin.source), {}), origin.confidence)
            for (source, evidence), confidence in found.items():
                yield source, target, signal, confidence, evidence, asset_of(origin.source)

    def _behind(self) -> dict[tuple[Entry, str], Sources]:
        """What each field of each entry was made from, through as many stores as there are, to a fixed point."""
        found: dict[tuple[Entry, str], Sources] = {}
        feeds: defaultdict[tuple[Entry, str], list[tuple[tuple[Entry, str], Confidence]]] = defaultdict(list)
        for entry, fields in self._origins.items():
            for field, origins in fields.items():
                own = found.setdefault((entry, field), {})
                for origin in origins:
                    lost = any(other not in self._origins for other in origin.entries)
                    evidence = LOST if lost else KEYED if origin.entries else ENTRY
                    _merge(own, {(origin.source, evidence): origin.confidence}, "HIGH")
                    for other in origin.entries:
                        feeds[other, origin.source].append(((entry, field), origin.confidence))
        queue = list(feeds)
        for node in queue:
            for fed, confidence in feeds.get(node, ()):
                if _merge(found[fed], found.get(node, {}), confidence) and fed in feeds:
                    queue.append(fed)
        return found


def _merge(into: Sources, more: Sources, at_most: Confidence) -> bool:
    """Adds what is new, and raises what was LOW; True when that changed anything."""
    changed = False
    for name, confidence in list(more.items()):
        high = confidence == at_most == "HIGH"
        if name not in into or (high and into[name] == "LOW"):
            into[name] = "HIGH" if high else "LOW"
            changed = True
    return changed
