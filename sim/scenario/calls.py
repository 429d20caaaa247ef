"""The expectation of what models were asked: who answered, of what, and what became of the response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineage.discover.calls import Call
from sim.scenario.compare import Comparable
from sim.scenario.expectations import EXPECTATIONS, Seen, counted
from sim.scenario.history import History

_LISTS = ("inputs", "retrieved", "weights")


@EXPECTATIONS.register("call", {"rpc": str}, optional={
    "answered": str, "requested": str, "finish": str, "inputs": list[str], "retrieved": list[str], "weights": list[str],
    "used_in": str, "count": Comparable}, stage="discover",
    doc="Calls of models (`rpc: Generate`): what answered, the inputs and the retrieved data that the response is made "
        "of (those that are listed; an empty list is none), and where it was used.")
def call(history: History, given: Mapping[str, Any]) -> Seen:
    calls = {one: count for one, count in history.calls().items() if one.rpc == f"rpc:inference.{given['rpc']}"}
    if not calls:
        return Seen("unknown", f"no model was called by {given['rpc']}")
    found = sum(count for one, count in calls.items() if _meant(one, given))
    return counted(given.get("count", ">= 1"), found, f"of {sum(calls.values())} calls")


def _meant(one: Call, given: Mapping[str, Any]) -> bool:
    said = one.to_dict()
    listed = [(set(given[key]), set(said[key])) for key in _LISTS if key in given]
    return (all(said[key] == given[key] for key in ("answered", "requested", "finish") if key in given)
            and all(wanted <= there if wanted else not there for wanted, there in listed)
            and ("used_in" not in given or given["used_in"] in one.used_in))
