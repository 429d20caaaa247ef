"""[D] What a checkpoint was made of, by the signals of the run that wrote its weights.

Which activity, for which purpose; tables with their columns and how many rows came, and how many were kept back;
corpora; the checkpoints that it goes on from, or whose answers it learnt; and under which decisions.  All of it under
the one correlation key that the run has, whoever signalled it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lineage.discover.keyed import scope_of
from lineage.model import Signal
from lineage.names import asset_of, field_of, kind_of

_WITHHELD = ("consent", "origin")


def made(signals: Iterable[Signal], checkpoint: str) -> list[dict[str, Any]]:
    """One entry for each run that wrote the weights of "checkpoint:assistant@3", in the order in which they did:

    {"activity", "purpose", "tables": [{"asset", "columns", "rows", "withheld": {"consent", "origin"}}], "corpora":
    [{"asset", "rows"}], "checkpoints": [{"asset", "how"}], "others": [names], "decisions": [{"id", "verdict", "where",
    "requirements", "reason"}]}.  ``rows`` is None where no signal says it.
    """
    signals = list(signals)
    scopes: defaultdict[tuple[str, str], list[Signal]] = defaultdict(list)
    for signal in signals:
        scopes[scope_of(signal)].append(signal)
    return [_made(signal, scopes, signals) for signal in signals
            if signal.op == "write" and signal.asset == checkpoint and set(signal.fields) - {"manifest"}]


def _made(written: Signal, scopes: Mapping[tuple[str, str], Sequence[Signal]],
          signals: Sequence[Signal]) -> dict[str, Any]:
    own = scopes[scope_of(written)]
    run = {key for signal in own if signal.op == "read" and kind_of(signal.asset) == "rpc" for key in signal.keys}
    # What others did for it: a scope is the run's where it begins with a request under the run's key.
    beside = [signal for scope in scopes.values() for signal in scope
              if scope is not own and run.intersection(_begun(scope))]
    sources = dict.fromkeys(name for _, names in written.links for name in names)
    tables: defaultdict[str, list[str]] = defaultdict(list)
    found: dict[str, Any] = {"activity": written.activity, "purpose": written.purpose, "tables": [], "corpora": [],
                             "checkpoints": [], "others": []}
    kinds = written.detail.get("kinds", {})
    for name in sources:
        kind, field = kind_of(name), field_of(name)
        if name.startswith("rpc:warehouse.Read.response#") and field.count(".") > 1:
            table, _, column = field.rpartition(".")
            tables[f"warehouse:{table}"].append(column)
        elif kind == "checkpoint":
            found["checkpoints"].append({"asset": asset_of(name), "how": kinds.get(name, "weights")})
        elif name.startswith("rpc:inference."):
            found["checkpoints"] += [{"asset": teacher, "how": kinds.get(name, "answers")}
                                     for teacher in _answering(beside, name)]
        elif kind == "file":
            found["corpora"].append({"asset": name, "rows": _rows(own, name, written.activity)})
        else:
            found["others"].append(name)
    found["tables"] = [{"asset": table, "columns": columns, "rows": _rows(beside, table, written.activity),
                        "withheld": _withheld(beside, table, written.activity)} for table, columns in tables.items()]
    return {**found, "decisions": _decisions(signals, run, written.activity)}


def _begun(scope: Sequence[Signal]) -> tuple[str, ...]:
    return next((signal.keys for signal in scope if signal.op == "read" and kind_of(signal.asset) == "rpc"), ())


def _answering(beside: Iterable[Signal], name: str) -> list[str]:
    """The checkpoints whose weights made a response to the run."""
    return sorted({asset_of(source) for signal in beside if signal.op == "write" and signal.asset == asset_of(name)
                   for field, sources in signal.links if field == field_of(name) for source in sources
                   if kind_of(source) == "checkpoint"})


def _rows(signals: Iterable[Signal], asset: str, activity: str) -> int | None:
    read = [signal.rows for signal in signals
            if signal.op == "read" and signal.asset == asset and signal.activity == activity]
    return sum(read) if read else None


def _withheld(signals: Iterable[Signal], asset: str, activity: str) -> dict[str, int]:
    told = [signal.detail for signal in signals
            if signal.op == "read" and signal.asset == asset and signal.activity == activity]
    return {why: sum(detail.get(why, {}).get("withheld", 0) for detail in told) for why in _WITHHELD}


def _decisions(signals: Iterable[Signal], run: set[str], activity: str) -> list[dict[str, Any]]:
    found = {signal.detail["id"]: signal.detail for signal in signals
             if signal.op == "decision" and run.intersection(signal.keys) and signal.detail["activity"] == activity}
    return [{key: found[id_][key] for key in ("id", "verdict", "where", "requirements", "reason")}
            for id_ in sorted(found)]
