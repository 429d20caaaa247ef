"""The moves of a run, with the correlation keys under which data was taken and put down: finer than edges.

An edge says that data flowed; whose, only its keys can tell.  ``KeyedJoin`` joins as ``Join`` does, and keeps of each
signal the keys under which its scope had *read* a source beside those under which the target was *written*: a job
reads a whole table under a key of its own, a training run reads rows under the rows' keys, an answer is made of a
checkpoint's weights under the asker's key.  Of a statement only what the values are made of counts here, not what
decided them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal, NamedTuple

from lineage.discover import jobs
from lineage.discover.contracts import Contracts
from lineage.discover.join import Join, Schema
from lineage.discover.labels import Labels
from lineage.discover.rowwise import kept
from lineage.model import Confidence, Signal, State
from lineage.names import asset_of, field_of, join, sides

Keys = frozenset[str]
# A statement that keeps rows apart by their keys, one that mixes them, and what is no statement.
How = Literal["rows", "mixed", ""]
_NO_KEYS: Keys = frozenset()
_MOVING = frozenset({"read", "write", "call", "probe"})


class Move(NamedTuple):
    """``read``, ``written``: keys; ``own``: those of the request or run itself.  ``subject``: the pseudonym of the one
    person whose rows were asked for, where that was so.  ``number``: of the signal."""

    source: str
    target: str
    read: Keys
    written: Keys
    own: Keys
    how: How
    activity: str
    subject: str
    number: tuple[str, str, int]


def moves(signals: Iterable[Signal], schema: Schema) -> list[Move]:
    """In the order of each emitter."""
    signals = list(signals)
    join_ = KeyedJoin(Labels(Contracts().take(signals)), schema)
    for signal in signals:
        join_.feed(signal)
    return join_.moves()


class KeyedJoin(Join):
    """``settle`` is not needed: entries of key-value stores are read under their writers' keys."""

    def __init__(self, labels: Labels, schema: Schema) -> None:
        super().__init__(labels, schema)
        self._made: list[tuple[str, str, Signal]] = []
        self._under: defaultdict[tuple[str, str], defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._single: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._asked: dict[tuple[str, str], str] = {}

    def feed(self, signal: Signal) -> None:
        if signal.op in ("read", "call", "write"):
            scope = scope_of(signal)
            if len(signal.keys) == 1:
                self._single[scope].update(signal.keys)
            if isinstance(subject := signal.detail.get("subject"), str):
                self._asked[scope] = subject
            for name in _taken(signal):
                self._under[scope][name].update(signal.keys if signal.rows or signal.op == "call" else ())
        super().feed(signal)

    def add(self, source: str, target: str, signal: Signal, state: State = "observed", confidence: Confidence = "HIGH",
            evidence: str = "", families: Iterable[str] = ()) -> None:
        if state == "observed" and source != target and signal.op in _MOVING:
            self._made.append((source, target, signal))
        super().add(source, target, signal, state, confidence, evidence, families)

    def _resolved(self, signal: Signal, asset: str) -> bool:
        statement = signal.detail.get("statement")
        if not statement:
            return False
        read = {table: tuple(columns) for table, columns in signal.detail.get("reads", {}).items()}
        links = jobs.resolve(statement, self._schema, read, (asset.removeprefix("warehouse:"), signal.fields),
                             direct=True)
        for field, sources in links or ():
            for source in sources:
                self.add(source, join(asset, field), signal)
        return links is not None

    def moves(self) -> list[Move]:
        """After the last signal."""
        found = []
        for source, target, signal in self._made:
            scope = scope_of(signal)
            read = self._under[scope].get(source) if signal.op != "read" else None
            keys = frozenset(signal.keys)
            taken = frozenset(read) if read is not None else keys if signal.rows or signal.op != "read" else _NO_KEYS
            found.append(Move(source, target, taken, keys, frozenset(self._single[scope]), _how(source, target, signal),
                              signal.activity, self._asked.get(scope, ""),
                              (signal.emitter, signal.scope, signal.seq)))
        return found


def scope_of(signal: Signal) -> tuple[str, str]:
    """(emitter, scope) of the request that a signal belongs to.

    A later life of its emitter numbers its scopes anew ("web-1/2~1")."""
    scope, _, life = signal.scope.partition("~")
    return signal.emitter, f"{scope.partition('/')[0]}~{life}"


def _taken(signal: Signal) -> list[str]:
    """The names that a signal read."""
    if signal.op == "read":
        return [join(signal.asset, field) for field in signal.fields] or [signal.asset]
    if signal.op == "call":
        return [join(sides(signal.asset)[1], field.removeprefix("response.")) for field in signal.fields
                if field.startswith("response.")]
    return []


def _how(source: str, target: str, signal: Signal) -> How:
    if signal.op != "write" or not signal.detail.get("statement"):
        return ""
    table, columns = kept(signal.detail["statement"])
    own = asset_of(source).removeprefix("warehouse:").lower() == table
    return "rows" if own and field_of(target).lower() in columns else "mixed"
