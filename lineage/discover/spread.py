"""Where the data of some correlation keys went: through moves, whatever the kinds of the assets on the way.

A *place* is a name and the key under which the data lies there.  Data goes on from a place

- with a move that took what lay under that key, to the same key where that was written, else to the key of who wrote;
- with a move that took the source under keys under which nothing had been put there: somebody read all of it
  (but not of a message or an event, which is read by the request that it belongs to);
- with a statement: to the same key where it keeps rows apart, else to no key at all (``BULK``), to be found by any
  later read.

A row that a keyed read left out (no consent, a filter) is so known not to have gone on.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from lineage.discover.keyed import Move
from lineage.names import kind_of

# Somewhere in a table, under no key.
BULK = ""
# Messages and events: what lies there under one request's key is never read under another's.
PASSING = frozenset({"rpc", "web", "response", "app", "device", "logger"})


class Place(NamedTuple):
    name: str
    key: str


class Spread:
    """``shared``: those of ``keys`` that are others' too.  ``subject``: whose data it is, by pseudonym.

    ``certain``: place → whether the data is known to be there by its own key; ``came``: place → whence."""

    def __init__(self, ways: Ways, keys: Collection[str], shared: Collection[str] = (), subject: str = "") -> None:
        self._ways = ways
        self._subject = subject
        self._sure = frozenset(keys) - frozenset(shared)
        self.certain: dict[Place, bool] = {}
        self.came: defaultdict[Place, dict[Place, None]] = defaultdict(dict)
        self._queue: deque[Place] = deque()
        for place in ways.written_under(keys):
            self._reach(place, place.key in self._sure)
        while self._queue:
            place = self._queue.popleft()
            for onward, certain in self._onward(place):
                self.came[onward][place] = None
                self._reach(onward, certain)

    def names(self) -> set[str]:
        return {place.name for place in self.certain}

    def _reach(self, place: Place, certain: bool) -> None:
        if certain > self.certain.get(place, False) or place not in self.certain:
            self.certain[place] = certain
            self._queue.append(place)

    def _onward(self, place: Place) -> Iterator[tuple[Place, bool]]:
        known = self.certain[place]
        for move in self._ways.out.get(place.name, ()):
            if move.how:
                yield Place(move.target, place.key if move.how == "rows" else BULK), False
            elif place.key != BULK and place.key in move.read:
                if place.key in move.written:
                    yield Place(move.target, place.key), place.key in self._sure or known
                elif move.written <= move.own:  # else the row was left out of what was written
                    yield from ((Place(move.target, key), False) for key in move.written)
            elif self._whole(place, move):
                # All of it was read.  Weights that others were made from are in them as they were.
                whole = known and kind_of(move.source) == kind_of(move.target) == "checkpoint"
                keys = move.written if move.written <= move.own else (move.own or move.written)
                yield from ((Place(move.target, key), whole) for key in keys)

    def _whole(self, place: Place, move: Move) -> bool:
        """Somebody read all of it, or as much of it as is this wearer's."""
        if not move.read or kind_of(place.name) in PASSING or move.subject not in ("", self._subject):
            return False
        return place.key == BULK or move.read.isdisjoint(self._ways.keys[place.name])


class Ways:
    """The moves of a run, by their source; ``keys``: name → the keys under which data was put there."""

    def __init__(self, moves: Sequence[Move]) -> None:
        self.moves = moves
        self.out: defaultdict[str, list[Move]] = defaultdict(list)
        self.keys: defaultdict[str, set[str]] = defaultdict(set)
        rows: defaultdict[str, set[str]] = defaultdict(set)
        for move in dict.fromkeys(moves):
            self.out[move.source].append(move)
            if move.how == "rows":
                rows[move.source].add(move.target)
            elif not move.how:
                self.keys[move.target].update(move.written)
        self._kept(rows)

    def written_under(self, keys: Collection[str]) -> Iterator[Place]:
        """Where something was put down under these keys; and what was read under them and never put down by anyone."""
        wanted = frozenset(keys)
        for move in self.moves:
            if not move.how:
                yield from (Place(move.target, key) for key in sorted(wanted & move.written))
                if kind_of(move.source) == "device" and not self.keys.get(move.source):
                    yield from (Place(move.source, key) for key in sorted(wanted & move.read))

    def _kept(self, rows: Mapping[str, set[str]]) -> None:
        """Rows keep their keys from table to table."""
        queue = deque(rows)
        while queue:
            source = queue.popleft()
            for target in rows.get(source, ()):
                if not self.keys[source] <= self.keys[target]:
                    self.keys[target] |= self.keys[source]
                    queue.append(target)
