"""From ``lineage.json`` to a Drawing: fields collapsed to assets, calls folded, activities put between.  Pure.

It shows what the run says; it judges nothing.  What is not drawn is counted in ``Drawing.notes``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lineage.model import State
from lineage.names import ACTIVITY_KINDS, asset_of, field_of, kind_of
from sim.show import columns, hops
from sim.show.drawing import Box, Drawing, Link, Node, Role
from sim.show.facts import Facts
from sim.show.hops import Flow

_ROLES: dict[str, Role] = {"logger": "store", "warehouse": "store", "file": "store", "feature": "store",
                           "checkpoint": "model", "inference": "model", "job": "activity",
                           "training": "activity", "query": "activity"}
_MOST = 40  # lines in a tooltip


def drawing(lineage: Mapping[str, Any], *, hops_drawn: bool = False) -> Drawing:
    """The drawable model of a run.  ``hops_drawn`` keeps each request and response as a small node."""
    flows, operational = hops.flows_of(lineage), hops.operational_fields(lineage)
    folded = hops.Folded(tuple(flows), {}, 0) if hops_drawn else hops.fold(flows, operational)
    threads, inside = _collapse(_through_activities(folded.flows))
    threads = _confirm(threads)
    names = sorted({name for thread in threads.values() for name in (thread.source, thread.target)} | set(inside))
    column, back = columns.assign(names, [(t.source, t.target) for t in threads.values()])
    facts = Facts.of(lineage, folded.merged)
    ordered = sorted(names, key=lambda n: (column[n], columns.rank(n)))
    nodes = tuple(_node(f"n{i}", name, column[name], facts, inside.get(name, []))
                  for i, name in enumerate(ordered))
    links = tuple(_link(f"e{i}", threads[key], facts, key[:2] in back) for i, key in enumerate(sorted(threads)))
    return Drawing(title=f"Lineage of {lineage.get('scenario', 'a run')}", summary=_summary(nodes, links),
                   nodes=nodes, links=links, boxes=_boxes(nodes, lineage),
                   notes=_notes(lineage, names, folded, hops_drawn))


@dataclass(slots=True)
class _Thread:
    """What becomes one Link: the flows of one state between two assets."""

    source: str
    target: str
    state: State
    families: set[str] = field(default_factory=set)
    count: int = 0
    confidence: str = "LOW"
    through: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)


def _through_activities(flows: Iterable[Flow]) -> list[Flow]:
    """A → B via a job becomes A → job → B.  A declared edge without one takes that of the observed edge."""
    flows = list(flows)
    moved_by: dict[tuple[str, str], set[str]] = {}
    for flow in flows:
        if flow.state == "observed":
            moved_by.setdefault((asset_of(flow.source), asset_of(flow.target)), set()).update(_activities(flow))
    result = []
    for flow in flows:
        ends = (asset_of(flow.source), asset_of(flow.target))
        activities = _activities(flow) or (moved_by.get(ends, set()) if flow.state == "declared" else set())
        if activities and not set(ends) & activities:
            for activity in sorted(activities):
                result += [replace(flow, target=activity), replace(flow, source=activity)]
        else:
            result.append(flow)
    return result


def _activities(flow: Flow) -> set[str]:
    return {asset_of(via) for via in flow.via if kind_of(via) in ACTIVITY_KINDS}


def _collapse(flows: Iterable[Flow]) -> tuple[dict[tuple[str, str, State], _Thread], dict[str, list[str]]]:
    """Threads by (source, target, state), and the flows that stay inside one asset."""
    threads: dict[tuple[str, str, State], _Thread] = {}
    inside: dict[str, set[str]] = {}
    for flow in flows:
        source, target = asset_of(flow.source), asset_of(flow.target)
        pair = " → ".join(filter(None, (field_of(flow.source), field_of(flow.target))))
        if source == target:
            inside.setdefault(source, set()).update([pair] if pair else [])
            continue
        key = (source, target, flow.state)
        thread = threads.setdefault(key, _Thread(*key))
        thread.families |= flow.families
        thread.count = max(thread.count, flow.count)
        thread.confidence = "HIGH" if "HIGH" in (thread.confidence, flow.confidence) else "LOW"
        thread.through |= flow.through
        if pair:
            thread.fields.add(pair)
    return threads, {name: sorted(pairs) for name, pairs in inside.items()}


def _confirm(threads: dict[tuple[str, str, State], _Thread]) -> dict[tuple[str, str, State], _Thread]:
    """A declared thread that something observed (or refused) stands beside is merged into it.

    A manifest declares ``checkpoint:assistant``; what a run then writes is ``checkpoint:assistant@2``.
    """
    found: dict[tuple[str, str], list[_Thread]] = {}
    for thread in sorted(threads.values(), key=lambda t: (t.source, t.target, t.state == "blocked")):
        if thread.state != "declared":
            for ends in sorted({(s, t) for s in _versions(thread.source) for t in _versions(thread.target)}):
                found.setdefault(ends, []).append(thread)
    kept = {}
    for key, thread in threads.items():
        others = found.get(key[:2], []) if thread.state == "declared" else []
        if not others:
            kept[key] = thread
        exact = [other for other in others if (other.source, other.target) == key[:2]]
        for other in exact[:1] or others:
            other.families |= thread.families
            other.through |= thread.through
            other.fields |= thread.fields
            other.notes.add(f"declared and {other.state}")
    return kept


def _versions(name: str) -> tuple[str, str]:
    """The names under which something may have been declared: with and without its version."""
    return name, name.partition("@")[0]


def _node(id: str, name: str, column: int, facts: Facts, inside: list[str]) -> Node:
    kind, _, rest = name.partition(":")
    stack = columns.stack_of(name)
    role: Role = "hop" if hops.is_hop(name) else _ROLES.get(kind if kind != "rpc" else stack, "data")
    zones, findings = facts.zones.get(name, ()), facts.findings.get(name, ())
    fields, annotations = facts.fields(name)
    tooltip = [name, *(f"in zone {zone}" for zone in zones), *findings, *annotations, *fields,
               *(f"inside: {pair}" for pair in inside)]
    return Node(id=id, name=name, kind=kind, label=rest, role=role, column=column, zones=zones,
                annotations=annotations, fields=fields, inside=tuple(inside), findings=findings,
                tooltip=_tooltip(tooltip))


def _link(id: str, thread: _Thread, facts: Facts, back: bool) -> Link:
    codes = facts.codes.get(thread.target, ()) if thread.state == "blocked" else ()
    families, through = tuple(sorted(thread.families)), tuple(sorted(thread.through))
    notes = sorted(thread.notes) + [f"crosses the edge of zone {zone}"
                                    for zone in facts.crossings.get((thread.source, thread.target), ())]
    mark = " ".join(["✕", *codes]) if thread.state == "blocked" else ""
    seen = f"at least {thread.count} requests" if thread.count > 1 else ""
    lines = [f"{thread.source} → {thread.target}", " · ".join(filter(None, (
        thread.state, f"families {' '.join(families)}" if families else "", seen,
        f"{thread.confidence} confidence", *codes))),
        *notes, *(f"through {method}" for method in through), *sorted(thread.fields)]
    return Link(id=id, source=thread.source, target=thread.target, state=thread.state, families=families,
                count=thread.count, confidence=thread.confidence, through=through,
                fields=tuple(sorted(thread.fields)), codes=codes, notes=tuple(notes), back=back,
                label=" ".join(filter(None, (" ".join(families), mark))), tooltip=_tooltip(lines))


def _tooltip(lines: list[str]) -> str:
    more = [f"… and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    return "\n".join(lines[:_MOST] + more)


def _boxes(nodes: Iterable[Node], lineage: Mapping[str, Any]) -> tuple[Box, ...]:
    about = {zone["name"]: f"{zone['name']}: {zone.get('requirement', '')}, {zone.get('mode', '')} mode"
             for zone in lineage.get("zones", ())}
    groups: dict[tuple[str, ...], list[str]] = {}
    for node in nodes:
        if node.zones:
            groups.setdefault(node.zones, []).append(node.name)
    return tuple(Box(id=f"z{i}", zones=zones, label=" + ".join(zones), nodes=tuple(groups[zones]),
                     tooltip="\n".join(about[zone] for zone in zones)) for i, zones in enumerate(sorted(groups)))


def _summary(nodes: tuple[Node, ...], links: tuple[Link, ...]) -> str:
    count = {state: sum(link.state == state for link in links) for state in ("observed", "declared", "blocked")}
    activities = sum(node.role == "activity" for node in nodes)
    text = (f"{_number(len(nodes) - activities, 'asset', 'assets')}, {_number(activities, 'activity', 'activities')}; "
            f"{_number(count['observed'], 'link', 'links')} observed, "
            f"{count['declared']} only declared, {count['blocked']} blocked.")
    refused = "; ".join(f"{link.source} to {link.target}" for link in links if link.state == "blocked")
    return f"{text} Blocked: {refused}." if refused else text


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _notes(lineage: Mapping[str, Any], names: list[str], folded: hops.Folded, hops_drawn: bool) -> tuple[str, ...]:
    ends = {asset_of(edge[end]) for edge in lineage.get("edges", ()) for end in ("from", "to")}
    drawn, notes = ends.union(names), []
    if folded.left_out:
        notes.append(f"Operational message fields that lead nowhere and are not drawn: {folded.left_out}")
    alone = sorted(a["name"] for a in lineage.get("assets", ())
                   if a["name"] not in drawn and a["name"] not in folded.merged
                   and (hops_drawn or not hops.is_hop(a["name"])))
    if alone:
        notes.append(f"Assets without an edge, not drawn: {', '.join(alone[:8])}"
                     + (f" and {len(alone) - 8} more" if len(alone) > 8 else ""))
    return tuple(notes)
