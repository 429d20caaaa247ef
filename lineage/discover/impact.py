"""[D] Whose data is in what: the checkpoints, answers, tables, files and runs that hold data of one wearer.

By lineage alone, from a run's signals: the wearer's correlation keys are those of the rows that arrived as hers
(``lineage.pseudonyms``), and what holds her data is what they, or what was made of theirs, was put into
(``spread.py``).  Of each asset one of

- ``holds``: a row of hers is in it, under its own key; or it is a checkpoint that was made from one that holds;
- ``may hold``: it was made from something that holds her data, and no key says whether of her part of it;
- ``unknown``: nothing is seen, and on the way a gap was reported, or nothing says what it was made from.

What is in none of these holds nothing that lineage could see.  That the data itself is in an answer's words, nobody
says here: an answer of a checkpoint that holds it *may hold* it.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lineage.codes import ANYWHERE, GAPS
from lineage.discover.join import Schema
from lineage.discover.keyed import Move, moves
from lineage.discover.spread import PASSING, Place, Spread, Ways
from lineage.model import Signal
from lineage.names import ACTIVITY_KINDS, KINDS, asset_of, field_of, kind_of

Confidence = Literal["holds", "may hold", "unknown"]
_ENTRIES = ("device", "app", "web", "rpc", "logger", "warehouse")


@dataclass(frozen=True)
class Item:
    """``rows``: keys of the wearer's own that are in it; ``path``: names, from where her data entered."""

    asset: str
    confidence: Confidence
    rows: int = 0
    path: tuple[str, ...] = ()
    because: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"asset": self.asset, "kind": kind_of(self.asset), "confidence": self.confidence, "rows": self.rows,
                "path": list(self.path), "because": list(self.because)}


@dataclass(frozen=True)
class Impact:
    """``answers``: of each checkpoint that holds, or may hold, her data: asset of the response → pseudonym of who was
    answered ("" where nobody knows) → how often; ``others``: so, of all that went back to anybody else and was made of
    what is hers (an answer that was kept, a memory, …), in requests.  ``keys``: how many correlation keys are hers; 0:
    the run knows no row of hers."""

    keys: int
    items: tuple[Item, ...] = ()
    answers: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    others: dict[str, dict[str, int]] = field(default_factory=dict)

    def of(self, asset: str) -> Item | None:
        return next((item for item in self.items if item.asset == asset), None)


class Subjects:
    """Whose keys are whose, as the signals say: pseudonym → keys, key → pseudonyms."""

    def __init__(self, signals: Iterable[Signal]) -> None:
        self.keys: defaultdict[str, set[str]] = defaultdict(set)
        self.of: defaultdict[str, set[str]] = defaultdict(set)
        self._acting: dict[str, str] = {}
        for signal in signals:
            if signal.activity and len(signal.keys) == 1:
                self._acting.setdefault(signal.keys[0], signal.activity)
            told = signal.detail.get("subjects")
            for subject, key in zip(told, signal.keys, strict=False) if isinstance(told, list) else ():
                if isinstance(subject, str) and subject:
                    self.keys[subject].add(key)
                    self.of[key].add(subject)

    def one(self, keys: Iterable[str]) -> str:
        """Whose these are, or which activity's; empty where they are nobody's, or several people's."""
        keys = list(keys)
        people = {subject for key in keys for subject in self.of.get(key, ())}
        people = people or {self._acting[key] for key in keys if key in self._acting}
        return people.pop() if len(people) == 1 else ""


class Impacts:
    """Asked of one run, as often as one likes.  ``lineage``: the content of lineage.json."""

    def __init__(self, lineage: dict[str, Any], signals: Iterable[Signal], schema: Schema) -> None:
        signals = list(signals)
        self._findings = [one for one in lineage["findings"] if one["code"] in GAPS]
        # Somebody touched or registered it: a name that a config alone has is none.
        self._made = {signal.asset for signal in signals if kind_of(signal.asset) == "checkpoint"
                      and (signal.op in ("read", "write") or "fields" in signal.detail)}
        self.subjects = Subjects(signals)
        self.ways = Ways(moves(signals, schema))
        self._next = _assets(self.ways.moves, lineage["edges"])

    def of(self, pseudonym: str) -> Impact:
        keys = self.subjects.keys.get(pseudonym, set())
        if not keys:
            return Impact(0)
        spread = Spread(self.ways, keys, {key for key in keys if len(self.subjects.of[key]) > 1}, pseudonym)
        items = [*self._found(spread, keys), *self._unknown(spread)]
        items.sort(key=lambda item: (KINDS.index(kind_of(item.asset)), item.asset))
        holding = {item.asset for item in items if item.confidence != "unknown"}
        return Impact(len(keys), tuple(items), self.answers(holding), self._others(spread, keys))

    def answers(self, checkpoints: Iterable[str]) -> dict[str, dict[str, dict[str, int]]]:
        """Of each checkpoint that answered: how often whom, by which response."""
        wanted = {asset for asset in checkpoints if kind_of(asset) == "checkpoint"}
        given: dict[tuple[str, str, tuple[str, str, int]], Move] = {
            (asset_of(move.source), asset_of(move.target), move.number): move for move in self.ways.moves
            if asset_of(move.source) in wanted and kind_of(move.target) == "rpc"}
        found: dict[str, dict[str, Counter[str]]] = {}
        for (checkpoint, response, _), move in given.items():
            found.setdefault(checkpoint, {}).setdefault(response, Counter())[self.subjects.one(move.written)] += 1
        return {checkpoint: {response: dict(sorted(counts.items())) for response, counts in sorted(responses.items())}
                for checkpoint, responses in sorted(found.items())}

    def _others(self, spread: Spread, keys: set[str]) -> dict[str, dict[str, int]]:
        given = {(asset_of(place.name), place.key) for place in spread.certain
                 if kind_of(place.name) == "response" and place.key not in keys}
        found: dict[str, Counter[str]] = {}
        for asset, key in sorted(given):
            found.setdefault(asset, Counter())[self.subjects.one((key,))] += 1
        return {asset: dict(sorted(counts.items())) for asset, counts in found.items()}

    def _found(self, spread: Spread, keys: set[str]) -> Iterable[Item]:
        places: defaultdict[str, list[Place]] = defaultdict(list)
        for place in spread.certain:
            places[asset_of(place.name)].append(place)
        for asset, there in places.items():
            sure = [place for place in there if spread.certain[place]]
            yield Item(asset, "holds" if sure else "may hold", len({place.key for place in sure} & keys),
                       _path(spread, sure or there))

    def _unknown(self, spread: Spread) -> Iterable[Item]:
        """What is not known to hold anything, where something that would have told it did not report."""
        reached = {asset_of(name) for name in spread.names()}
        told = {asset_of(move.target) for move in self.ways.moves if field_of(move.target) != "manifest"}
        gaps = [(finding, self._beyond(finding)) for finding in self._findings if self._passed(finding, reached)]
        for asset in sorted((told | self._made | {asset_of(move.source) for move in self.ways.moves}) - reached):
            if kind_of(asset) in PASSING:
                continue
            because = [f"{finding['code']} at {finding['asset']}: {finding['what']}" for finding, beyond in gaps
                       if asset in beyond or finding["code"] in ANYWHERE]
            if asset in self._made - told:
                because.append("nothing says what its weights were made from")
            if because:
                yield Item(asset, "unknown", because=tuple(because))

    def _beyond(self, finding: Mapping[str, Any]) -> set[str]:
        """The assets that what is beyond a silent place was made from."""
        found = [asset for asset in self._next if _at(asset, finding["asset"])]
        seen = {*found, asset_of(finding["asset"])}
        for asset in found:
            found.extend(fresh := sorted(self._next.get(asset, set()) - seen))
            seen.update(fresh)
        return seen

    def _passed(self, finding: Mapping[str, Any], reached: set[str]) -> bool:
        """The wearer's data came there, or to where it goes there from."""
        return finding["code"] in ANYWHERE or any(
            _at(asset, finding["asset"]) or any(_at(onward, finding["asset"]) for onward in self._next.get(asset, ()))
            for asset in reached)


def _at(asset: str, place: str) -> bool:
    return asset == asset_of(place) or asset.startswith(f"{place}.")


def _assets(moves_: Iterable[Move], edges: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Asset → the assets that were made from it; by declaration alone where nothing was seen to come in."""
    onward: defaultdict[str, set[str]] = defaultdict(set)
    for move in moves_:
        onward[asset_of(move.source)].add(asset_of(move.target))
    seen = {target for targets in onward.values() for target in targets}
    for edge in edges:
        if edge["state"] == "declared" and asset_of(edge["to"]) not in seen:
            onward[asset_of(edge["from"])].add(asset_of(edge["to"]))
    return dict(onward)


def _path(spread: Spread, places: list[Place]) -> tuple[str, ...]:
    """The shortest way from where her data entered first: the glasses, before the app, before web."""
    came: dict[Place, Place | None] = dict.fromkeys(sorted(places, key=lambda place: (place.name, place.key)))
    best, rank = next(iter(came)), len(_ENTRIES)
    queue = deque(came)
    while queue:
        place = queue.popleft()
        kind = kind_of(place.name)
        if kind in _ENTRIES and _ENTRIES.index(kind) < rank and not (kind == "device" and spread.came.get(place)):
            best, rank = place, _ENTRIES.index(kind)
        for before in spread.came.get(place, ()):
            if before not in came:
                came[before] = place
                queue.append(before)
    way: list[str] = []
    step: Place | None = best
    while step is not None:
        way.append(step.name)
        step = came[step]
    return tuple(dict.fromkeys(way))


def told(impact: Impact, names: Mapping[str, str]) -> dict[str, Any]:
    """As JSON; ``names``: pseudonym → name, of those whom the reader may know by name."""
    def who(counts: Mapping[str, int]) -> dict[str, int]:
        return dict(sorted((names.get(one, one) or "unknown", count) for one, count in counts.items()))

    confidence = {item.asset: item.confidence for item in impact.items}
    return {"keys": impact.keys, "items": [item.to_dict() for item in impact.items],
            "runs": [item.asset for item in impact.items if kind_of(item.asset) in ACTIVITY_KINDS],
            "answers": [{"checkpoint": checkpoint, "confidence": confidence[checkpoint], "response": response,
                         "count": sum(counts.values()), "to": who(counts)}
                        for checkpoint, responses in impact.answers.items() for response, counts in responses.items()],
            "others": [{"response": response, "count": sum(counts.values()), "to": who(counts)}
                       for response, counts in impact.others.items()]}
