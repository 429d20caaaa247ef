"""Flows within one process: what a scope has read, and what a write is said to be made of, against the sink.

Used by the guard alone, right before the I/O; it never asks the graph.
"""

from __future__ import annotations

from collections.abc import Callable

from lineage.enforce import carried
from lineage.enforce.carried import Schemas
from lineage.enforce.gate import Crossing, Input, flow
from lineage.enforce.reviewed.review import Review, Reviewed
from lineage.enforce.rules import Rules
from lineage.model import Decision
from lineage.names import asset_of, field_of, join, sides
from lineage.privacylib.operation import Operation
from lineage.privacylib.posture import MANY


def leaves(rules: Rules, op: Operation, schemas: Schemas | None = None,
           reviewed: Callable[[], Reviewed | None] = lambda: None) -> Decision | None:
    """The refusal of a write or a call whose sink is less restrictive than what goes into it, or what remedied that,
    or None.  A remedy has to cover everything that brought an annotation into the scope."""
    site, who = op.site, op.context.trace[2]
    sink = sides(site.asset)[0] if site.op == "call" else site.asset
    label, crosses = site.lib.label, rules.crosses
    crossings = [Crossing(_input(op, source), _input(op, join(sink, field)))
                 for field, sources in site.links for source in sources
                 if crosses(label(asset_of(source), field_of(source)).annotations, label(sink, field).annotations)
                 and not _carried(op, sink, field)]
    # Everything that the scope has read, against the sink as a whole: `sources=` narrows lineage only.
    read = op.context.posture.annotations
    known = site.lib.labels.get(sink)
    # An annotation that somebody gave to an operational field counts, as it does where a job is judged by columns.
    labels = [one for one in known.values() if one.annotations or not one.operational] if known and read else []
    # A sink that nobody registered carries nothing: S2's "unannotated sink", whatever is said to go there.
    if labels or (known is None and read and (site.op == "write" or site.links)):
        whole = Input(sink, tuple(sorted({name for one in labels for name in one.annotations})))
        crossings += [Crossing(Input(name, (annotation,)), whole) for annotation, names in read.items()
                      if crosses((annotation,), whole.annotations) for name in names if name != MANY]
    crossings += carried.crossings(rules, op, sink, schemas or {})
    if not crossings:
        return None
    found = reviewed() if all(MANY not in names for names in read.values()) else None
    return flow(rules, activity=who.activity, purpose=who.purpose, principal=who.principal, crossings=crossings,
                where="guard", review=Review(rules, found) if found is not None else None)


def inputs(op: Operation) -> list[Input]:
    """What an operation reads, with its labels."""
    if op.fields:
        return [_input(op, join(op.asset, field)) for field in op.fields]
    # Unnamed: whatever is there, which is all of it.
    labels = op.lib.labels.get(op.asset, {}).values()
    return [Input(op.asset, tuple(sorted({name for label in labels for name in label.annotations})))]


def _input(op: Operation, name: str) -> Input:
    asset, field = asset_of(name), field_of(name)
    label = op.lib.label(asset, field)
    # Only a schema that this process holds can be said to lack a label.
    unlabelled = asset in op.lib.labels and not label.annotated and not _carried(op, asset, field)
    return Input(name, label.annotations, not unlabelled)


def _carried(op: Operation, asset: str, field: str) -> bool:
    """A field of another schema inside a message, which the process that knows the schema judges."""
    return asset.startswith("rpc:") and not op.lib.label(asset, field).annotated
