"""From a run's flows to a cut: which ways there are, and which remedy closes which (``cut`` finds the cheapest).

A part of an asset that carries the annotation is a source.  A part that does not is a sink unless it is annotated; what
it flows to is reached only where it is: so annotating costs what follows from it.  An activity is a node of its own,
since it is blocked as a whole, and since what it writes has the label of all that it reads.  A use that the
requirement does not permit can only be blocked; a flow between services by blocking that flow, or by reviewing the code
that makes something else of the data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from lineage.enforce.manager.candidates import Flows
from lineage.enforce.manager.costs import Costs
from lineage.enforce.manager.cut import SINK, SOURCE, Arc, Node, Problem
from lineage.enforce.manager.seen import Part, PlanRun, acts
from lineage.names import ACTIVITY_KINDS, asset_of, field_of, kind_of

Kind = Literal["annotate", "block", "reclassify"]
# Copies: what is found again unchanged is no transformation.
_COPIES = frozenset({"EXACT_MATCH", "CONTAINS"})


@dataclass
class Remedy:
    """``at``: the asset or activity; of a flow, where it goes to, and ``source`` is where from."""

    key: str
    kind: Kind
    at: str
    source: str = ""
    fields: set[str] = field(default_factory=set)
    edges: list[dict[str, Any]] = field(default_factory=list)
    cost: int = 0


@dataclass
class Crossing:
    """A violation: governed data at a sink that the requirement does not allow.  ``keys``: of remedies for it."""

    sink: str
    code: str
    rule: str
    edges: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)


class Model:
    """``remedies``: by key, all that could be done; ``crossings``: by sink."""

    def __init__(self, run: PlanRun, flows: Flows, costs: Costs) -> None:
        self._run = run
        self._costs = costs
        self._arcs: dict[Arc, None] = {}
        self._between: dict[tuple[Part, Part], list[dict[str, Any]]] = {}
        self.remedies: dict[str, Remedy] = {}
        self.crossings: dict[str, Crossing] = {}
        for name in sorted(flows.reached):
            if kind_of(name) not in ACTIVITY_KINDS:
                self._part(name)
                for edge in run.edges.get(name, ()):
                    if edge["to"] in flows.reached:
                        self._edge(run.part(name), edge)
        for remedy in self.remedies.values():
            remedy.cost = self._price(remedy)
        self.problem = Problem(tuple(self._arcs))

    @property
    def costs(self) -> dict[str, int]:
        return {key: remedy.cost for key, remedy in self.remedies.items()}

    # --- arcs -----------------------------------------------------------------------------------

    def _part(self, name: str) -> None:
        part = self._run.part(name)
        if part.governed:
            self._arc(SOURCE, part)
        elif self._run.flow(name) is not None:
            remedy = self._remedy("annotate", part.asset)
            remedy.fields.add(field_of(name))
            self._arc(part, SINK, remedy.key)

    def _edge(self, source: Part, edge: dict[str, Any]) -> None:
        target = edge["to"]
        if kind_of(target) in ACTIVITY_KINDS:
            self._use(source, edge, target)
        elif acting := acts(edge):
            for activity in acting:
                self._moved(source, edge, activity)
        elif (sink := self._run.part(target)) != source and not sink.governed:
            self._direct(source, sink, edge)

    def _use(self, source: Part, edge: dict[str, Any], activity: str) -> None:
        block, refusal = self._block(activity, edge), self._run.use(activity)
        self._arc(source, ("in", activity))
        self._arc(("in", activity), SINK if refusal is not None else ("out", activity), block.key)
        if refusal is not None and source.governed:
            self._cross(activity, refusal.code, refusal.reason, edge, {block.key})

    def _moved(self, source: Part, edge: dict[str, Any], activity: str) -> None:
        self._use(source, {**edge, "to": activity, "via": []}, activity)
        sink = self._run.part(edge["to"])
        if sink.governed or self._run.use(activity) is not None:
            return
        review = self._remedy("reclassify", sink.asset, activity)
        review.edges.append(edge)
        self._arc(("out", activity), sink, review.key)
        self._sinks(source, edge, {review.key, f"block {activity}"})

    def _direct(self, source: Part, sink: Part, edge: dict[str, Any]) -> None:
        """Blocked or reviewed, whichever is cheaper: one of them is enough."""
        between = self._between.setdefault((source, sink), [])
        between.append(edge)
        copied = any(_COPIES.intersection(one["evidence"]) for one in between)
        ways: list[Kind] = ["block"] if copied else ["block", "reclassify"]
        made = [self._remedy(kind, sink.asset, source.asset, keep=False) for kind in ways]
        for remedy in made:
            remedy.edges = between
            remedy.cost = self._price(remedy)
        best = min(made, key=lambda one: (one.cost, one.kind))
        both: tuple[Kind, Kind] = ("block", "reclassify")
        for kind in both:
            other = self._remedy(kind, sink.asset, source.asset, keep=False)
            self._arcs.pop(Arc(source, sink, other.key), None)
            self.remedies.pop(other.key, None)
            for crossing in self.crossings.values():
                crossing.keys.discard(other.key)
        self.remedies[best.key] = best
        self._arc(source, sink, best.key)
        for one in between:
            self._sinks(source, one, {best.key})

    def _sinks(self, source: Part, edge: dict[str, Any], keys: set[str]) -> None:
        refusal = self._run.flow(edge["to"])
        if source.governed and refusal is not None:
            asset = asset_of(edge["to"])
            self._cross(asset, refusal.code, refusal.reason, edge, {*keys, f"annotate {asset}"})

    def _cross(self, sink: str, code: str, rule: str, edge: dict[str, Any], keys: set[str]) -> None:
        crossing = self.crossings.setdefault(sink, Crossing(sink, code, rule))
        crossing.keys |= keys
        if all((one["from"], one["to"]) != (edge["from"], edge["to"]) for one in crossing.edges):
            crossing.edges.append(edge)

    # --- remedies -------------------------------------------------------------------------------

    def _arc(self, source: Node, target: Node, key: str = "") -> None:
        self._arcs[Arc(source, target, key)] = None

    def _block(self, activity: str, edge: dict[str, Any]) -> Remedy:
        remedy = self._remedy("block", activity)
        remedy.edges.append(edge)
        return remedy

    def _remedy(self, kind: Kind, at: str, source: str = "", *, keep: bool = True) -> Remedy:
        key = f"{kind} {source} → {at}" if source else f"{kind} {at}"
        if keep:
            return self.remedies.setdefault(key, Remedy(key, kind, at, source))
        return Remedy(key, kind, at, source)

    def _price(self, remedy: Remedy) -> int:
        units = {"annotate": max(1, len(remedy.fields)), "reclassify": 1,
                 "block": max([1, *(edge["count"] for edge in remedy.edges)])}[remedy.kind]
        return self._costs.of(remedy.kind, remedy.at, units)
