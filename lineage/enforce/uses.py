"""Use in function-based code: a request that is handled for a purpose uses what its contract says that it holds.

Nobody declares such code as an activity, and one that a request says it belongs to lifts nothing.  Its zone is the
call tree of one request, from the moment annotated data is loaded, and its purpose is the request's.  Judged are
(1) what is read for the purpose: a message that arrives, before its handler runs (the callee's *boundary*), or
anything that is loaded; (2) what a call is about to hand over (the caller's guard).  Both see the contract's fields,
so a case is judged once, whatever a message holds.

``region`` of a scope that began here (the app's) is where its request's data come from.  A request that states no
purpose moves or stores data on its way, which is no use: flows (``flows``) are judged all the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from lineage.enforce.carried import Schemas
from lineage.enforce.gate import Input, admit
from lineage.enforce.rules import Rules
from lineage.model import Decision, Label
from lineage.names import join, sides
from lineage.privacylib.operation import Operation
from lineage.privacylib.posture import Who
from lineage.privacylib.site import Known

# Schemas that messages carry are of categories (the logger) and tables (the warehouse).
_CARRIED = ("logger:", "warehouse:")


def used(rules: Rules, op: Operation, schemas: Schemas) -> Decision | None:
    """The refusal of a use, or None: outside every activity, and of a message also under one.  ``schemas``: whose rows
    this process sends."""
    who = op.context.trace[2]
    forbidden = rules.forbidden(who.purpose)
    if not forbidden:
        return None
    asset, fields = _held(op.site)
    labels = [(field, label) for field in fields
              if not forbidden.isdisjoint((label := _label(op.site, asset, field, schemas)).annotations)]
    if not labels:
        return None
    decision = admit(rules, activity="", purpose=who.purpose, principal=who.principal, inputs=[
        Input(join(asset, field), label.annotations, True, _origins(rules, who, label)) for field, label in labels],
        where=place(op.site))
    return decision if decision.verdict == "blocked" else None


def _origins(rules: Rules, who: Who, label: Label) -> tuple[str, ...]:
    """Where a request began its data's origin is known: there.  On the way it is not, and the warehouse, which knows
    each row's, judges by it; until then as if from an origin for which the purpose is permitted, if there is one."""
    if who.region and not who.claims and not who.activity:  # an activity's region is where it uses them
        return (who.region,)
    return tuple(sorted(rules.rows(label.annotations, who.purpose) or ()))


def _held(site: Known) -> tuple[str, Sequence[str]]:
    """What is loaded, or about to be handed over: an asset, and fields of it."""
    if site.op == "read":
        return site.asset, site.fields or tuple(site.lib.labels.get(site.asset, ()))
    request = sides(site.asset)[0]
    fields = site.fields or tuple(field for field, _ in site.links) or tuple(site.lib.labels.get(request, ()))
    return request, [field.removeprefix("request.") for field in fields if not field.startswith("response.")]


def _label(site: Known, asset: str, field: str, schemas: Schemas) -> Label:
    """The field's label; of a field that belongs to a carried schema, the schema's, where this process knows it."""
    label = site.lib.label(asset, field)
    if label.annotated or "." not in field or not asset.startswith("rpc:"):
        return label
    schema, _, column = field.rpartition(".")
    if (sent := schemas.get(schema, {}).get(column)) is not None:
        return sent
    return next((found for kind in _CARRIED if (found := site.lib.label(kind + schema, column)).annotated), label)


def place(site: Known) -> str:
    """Where it is judged: what arrives, at the callee's boundary; anything else by the guard of who does it."""
    arrives = site.op == "read" and (site.asset.startswith("web:") or site.asset.endswith(".request"))
    return "boundary" if arrives else "guard"
