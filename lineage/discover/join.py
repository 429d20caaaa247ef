"""Joins signals to edges: a write to the reads it derives from, within one scope (S1, Figure 5).

Written-out sources give HIGH links.  A statement's columns are resolved against what the
engine said it touched (HIGH).  Otherwise a write derives from all that its scope has read (LOW): the
scopes around it ("web-1" around "web-1/2") included, and those inside it that were left.
A read or a call's response under an activity is *usage*.  Operational fields take no part in
what is inferred; where the code names them as sources, they do.  What was read under a key of a
key-value store comes from whoever wrote under it (``entries.py``): ``settle`` adds those edges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from lineage.discover import jobs
from lineage.discover.entries import KEYED, LOST, Entries
from lineage.discover.labels import Labels
from lineage.discover.parts import Parts
from lineage.model import Confidence, Edge, Signal, State
from lineage.names import join, sides

Schema = Mapping[str, Mapping[str, str]]


Scope = tuple[str, str]  # the emitter, and the scope's name in it


def _inside(scope: Scope) -> bool:
    return "/" in scope[1]


def _around(scope: Scope) -> Scope:
    return scope[0], scope[1].rpartition("/")[0]


class Join:
    """Feed it the signals of each emitter in order; ``edges`` is the result."""

    def __init__(self, labels: Labels, schema: Schema) -> None:
        self._labels = labels
        self._schema = schema
        self._reads: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        # Scopes inside others that were left: what is read in them is read by the scope around them.
        self._left: set[tuple[str, str]] = set()
        self.edges: dict[tuple[str, str, State], Edge] = {}
        # Written by a statement whose columns could not be told apart; their edges are LOW.
        self.unresolved: list[str] = []
        self._entries = Entries()
        self.parts = Parts()

    def feed(self, signal: Signal) -> None:
        if signal.detail.get("error") and signal.op != "call":
            return
        self.parts.note(signal)
        match signal.op:
            case "read" if self._entries.found(signal):
                self._read(signal, self._names(signal.asset, signal.fields))
            case "write":
                self._write(signal, signal.asset, signal.fields)
            case "call":
                self._call(signal)
            case "probe":
                self._probe(signal)
            case "proposal":
                for path in signal.fields:
                    self.add(join(signal.asset, path.partition(".")[0]), join(signal.asset, path), signal,
                             evidence="detector")
            case "asset":
                for field, sources in signal.detail.get("declares", ()):
                    for source in sources:
                        self.add(source, join(signal.asset, field), signal, "declared", evidence="code",
                                 families=signal.detail["families"])
            case "decision":
                self._decision(signal)
            case "scope":
                self._leave(signal.emitter, signal.scope)
            case _:
                pass

    def add(self, source: str, target: str, signal: Signal, state: State = "observed",
            confidence: Confidence = "HIGH", evidence: str = "", families: Iterable[str] = ()) -> None:
        if source == target:
            return
        edge = self.edges.get((source, target, state))
        if edge is None:
            edge = self.edges[source, target, state] = Edge(source, target, state)
        edge.families.update(families or ((signal.family,) if signal.family else ()))
        edge.via.update(via for via in (signal.via, signal.activity) if via and via not in (source, target))
        if state != "declared":
            edge.keys.update(signal.keys)
        if confidence == "HIGH":
            edge.confidence = "HIGH"
        if evidence:
            edge.evidence.add(evidence)

    def _names(self, asset: str, fields: Iterable[str]) -> list[str]:
        return [join(asset, field) for field in fields] or [asset]

    def _read(self, signal: Signal, names: Iterable[str]) -> None:
        scope = (signal.emitter, signal.scope)
        reads = self._reads[scope]
        while scope in self._left:
            scope = _around(scope)
            reads = self._reads[scope]
        for name in names:
            operational = self._labels.operational(name)
            if not operational:
                reads[name] = None
            # What a message acknowledges or counts is not used; a stored column is, whatever it holds.
            if signal.activity and not (operational and name.startswith("rpc:")):
                self.add(name, signal.activity, signal, evidence="usage")

    def _write(self, signal: Signal, asset: str, fields: Iterable[str]) -> None:
        if signal.linked:
            kinds = signal.detail.get("kinds", {})
            for field, sources in signal.links:
                for source in sources:
                    self._derive(source, join(asset, field), signal, evidence="sources")
                    if source in kinds and (edge := self.edges.get((source, join(asset, field), "observed"))):
                        edge.evidence.add(kinds[source])
            return
        if self._resolved(signal, asset):
            return
        targets = [name for name in self._names(asset, fields) if not self._labels.operational(name)]
        for source in self._sources(signal):
            for target in targets:
                self._derive(source, target, signal, "LOW", evidence="scope")

    def _derive(self, source: str, target: str, signal: Signal, confidence: Confidence = "HIGH", *,
                evidence: str = "") -> None:
        """An edge of a write; one that comes out of a key-value store is settled when every writer is known."""
        keyed = self._entries.derived(source, target, signal, confidence)
        self.add(source, target, signal, confidence=confidence, evidence=KEYED if keyed else evidence)
        if (parts := self.parts.of(source, signal)) and (edge := self.edges.get((source, target, "observed"))):
            edge.parts.update(parts)

    def settle(self) -> None:
        """After the last signal: edges from what was written under a key to what was made of it."""
        for source, target, signal, confidence, evidence, store in self._entries.settled():
            self.add(source, target, signal, confidence=confidence, evidence=evidence)
            if (edge := self.edges.get((source, target, "observed"))) is not None and evidence != LOST:
                edge.via.add(store)

    def _sources(self, signal: Signal) -> dict[str, None]:
        """What the scope has read so far, and the scopes around it."""
        scope = (signal.emitter, signal.scope)
        found = dict(self._reads[scope])
        while _inside(scope):
            scope = _around(scope)
            found |= self._reads[scope]
        return found

    def _leave(self, emitter: str, name: str) -> None:
        scope = (emitter, name)
        if _inside(scope):
            self._left.add(scope)
            self._reads[_around(scope)].update(self._reads[scope])

    def _resolved(self, signal: Signal, asset: str) -> bool:
        """True when the statement's own columns say where each written column came from."""
        statement = signal.detail.get("statement")
        if not statement:
            return False
        read = {table: tuple(columns) for table, columns in signal.detail.get("reads", {}).items()}
        links = jobs.resolve(statement, self._schema, read, (asset.removeprefix("warehouse:"), signal.fields))
        if links is None:
            self.unresolved.append(asset)
            return False
        for field, sources in links:
            for source in sources:
                self.add(source, join(asset, field), signal, evidence="sql")
        return True

    def _call(self, signal: Signal) -> None:
        request, response = sides(signal.asset)
        sent = [field.removeprefix("request.") for field in signal.fields if field.startswith("request.")]
        returned = [field.removeprefix("response.") for field in signal.fields if field.startswith("response.")]
        self._write(signal, request, sent)
        if returned:
            self._read(signal, [join(response, field) for field in returned])

    def _probe(self, signal: Signal) -> None:
        for source, target, result, confidence in signal.detail.get("pairs", ()):
            if confidence == "HIGH":
                self.add(source, target, signal, evidence=result, families=(signal.family or "A",))

    def _decision(self, signal: Signal) -> None:
        decision = signal.detail
        if decision.get("verdict") != "blocked":
            return
        for source in decision.get("inputs", ()):
            self.add(source, decision.get("activity") or signal.asset, signal, "blocked", evidence=decision["code"])
