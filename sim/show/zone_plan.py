"""What ``sightline zones`` prints: the four steps top to bottom, each remedy with its reason and what to paste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from sim.show.terminal import console, line, mark, table


def show_plan(answer: Mapping[str, Any], *, out: Console | None = None) -> None:
    """``answer``: of ``sim.cli.zoning.plan_answer``."""
    out = out or console()
    for told in answer["requirements"]:
        line(out, (told["requirement"], "bold cyan"), f"  owner {told['owner']}, {told['mode']} mode")
        _assets(out, told["assets"])
        _flows(out, told["flows"])
        _violations(out, told["violations"])
    _remedies(out, answer)


def show_simulation(answer: Mapping[str, Any], *, out: Console | None = None) -> None:
    out = out or console()
    line(out, (", ".join(answer["requirements"]), "bold cyan"), "  as if it were enforced, on the recorded traffic of ",
         answer["run"])
    requests, operations = answer["requests"], answer["operations"]
    line(out, *_sign("blocked" if requests["blocked"] else "pass"), f"{requests['blocked']} of "
         f"{requests['blocked'] + requests['pass']} requests and jobs would be refused in whole or in part "
         f"({operations['blocked']} operations); {operations['pass']} operations would pass")
    for one in answer["refusals"]:
        line(out, "  ", mark("blocked"), f" {one['code']} {one['activity'] or 'a request'}"
             f"{' for ' + one['purpose'] if one['purpose'] else ''}: {_plural(one['requests'], 'request')}, "
             f"at the {one['where']}")
        line(out, ("      ", ""), one["reason"])
    for one in answer["unknown"]:
        line(out, "  ", mark("unknown"), f" {one['activity']}: {one['reason']}")
    if answer["passes"]:
        line(out, "would pass:")
        table(("activity", "purpose", "requests", "operations"),
              [(one["activity"] or "(requests)", one["purpose"] or "(none stated)", one["requests"], one["operations"])
               for one in answer["passes"]], out=out)
    if answer["dropped"]:
        line(out, "values of log fields without a label that would be dropped: ", ", ".join(answer["dropped"]))
    if answer["blocked_before"]:
        line(out, ("note: ", "yellow"), f"the recording has {_plural(answer['blocked_before'], 'refusal')} already; "
             "what would have come after is not in it")


def show_enforced(answer: Mapping[str, Any], *, out: Console | None = None) -> None:
    out = out or console()
    line(out, mark("pass"), f" {answer['was']} is now ", (answer["requirement"], "bold"), ", enforced: ",
         answer["file"])
    line(out, f"  of the recorded traffic {answer['requests']['blocked']} requests and jobs would have been denied")
    for one in answer["denied"]:
        line(out, "  ", mark("blocked"), f" {one['code']} {one['sink']}: {one['rule']}")
    line(out, ("  next: ", "dim"), "a new job or a code change that breaks the rule is denied from now on, with no "
         "new rule")


# --- the four steps -----------------------------------------------------------------------------


def _assets(out: Console, assets: Sequence[Mapping[str, Any]]) -> None:
    by_contract = [one for one in assets if one["by"] == "contract"]
    fields = sum(len(one["fields"]) for one in by_contract)
    line(out, ("1 assets     ", "bold"), f"{len(by_contract)} carry a governed annotation, in {fields} fields")
    for one in assets:
        if one["by"] == "detector":
            line(out, "    proposed by a detector: ", f"{one['asset']}#{', '.join(one['fields'])}: {one['what']}")


def _flows(out: Console, flows: Mapping[str, Any]) -> None:
    line(out, ("2 flows      ", "bold"), f"{len(flows['reached'])} assets reached in "
         f"{_plural(flows['rounds'], 'round')}; {len(flows['undecided'])} candidates undecided, "
         f"{len(flows['included'])} included, {len(flows['excluded'])} excluded, {len(flows['cascade'])} cut off with "
         "them")
    for one in flows["undecided"]:
        line(out, "    ", mark("unknown"), f" {one['asset']}  low confidence: {one['from']} → {one['to']}")
    if flows["undecided"]:
        first = flows["undecided"][0]["asset"]
        line(out, ("    next: ", "dim"), f"--include {first}  or  --exclude {first}, with --decisions FILE to keep it")


def _violations(out: Console, violations: Sequence[Mapping[str, Any]]) -> None:
    line(out, ("3 violations ", "bold"), str(len(violations)) if violations else "none")
    for one in violations:
        states = {edge["state"] for edge in one["edges"]}
        seen = "seen" if "observed" in states else "refused already" if "blocked" in states else "declared, not run"
        agreed = ", denial agreed" if one["agreed"] else ""
        line(out, "    ", mark("blocked"), f" {one['code']} ", (one["sink"], "bold"), f"  ask {one['owner']}; {seen}"
             f"{agreed}")
        line(out, ("      rule: ", "dim"), one["rule"])
        way = [one["path"][0]["from"], *(edge["to"] for edge in one["path"])]
        line(out, ("      path: ", "dim"), " → ".join(way))


def _remedies(out: Console, answer: Mapping[str, Any]) -> None:
    gap = answer["gap"]
    proof = "optimal at these costs" if not gap else f"at most {gap:.0%} above the optimum (bound {answer['bound']})"
    costs = ", ".join(f"{kind} {answer['costs'][kind]}" for kind in ("annotate", "block", "reclassify"))
    line(out, ("4 remedies   ", "bold"), f"{len(answer['remedies'])}, cost {answer['cost']}: {proof} ({costs})"
         if answer["remedies"] else "none needed")
    for one in answer["remedies"]:
        what = {"annotate": f"annotate {one['at']}: {', '.join(one['fields'])}",
                "block": f"block {one['from'] + ' → ' if one['from'] else ''}{one['at']}",
                "reclassify": f"reclassify {one['from']} → {one['at']}, after review"}[one["remedy"]]
        line(out, "    ", (what, "bold"), f"  cost {one['cost']}")
        line(out, ("      needed: ", "dim"), f"it alone closes {' → '.join(one['needed']['way'])}"
             f"  ({one['needed']['requirement']})")
        for paste in one["paste"]:
            place = f"{paste['file']}{':' + str(paste['line']) if paste['line'] else ''}"
            line(out, ("      paste:  ", "dim"), place, f"  ({paste['note']})" if paste["note"] else "")
            for text in paste["text"].splitlines():
                line(out, "        ", (text, "green"))


def _sign(word: str) -> tuple[tuple[str, str], str]:
    return mark(word), " "


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
