"""Admission of a training run: judged with the remedies that its manifest allows, and judged again before what it has
made registers and before that is served (S1, S5).

A run starts only if every input is permitted; a refused one may be left out, another table may stand in for its own,
and rows without consent may be left to the warehouse to withhold.  Which of it was done is the decision's to say, and
the token covers what is left.  What is judged again is what was admitted, by the rules of now: rows that were read by
rules that let more be seen are not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from lineage.enforce.gate import Input, admit, make
from lineage.enforce.narrowing import Keys, Narrowed, narrowed
from lineage.enforce.rules import Rules
from lineage.model import Decision
from lineage.names import asset_of
from protos import policy_pb2 as pb

DROP_COLUMN, DROP_ROWS, REPLACE_TABLE = "drop_column", "drop_rows", "replace_table"


class Admitted(NamedTuple):
    """``dropped``: fields to be left out; ``replaced``: tables that others stand for; ``rows_dropped``: rows will be
    withheld because somebody has withdrawn."""

    decision: Decision
    rows: Narrowed
    dropped: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    rows_dropped: bool = False


def labelled(item: pb.Labelled) -> Input:
    return Input(item.asset, tuple(item.annotations), item.annotated)


def admitted(rules: Rules, request: pb.AdmitRequest, withdrawn: bool) -> Admitted:
    """``withdrawn``: somebody has taken consent to the purpose back."""
    decision, rows = _judged(rules, request, request.inputs, request.origins)
    found = Admitted(decision, rows)
    if decision.verdict == "blocked":
        found = _remedied(rules, request, found) or found
    if found.decision.verdict == "blocked" or not request.HasField("remedies"):
        return found
    if not (withdrawn and found.rows.consenting):
        return found
    tables = ", ".join(found.rows.consenting)
    if DROP_ROWS not in request.remedies.allow:
        refusal = make(rules, request.activity, request.purpose, request.principal, "gate", "blocked", "PAI336",
                       f"wearers have taken back consent to {request.purpose}, and the manifest does not allow "
                       f"{DROP_ROWS} of {tables}", (item.asset for item in found.rows.used))
        return found._replace(decision=refusal)
    why = f"rows of {tables} without consent to {request.purpose} are left out"
    before = f"{found.decision.reason}; " if found.decision.verdict == "remediated" else ""
    return found._replace(rows_dropped=True, decision=make(
        rules, request.activity, request.purpose, request.principal, "gate", "remediated", found.decision.code,
        before + why, found.decision.inputs))


def _judged(rules: Rules, request: pb.AdmitRequest, items: Iterable[pb.Labelled],
            origins: Iterable[pb.Labelled]) -> tuple[Decision, Narrowed]:
    inputs = [labelled(item) for item in items]
    located = {asset_of(item.asset): labelled(item) for item in origins}
    keys = {asset: Keys(None, located.get(asset), owned=True) for item in inputs
            if (asset := asset_of(item.asset)).startswith("warehouse:")}
    rows = narrowed(rules, keys, inputs, request.purpose, request.region)
    return admit(rules, activity=request.activity, purpose=request.purpose, principal=request.principal,
                 inputs=rows.used, region=request.region), rows


def _remedied(rules: Rules, request: pb.AdmitRequest, found: Admitted) -> Admitted | None:
    """What is left where each refused input is dropped, or its table replaced; None where that is not allowed, or not
    enough."""
    remedies = request.remedies
    droppable = set(remedies.droppable) if DROP_COLUMN in remedies.allow else set()
    standing = {f"warehouse:{one.of}": one for one in remedies.replacements} if REPLACE_TABLE in remedies.allow else {}
    keys = set(remedies.keys) if DROP_COLUMN in remedies.allow else set()
    dropped: set[str] = set()
    unread: set[str] = set()
    replaced: set[str] = set()
    for name in found.decision.inputs:
        if name in droppable:
            dropped.add(name)
        elif name in keys:
            unread.add(name)
        elif asset_of(name) in standing:
            replaced.add(asset_of(name))
        else:
            return None
    dropped = {name for name in dropped if asset_of(name) not in replaced}
    inputs = [item for item in request.inputs
              if item.asset not in dropped | unread and asset_of(item.asset) not in replaced]
    origins = [item for item in request.origins if asset_of(item.asset) not in replaced]
    for asset in sorted(replaced):
        inputs += standing[asset].inputs
        origins += standing[asset].origins
    left, rows = _judged(rules, request, inputs, origins)
    if left.verdict == "blocked" or not inputs:
        return None
    done = [f"{name} is left out" for name in sorted(dropped or (unread if not replaced else ()))]
    done += [f"{standing[asset].by} stands for {standing[asset].of}" for asset in sorted(replaced)]
    decision = make(rules, request.activity, request.purpose, request.principal, "gate", "remediated",
                    found.decision.code, f"{', '.join(done)}: {found.decision.reason}", found.decision.inputs)
    return Admitted(decision, rows, tuple(sorted(dropped | unread)),
                    tuple(sorted(standing[asset].of for asset in replaced)))


def rechecked(rules: Rules, request: pb.RecheckRequest) -> tuple[Decision, Narrowed]:
    """By the rules of now; blocked too where fewer rows may be seen than were (PAI333)."""
    given = request.admitted
    decision, rows = _judged(rules, given, given.inputs, given.origins)
    decision = decision if decision.verdict != "blocked" else make(
        rules, given.activity, given.purpose, given.principal, request.at, "blocked", decision.code, decision.reason,
        decision.inputs)
    if decision.verdict == "blocked" or not (fewer := _fewer(rows, request)):
        return decision, rows
    return make(rules, given.activity, given.purpose, given.principal, request.at, "blocked", "PAI333",
                f"by {', '.join(rules.versions)} fewer rows of {fewer} may be seen than the run has read",
                [item.asset for item in rows.used]), rows


def _fewer(now: Narrowed, then: pb.RecheckRequest) -> str:
    """A table of which fewer rows may be seen now; empty where there is none."""
    consenting, origins, unasked = set(then.consenting), set(then.origins), set(now.unasked)
    found: list[str] = [table for table in now.consenting if table not in consenting]
    found += [_table(one) for one in now.origins if one not in origins]
    found += [table for one in then.unasked if one not in unasked and (table := _table(one)) in now.consenting]
    return min(found, default="")


def _table(entry: str) -> str:
    return entry.partition("=")[0].removeprefix("warehouse:")
