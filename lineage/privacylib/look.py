"""[A] One operation as the probes look at it: its fields against what the scope's sources saw.

Only names that code or a contract gave are told of: a key inside a payload may be personal data itself.

>>> [field for field, _ in named({"prompt": "What is that?", "options": {"anna@example.org": 1}})]
['prompt', 'options']
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from google.protobuf.message import Message

from lineage.names import asset_of, join
from lineage.privacylib.compare import Budget, Verdict, match
from lineage.privacylib.operation import Operation
from lineage.privacylib.value import Limits, Value

# Names remembered in one scope, pairs told of at one sink, and values of a scope kept to be known again.
MAX_SOURCES = 256
MAX_PAIRS = 2_048
MAX_HELD = 1_024
# Bytes up to which a value that is no source is kept.
MAX_KEPT = 64 * 1024
EXPLAINED = "explained by another source"
SINKS = frozenset({"probe", "write", "call"})
STARTS = frozenset({"source", "probe"})
_FIELD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.*-]{0,99}")


# (source, sink, result, confidence)
Pair = tuple[str, str, str, str]


class Held:
    """What the sources of one scope saw: in memory, for as long as the scope lives."""

    def __init__(self) -> None:
        self.named: dict[str, Value] = {}
        # A value passes many components: it is worked on once.
        self.verdicts: dict[tuple[Value, Value], Verdict] = {}
        self._values: dict[tuple[int, bytes], Value] = {}

    def one(self, value: Value) -> Value:
        """The same object for the same value."""
        if value.leaves or value.size > MAX_KEPT:
            return next((held for held in self.named.values() if held.raw is not None and held.raw is value.raw), value)
        if len(self._values) >= MAX_HELD:
            return self._values.get((value.size, value.whole), value)
        return self._values.setdefault((value.size, value.whole), value)

    def keep(self, value: Value, sink: Value, verdict: Verdict) -> None:
        if len(self.verdicts) < MAX_PAIRS and max(value.size, sink.size) <= MAX_KEPT:
            self.verdicts[value, sink] = verdict


class Look:
    """``common``: whether a value is common among the emitter's recent ones.

    ``matched``: of each match its index, why it is LOW, and the source's value.  ``fresh``: the values that
    this operation brought into the scope.
    """

    def __init__(self, op: Operation, held: Held, common: Callable[[Value], bool]) -> None:
        self._op = op
        self._held = held
        self._common = common
        self._budget = Budget()
        self.limits: Limits = self._budget.limits
        self.matched: list[tuple[int, str, Value]] = []
        self.fresh: list[Value] = []
        self._found: list[Pair] = []
        self._asset = f"{op.asset}.request" if op.asset.startswith("rpc:") and op.kind == "call" else op.asset

    def pairs(self) -> list[Pair]:
        """Each sink field against each source of the scope; the sources' own asset is left out."""
        op, held = self._op, self._held.named
        values = {field: self._held.one(Value(given, self.limits)) for field, given in self._fields()}
        sources = [(name, value) for name, value in held.items() if asset_of(name) != self._asset]
        if op.kind in SINKS and sources:
            links = dict(op.links)
            for field, value in values.items():
                self._against(join(self._asset, field), value, sources, links.get(field, ()))
        if op.kind in STARTS:
            self._keep(values)
        return self._found

    def _fields(self) -> Iterator[tuple[str, object]]:
        """Field paths with their values, without the operational ones."""
        known = self._op.lib.labels.get(self._asset, {})
        for field, value in named(self._op.payload):
            if not isinstance(field, str) or not _FIELD.fullmatch(field):
                self.limits["a field without a name"] += 1
            elif not self._op.lib.label(self._asset, field).operational:
                yield field, value
                for path in known:
                    if path.startswith(f"{field}.") and (part := _part(value, path[len(field) + 1:])) is not None:
                        yield path, part

    def _against(self, target: str, sink: Value, sources: list[tuple[str, Value]], said: Collection[str]) -> None:
        known = {value: self._verdict(value, sink) for value in {value: None for _, value in sources}}
        verdicts = [known[value] for _, value in sources]
        met = [(name, value) for (name, value), verdict in zip(sources, verdicts, strict=True)
               if verdict.result != "NO_MATCH"]
        if len(met) > 1:
            explained = _explained(met, said, sink)
            verdicts = [Verdict(verdict.result, "LOW", EXPLAINED) if name in explained else verdict
                        for (name, _), verdict in zip(sources, verdicts, strict=True)]
        for (name, value), verdict in zip(sources, verdicts, strict=True):
            if len(self._found) >= MAX_PAIRS:
                self.limits["too many pairs"] += 1
            else:
                if verdict.result != "NO_MATCH":
                    self.matched.append((len(self._found), verdict.why, value))
                self._found.append((name, target, verdict.result, verdict.confidence))

    def _verdict(self, value: Value, sink: Value) -> Verdict:
        known = self._held.verdicts.get((value, sink))
        if known is None:
            known = match(value, sink, self._budget)
            if known.confidence == "HIGH" and self._common(value):
                known = Verdict(known.result, "LOW", "common value")
            self._held.keep(value, sink, known)
        return known

    def _keep(self, values: Mapping[str, Value]) -> None:
        held = self._held.named
        seen = {id(value) for value in held.values()}
        for field, value in values.items():
            name = join(self._asset, field)
            if value.empty:
                held.pop(name, None)
            elif name not in held and len(held) >= MAX_SOURCES:
                self.limits["too many sources"] += 1
            else:
                if id(value) not in seen:
                    seen.add(id(value))
                    self.fresh.append(value)
                held[name] = value


def _explained(met: list[tuple[str, Value]], said: Collection[str], sink: Value) -> set[str]:
    """The sources whose match tells nothing that another's does not; ``met``: those that matched.

    Sources of one value can't be told apart by it: those that the code names are believed, else the first
    that had it, from which the others have it.  A source that is found inside another one (of which it is no
    named part) came with it, unless the sink holds it on its own as well.
    """
    explained: set[str] = set()
    first: dict[bytes, str] = {}
    believed = {value.mark for name, value in met if name in said}
    for name, value in met:
        if name in said:
            continue
        inside = 0 < len(value.whole) <= MAX_KEPT and value.whole not in sink.parts and any(
            other.mark != value.mark and not name.startswith(f"{whole}.") and value.whole in other.searched
            for whole, other in met)
        if inside or value.mark in believed or first.setdefault(value.mark, name) != name:
            explained.add(name)
    return explained


def named(payload: Any) -> Iterator[tuple[Any, object]]:
    """The fields of a mapping or of a message; carried rows by their schema: ``schema.column``."""
    if isinstance(payload, Mapping):
        yield from payload.items()
    elif isinstance(payload, Message):
        for field, value in payload.ListFields():
            if field.message_type is not None and field.message_type.full_name == "sightline.Rows":
                yield from _carried(value)
            else:
                yield field.name, value


def _carried(rows: Any) -> Iterator[tuple[str, object]]:
    for position, column in enumerate(rows.columns):
        cells = [row.values[position] for row in rows.rows if position < len(row.values)]
        values = [getattr(cell, kind) for cell in cells if (kind := cell.WhichOneof("kind"))]
        yield f"{rows.schema}.{column}", values[0] if len(values) == 1 else values


def _part(value: Any, path: str) -> Any:
    """The part of a mapping or message at a path that a contract names."""
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, Message) and step in value.DESCRIPTOR.fields_by_name:
            value = getattr(value, step)
        else:
            return None
    return value
