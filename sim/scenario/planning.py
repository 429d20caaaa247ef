"""Expectations of what the Policy Zone Manager says of a run: its plan, and its simulation of enforcement."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lineage.enforce import requirement
from lineage.enforce.manager.candidates import Decided
from lineage.enforce.manager.deployed import deployed
from lineage.enforce.manager.plan import Plan, plan
from lineage.enforce.manager.seen import PlanRun
from lineage.enforce.manager.simulate import simulate
from lineage.enforce.requirement import Requirement
from lineage.errors import InputError
from sim.scenario.compare import Comparable, describe, matches
from sim.scenario.expectations import EXPECTATIONS, Seen, counted
from sim.scenario.history import History
from sim.stack.deployment import ROOT, bundled

_register = EXPECTATIONS.register
# Contradicting decisions, open violations, nothing governed.
REFUSED = ("PAI321", "PAI322", "PAI323")


def of(given: str) -> Requirement:
    """A bundled requirement by its name, or a file: from the folder of the scenarios, else from here."""
    if not given.endswith((".yaml", ".yml")):
        return requirement.load(ROOT / "scenarios/requirements" / f"{given}.yaml")
    beside = ROOT / "scenarios" / given
    return requirement.load(beside if beside.is_file() else Path(given))


@_register("plan", {"requirement": str, "violations": Comparable},
           optional={"cost": Comparable, "undecided": Comparable, "remedies": list[str], "include": list[str],
                     "exclude": list[str]}, stage="enforce",
           doc="What `sightline zones plan` finds: violations, and the cheapest remedies (\"block training:x\").")
def planned(history: History, given: Mapping[str, Any]) -> Seen:
    found = _plan(history, given)
    chosen = sorted(found.solution.chosen)
    said = (f"{found.violations} violations, {len(found.undecided)} candidates undecided, remedies "
            f"{', '.join(chosen) or 'none'}, cost {found.solution.cost}")
    seen = {"violations": found.violations, "cost": found.solution.cost, "undecided": len(found.undecided)}
    wrong = [f"{key} {describe(given[key])}" for key, value in seen.items()
             if key in given and not matches(given[key], value)]
    if "remedies" in given and sorted(given["remedies"]) != chosen:
        wrong.append(f"remedies {', '.join(given['remedies']) or 'none'}")
    return Seen("fail" if wrong else "pass", said + (f"; expected {', '.join(wrong)}" if wrong else ""))


@_register("plan_refused", {"requirement": str, "code": str},
           optional={"include": list[str], "exclude": list[str], "despite": int}, stage="enforce",
           doc="What `sightline zones plan` (PAI321, PAI323), or then `sightline zones enforce` (PAI322), refuses.")
def plan_refused(history: History, given: Mapping[str, Any]) -> Seen:
    """``despite``: as the command's option."""
    if not history.lineage["assets"]:
        return Seen("unknown", "nothing was captured, so nothing can be governed")
    try:
        found = _plan(history, given)
        found.accepted(given.get("despite"), Path(given["requirement"]), given["requirement"])
    except InputError as error:
        if error.code not in REFUSED:
            raise
        return Seen("pass" if error.code == given["code"] else "fail", f"{error}; expected {given['code']}")
    return Seen("fail", f"planned, and {len(found.open)} violations are open; expected {given['code']}")


@_register("simulated", {"requirement": str, "requests": Comparable}, optional={"activity": str, "code": str},
           stage="enforce", doc="Requests and jobs of the recorded traffic that enforcement would have refused.")
def simulated(history: History, given: Mapping[str, Any]) -> Seen:
    """Of all, or of one activity or code."""
    signals = history.signals()
    if not signals:
        return Seen("unknown", "no signal was recorded")
    if "activity" in given and not history.knows(given["activity"]):
        return Seen("unknown", f"nothing in this run is named {given['activity']}")
    found = simulate(signals, [of(given["requirement"])])
    keys = {key for decision, key, _ in (*found.outcome.refused, *found.outcome.lost) if key
            and given.get("activity") in (None, decision.activity) and given.get("code") in (None, decision.code)}
    return counted(given["requests"], len(keys), "requests and jobs would be refused")


def _plan(history: History, given: Mapping[str, Any]) -> Plan:
    decided = Decided().with_more(given.get("include", ()), given.get("exclude", ()))
    return plan([PlanRun(history.lineage, of(given["requirement"]), deployed(bundled().configs))], decided)
