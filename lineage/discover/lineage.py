"""The whole picture of a run, derived from the stored signals and the declared edges.

Deterministic: the same signals and configs give the same picture, in the same order, whatever
order the emitters flushed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import Any

from lineage.discover.contracts import Contracts
from lineage.discover.declare import Declared
from lineage.discover.join import Join, Schema
from lineage.discover.labels import Labels
from lineage.discover.parts import Missing
from lineage.discover.store import Store
from lineage.model import Edge, Finding, Signal
from lineage.names import ACTIVITY_KINDS, asset_of, field_of, kind_of, parse
from lineage.names import join as join_name


@dataclass
class Lineage:
    """``activities``: name → the purposes it was seen to act for; ``declared``: name → the purpose that a
    config gives it."""

    labels: Labels
    owners: dict[str, str]
    edges: list[Edge]
    decisions: list[dict[str, Any]]
    findings: list[Finding]
    activities: dict[str, set[str]]
    declared: dict[str, str]
    reported: Counter[tuple[str, str]]
    holes: list[tuple[str, int, int]] = field(default_factory=list)
    # Purpose → rows that were checked for their wearer's consent to it, and those of them that were withheld.
    consent: dict[str, tuple[int, int]] = field(default_factory=dict)
    # The same of rows that were looked at for where they come from.
    origin: dict[str, tuple[int, int]] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)
    # (column, activity): read to see whose a row is, and by the activity's own statement not at all.
    subjects: set[tuple[str, str]] = field(default_factory=set)

    def purposes(self) -> dict[str, set[str]]:
        """What each activity is for: as seen, or as declared where it has not been seen."""
        return {**{name: {purpose} for name, purpose in self.declared.items()}, **self.activities}

    def acting(self) -> list[dict[str, Any]]:
        """Every activity that was seen or decided about, with whom it acts for and what for, sorted by name."""
        names = {*self.activities, *(one["activity"] for one in self.decisions)}
        return [self._acting(name) for name in sorted(names) if kind_of(name) in ACTIVITY_KINDS]

    def _acting(self, name: str) -> dict[str, Any]:
        decided = [one for one in self.decisions if one["activity"] == name]
        purposes = {*self.activities.get(name, ()), *(one["purpose"] for one in decided)}
        return {"name": name, "principals": sorted({one["principal"] for one in decided} - {""}),
                "purposes": sorted(purposes - {""}), "declared": name in self.declared,
                "verdicts": sorted({one["verdict"] for one in decided})}

    def assets(self) -> list[dict[str, Any]]:
        """Every asset that a contract registers or an edge names, sorted by name."""
        fields: dict[str, set[str]] = {name: set(known) for name, known in self.labels.assets.items()}
        for edge in self.edges:
            for name in (edge.source, edge.target):
                fields.setdefault(asset_of(name), set()).update(filter(None, [field_of(name)]))
        return [self._asset(name, sorted(fields[name])) for name in sorted(fields)]

    def _asset(self, name: str, fields: list[str]) -> dict[str, Any]:
        parse(name)
        labels = {path: self.labels.of(join_name(name, path)) for path in fields}
        annotations = sorted({annotation for label in labels.values() for annotation in label.annotations})
        return {"name": name, "kind": kind_of(name), "owner": self.owners.get(name, ""), "annotations": annotations,
                "fields": {path: {"category": label.category, "annotations": list(label.annotations),
                                  "operational": label.operational} for path, label in labels.items()}}


def derive(store: Store, declared: Declared, schema: Schema) -> Lineage:
    """Two passes over the signals: the contracts first, so that every label is known to the join."""
    signals = list(store.signals())
    contracts = Contracts()
    labels, owners = contracts.take(signals), contracts.owners
    join = Join(Labels(labels), schema)
    for edge in declared.edges:
        join.edges[edge.source, edge.target, "declared"] = edge
    decisions: dict[str, dict[str, Any]] = {}
    findings: Counter[tuple[str, str, str, str]] = Counter(contracts.contradictions)
    purposes: dict[str, set[str]] = {}
    reported: Counter[tuple[str, str]] = Counter()
    streams = {f"{signal.asset}.request" for signal in signals if signal.op == "call" and "messages" in signal.detail}
    served: set[tuple[str, str, str]] = set()
    for signal in signals:
        join.feed(signal)
        reported[signal.op, signal.asset] += not _within_stream(signal, streams, served)
        if signal.activity:
            purposes.setdefault(signal.activity, set()).add(signal.purpose)
        if signal.op == "decision":
            if _decided(decisions, signal.detail):
                findings["PAI208", signal.asset, "one decision was told in two ways; the refusal holds",
                         "sightline explain PAI208"] += 1
        elif signal.op == "finding":
            detail = signal.detail
            findings[detail["code"], detail["asset"], detail["what"], detail["next"]] += detail["count"]
        elif signal.op == "gap":
            findings[signal.detail["code"], signal.asset, signal.detail["why"], ""] += 1
    join.settle()
    for row in store.refused():
        findings["PAI207", row["emitter"], f"batches were refused: {row['reason']}",
                 "sightline explain PAI207"] += row["count"]
    for asset in join.unresolved:
        findings["PAI204", asset, "a statement's columns could not be resolved; every column read counts as a source",
                 "sightline explain PAI204"] += 1
    return Lineage(
        labels=Labels(labels), owners=owners,
        edges=[join.edges[identity] for identity in sorted(join.edges)],
        decisions=[decisions[identity] for identity in sorted(decisions)],
        findings=[Finding(code, asset, what, next, count)
                  for (code, asset, what, next), count in sorted(findings.items())],
        activities=purposes, declared=declared.purposes, reported=reported, holes=store.holes(),
        missing=join.parts.missing(), consent=_withheld(signals, "consent"),
        origin=_withheld(signals, "origin"), subjects=_subjects(signals))


def _decided(decisions: dict[str, dict[str, Any]], told: dict[str, Any]) -> bool:
    """True where the same decision has been told otherwise."""
    known = decisions.setdefault(told["id"], told)
    if known != told and known["verdict"] != "blocked":
        decisions[told["id"]] = told
    return known != told


def _withheld(signals: Iterable[Signal], why: str) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for signal in signals:
        if seen := signal.detail.get(why):
            checked, withheld = found.get(signal.purpose, (0, 0))
            found[signal.purpose] = checked + seen["checked"], withheld + seen["withheld"]
    return found


def _subjects(signals: Iterable[Signal]) -> set[tuple[str, str]]:
    """A column counts only while no statement of the activity has asked for it."""
    only = {(join_name(signal.asset, column), signal.activity) for signal in signals for column in _chosen_by(signal)}
    asked = {(join_name(signal.asset, column), signal.activity) for signal in signals if signal.op == "read"
             and signal.asset.startswith("warehouse:") and signal.activity for column in signal.fields
             if column not in _chosen_by(signal)}
    return only - asked


def _chosen_by(signal: Signal) -> set[str]:
    """The columns by which the warehouse itself chose rows, or counted whom they stand for, and that the statement did
    not ask for."""
    detail = signal.detail
    return {detail.get("consent", {}).get("subject", ""), detail.get("origin", {}).get("column", ""),
            *detail.get("aside", ())} - {""}


def _within_stream(signal: Signal, streams: Set[str], served: set[tuple[str, str, str]]) -> bool:
    """A stream is one call and one scope's many reads, of which the first counts; without a message nobody read it."""
    if signal.op == "call":
        return bool(signal.detail.get("messages", {}).get("sent") == 0)
    if signal.op != "read" or signal.asset not in streams:
        return False
    rpc = (signal.emitter, signal.scope, signal.asset)
    if rpc in served:
        return True
    served.add(rpc)
    return False


def save(store: Store, lineage: Lineage) -> None:
    """Rewrites the derived tables of the store."""
    store.replace("assets", lineage.assets())
    store.replace("edges", ({**edge.to_dict(), "source": edge.source, "target": edge.target,
                             "keys": sorted(edge.keys)}
                            for edge in lineage.edges))
    store.replace("decisions", ({**decision, "place": decision["where"]} for decision in lineage.decisions))
    store.replace("findings", (finding.to_dict() for finding in lineage.findings))
