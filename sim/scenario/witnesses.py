"""Expectations of what really happened, by the journal: the second witness of a privacy claim."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from sim.scenario.compare import Comparable
from sim.scenario.expectations import EXPECTATIONS, Seen, counted
from sim.scenario.history import History

_register = EXPECTATIONS.register


@_register("moved", {"from": str, "to": str, "rows": Comparable}, stage="enforce",
           doc="Rows that physically went from a table to an activity, by the journal.")
def moved(history: History, given: Mapping[str, Any]) -> Seen:
    if not history.knows(given["from"]):
        return Seen("unknown", f"nothing in this run is named {given['from']}")
    rows, armed = history.moved(given["from"], given["to"])
    if not armed:
        return Seen("unknown", "the tap that would have seen it recorded nothing else, or the table never held a row")
    if rows == 0 and not history.decisions(given["to"]):
        return Seen("unknown", f"no row moved, and the gate was never asked about {given['to']}")
    return counted(given["rows"], rows, "rows moved")


@_register("carried", {"from": str, "to": str, "messages": Comparable}, stage="enforce",
           doc="Messages to web in which a device's field was found, byte for byte or rewritten, by the journal.")
def carried(history: History, given: Mapping[str, Any]) -> Seen:
    messages, armed = history.carried(given["from"], given["to"])
    if not armed:
        return Seen("unknown", f"{given['from']} never held anything, or nothing was sent to {given['to']}")
    return counted(given["messages"], messages, f"messages with {given['from']}")


@_register("happened", {"process": str, "op": Literal["read", "write", "call"], "at": str, "count": Comparable},
           stage="enforce", doc="Operations that really happened in a process, by the journal.")
def happened(history: History, given: Mapping[str, Any]) -> Seen:
    if not any(process == given["process"] for process, _, _ in history.truth):
        return Seen("unknown", f"the journal has no record of {given['process']}")
    seen = history.truth.get((given["process"], given["op"], given["at"]), 0)
    if not seen and not history.knows(given["at"]):
        return Seen("unknown", f"nothing in this run is named {given['at']}")
    return counted(given["count"], seen, f"times {given['op']} {given['at']}")


@_register("appended", {"to": str, "rows": Comparable}, stage="enforce",
           doc="Rows that physically arrived for a table, or for one column of it, by the journal.")
def appended(history: History, given: Mapping[str, Any]) -> Seen:
    rows, armed = history.appended(given["to"])
    if not armed:
        return Seen("unknown", "the tap saw no row arrive for that table at all")
    return counted(given["rows"], rows, "rows arrived")


@_register("remains", {"of": str, "in": str, "places": Comparable}, stage="enforce",
           doc="Assets of the run (one, those of a kind, or `any`) that hold what a step planted, byte for byte or "
               "rewritten.")
def remains(history: History, given: Mapping[str, Any]) -> Seen:
    """Found somewhere, or the search proves nothing."""
    found, searched = history.remains()
    of, where = given["of"], given["in"]
    if not found.get(of):
        return Seen("unknown", f"{of} was planted nowhere" if of not in found else f"{of} was found nowhere at all")
    meant = {place for place in searched if where in ("any", place, place.partition(":")[0])}
    if not meant and not history.knows(where):
        return Seen("unknown", f"nothing that was searched is {where}")
    there = sorted(found[of] & meant)
    seen = counted(given["places"], len(there), f"of {len(meant)} places hold {of}")
    return Seen(seen.verdict, f"{seen.saw}: {', '.join(there)}" if there else seen.saw)


@_register("told", {"step": str, "at": int, "contains": str}, optional={"is": Literal["yes", "no"]}, stage="enforce",
           doc="Whether the outcome of a step (the `at`-th of its name, from 1) tells a text to whoever asked for it.")
def told(history: History, given: Mapping[str, Any]) -> Seen:
    named = [one for one in history.steps if one["step"] == given["step"]]
    if not 1 <= given["at"] <= len(named) or not given["contains"]:
        return Seen("unknown", f"there are {len(named)} steps {given['step']}, and something to look for is needed")
    said = json.dumps(named[given["at"] - 1]["said"], sort_keys=True, ensure_ascii=False)
    there = given["contains"].lower() in said.lower()
    return Seen("pass" if there is (given.get("is", "yes") == "yes") else "fail", f"it tells {said}")
