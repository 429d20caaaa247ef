"""Folds RPC messages into the edges that they belong to, at field level, before anything is collapsed.

``web:ask#utterance → rpc:logger.Append.request#glasses_session.utterance → logger:glasses_session#utterance``
becomes ``web:ask#utterance → logger:glasses_session#utterance`` *through* ``logger.Append``.  Folding fields, not
assets, keeps two tables that are read by one method apart.

A method that makes personal data of personal data (``inference.Generate``) is a place, not a passage: its two
messages become the one node ``rpc:inference.Generate``.  A hop with only one side known stays, because that is
what a lost context or a missing probe looks like; only an operational one (an acknowledgement) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lineage.model import State
from lineage.names import asset_of, field_of, kind_of

WEAKEST: tuple[State, ...] = ("blocked", "declared", "observed")
_PARTS = (".request", ".response")


@dataclass(frozen=True, slots=True)
class Flow:
    """One field-level edge of ``lineage.json``, and the calls that were folded into it."""

    source: str
    target: str
    state: State
    families: frozenset[str] = frozenset()
    count: int = 0
    confidence: str = "LOW"
    via: frozenset[str] = frozenset()
    through: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Folded:
    """``merged``: message asset → the node of its method.  ``left_out``: operational hop fields, a count."""

    flows: tuple[Flow, ...]
    merged: Mapping[str, str]
    left_out: int


def flows_of(lineage: Mapping[str, Any]) -> list[Flow]:
    return [Flow(e["from"], e["to"], e["state"], frozenset(e.get("families", ())), int(e.get("count", 0)),
                 e.get("confidence", "LOW"), frozenset(e.get("via", ()))) for e in lineage.get("edges", ())]


def operational_fields(lineage: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """(asset, field) of every field that its contract declares operational."""
    return frozenset((asset["name"], name) for asset in lineage.get("assets", ())
                     for name, label in asset.get("fields", {}).items()
                     if label.get("operational") and not label.get("category"))


def is_hop(name: str) -> bool:
    """A field or the whole of a request or response message."""
    return kind_of(name) == "rpc" and asset_of(name).endswith(_PARTS)


def method_of(name: str) -> str:
    """``rpc:logger.Append.request#x`` → ``logger.Append``."""
    base = asset_of(name).partition(":")[2]
    for part in _PARTS:
        base = base.removesuffix(part)
    return base


def fold(flows: Iterable[Flow], operational: frozenset[tuple[str, str]]) -> Folded:
    """Hops with both sides known disappear into their edges; the result is sorted."""
    def plain(name: str) -> bool:
        return (asset_of(name), field_of(name)) in operational

    flows = list(flows)
    places = {method_of(f.source) for f in flows
              if is_hop(f.source) and is_hop(f.target) and method_of(f.source) == method_of(f.target)
              and asset_of(f.source) != asset_of(f.target) and not plain(f.source) and not plain(f.target)}
    merged = {f"rpc:{method}{part}": f"rpc:{method}" for method in places for part in _PARTS}
    table = _Table()
    for flow in flows:
        table.add(replace(flow, source=_rename(flow.source, merged), target=_rename(flow.target, merged)))
    left_out = 0
    for hop in sorted(name for name in table.names() if is_hop(name)):
        into, out = table.take(hop)
        if into and out:
            for first in into:
                for second in out:
                    table.add(_compose(first, second))
        elif plain(hop):
            left_out += 1
        else:
            for flow in into + out:
                table.add(flow)
    return Folded(tuple(table.flows[key] for key in sorted(table.flows)), merged, left_out)


def _rename(name: str, merged: Mapping[str, str]) -> str:
    method = merged.get(asset_of(name))
    return f"{method}#{field_of(name)}" if method and field_of(name) else method or name


def _compose(first: Flow, second: Flow) -> Flow:
    state = min(first.state, second.state, key=WEAKEST.index)
    confidence = "HIGH" if first.confidence == second.confidence == "HIGH" else "LOW"
    return Flow(first.source, second.target, state, first.families | second.families,
                min(first.count, second.count), confidence, first.via | second.via,
                first.through | second.through | {method_of(first.target)})


class _Table:
    """Flows by identity (source, target, state), and by either end."""

    def __init__(self) -> None:
        self.flows: dict[tuple[str, str, State], Flow] = {}
        self.ends: dict[str, set[tuple[str, str, State]]] = {}

    def names(self) -> set[str]:
        return set(self.ends)

    def add(self, flow: Flow) -> None:
        key = (flow.source, flow.target, flow.state)
        old = self.flows.get(key)
        if old is not None:
            flow = replace(flow, families=old.families | flow.families, count=max(old.count, flow.count),
                           confidence="HIGH" if "HIGH" in (old.confidence, flow.confidence) else "LOW",
                           via=old.via | flow.via, through=old.through | flow.through)
        self.flows[key] = flow
        for end in key[:2]:
            self.ends.setdefault(end, set()).add(key)

    def take(self, name: str) -> tuple[list[Flow], list[Flow]]:
        """Removes the flows into and out of ``name`` and returns them; a loop at it is dropped."""
        keys = sorted(self.ends.pop(name, ()))
        flows = [self.flows.pop(key) for key in keys]
        for key in keys:
            for end in key[:2]:
                self.ends.get(end, set()).discard(key)
        return [f for f in flows if f.target == name != f.source], [f for f in flows if f.source == name != f.target]
