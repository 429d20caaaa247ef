"""Expectations about what training leaves in the store: whole checkpoints, and what their executed manifests say.

Enforce.  The files themselves are looked at, with training's public key and nothing that a service says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sim.scenario.compare import Comparable, matches
from sim.scenario.expectations import EXPECTATIONS, Seen, counted
from sim.scenario.history import History

Remedy = Literal["drop_column", "drop_rows", "replace_table"]


@EXPECTATIONS.register("checkpoints", {"model": str, "whole": Comparable}, optional={"half": Comparable},
                       stage="enforce", doc="Checkpoints of a model in the store: whole ones (weights, a genuine "
                                            "manifest of just these, and no other file), and others (none, unless "
                                            "`half` says so).")
def checkpoints(history: History, given: Mapping[str, Any]) -> Seen:
    found = {name: one for name, one in history.stored().items() if name.partition("@")[0] == given["model"]}
    if not found:
        return Seen("unknown", f"the store has nothing of {given['model']}")
    whole = sum(one.whole and not one.scraps for one in found.values())
    held = matches(given["whole"], whole) and matches(given.get("half", 0), len(found) - whole)
    return Seen("pass" if held else "fail", f"{whole} whole, {len(found) - whole} not: {', '.join(found)}")


@EXPECTATIONS.register("same_weights", {"checkpoint": str, "as": str}, stage="enforce",
                       doc="Two whole checkpoints in the store have the same weights, byte for byte.")
def same_weights(history: History, given: Mapping[str, Any]) -> Seen:
    names = given["checkpoint"], given["as"]
    found = [one for name in names if (one := history.stored().get(name)) is not None and one.whole]
    if len(found) < 2 or names[0] == names[1]:
        return Seen("unknown", "it needs two checkpoints, each whole")
    same = found[0].weights == found[1].weights
    return Seen("pass" if same else "fail", " and ".join(f"{one.name} {one.weights[:12]}…" for one in found))


@EXPECTATIONS.register("executed", {"checkpoint": str},
                       optional={"rows": Comparable, "remedy": Remedy, "of": str, "withheld": Comparable},
                       stage="enforce", doc="What a checkpoint's genuine executed manifest says: rows that were learnt "
                                            "or withheld for consent, and a remedy (`of`: of what).")
def executed(history: History, given: Mapping[str, Any]) -> Seen:
    found = history.stored().get(given["checkpoint"])
    if found is None or not found.whole:
        return Seen("unknown", f"{given['checkpoint']} has no genuine manifest" if found else
                    f"the store has no {given['checkpoint']}")
    said = found.predicate
    remedies = [f"{one['remedy']} of {one['of']}" for one in said["remedies"]]
    told = f"{said['rows']} rows; {', '.join(remedies) or 'no remedy'}"
    if "remedy" in given and not any(one["remedy"] == given["remedy"] and given.get("of", one["of"]) == one["of"]
                                     for one in said["remedies"]):
        return Seen("fail", told)
    withheld = sum(one.get("withheld", {}).get("consent", 0) for one in said["inputs"])
    if "withheld" in given and not matches(given["withheld"], withheld):
        return counted(given["withheld"], withheld, f"rows withheld; {told}")
    held = matches(given.get("rows", ">= 0"), said["rows"])
    return Seen("pass" if held else "fail", f"{told}; {withheld} withheld")
