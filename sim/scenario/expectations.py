"""The expectations: pure functions of a run's history, each with three possible verdicts.

An expectation that had nothing to look at is *unknown*, never pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from lineage.codes import CODES, GAPS
from lineage.demonstrate.evidence import worst
from lineage.discover.involved import involved as ask_involved
from lineage.errors import InputError
from sim.scenario.compare import Comparable, describe, matches
from sim.scenario.history import History
from sim.scenario.registry import Registry

Verdict = Literal["pass", "fail", "unknown"]


class Seen(NamedTuple):
    verdict: Verdict
    saw: str


Check = Callable[[History, Mapping[str, Any]], Seen]
EXPECTATIONS: Registry[Check] = Registry("expectation")
_register = EXPECTATIONS.register
_STATES = Literal["observed", "declared", "blocked"]


def check(history: History, kind: str, given: Mapping[str, Any]) -> Seen:
    """A name that the run does not have makes the expectation unknown, with the suggestion."""
    try:
        return EXPECTATIONS.lookup(kind).make(history, given)
    except InputError as error:
        return Seen("unknown", str(error))


def counted(expected: Any, seen: int, what: str) -> Seen:
    return Seen("pass" if matches(expected, seen) else "fail", f"{seen} {what}; expected {describe(expected)}")


@_register("path", {"from": str, "to": str}, optional={"state": _STATES, "family": str}, stage="discover",
           doc="Data is seen to flow from one asset to another.")
def path(history: History, given: Mapping[str, Any]) -> Seen:
    edges = history.graph.path(given["from"], given["to"], {given.get("state", "observed")})
    if edges is None:
        return Seen("fail", f"no {given.get('state', 'observed')} path")
    families = sorted({family for edge in edges for family in edge["families"]})
    if "family" in given and given["family"] not in families:
        return Seen("fail", f"a path by {', '.join(families) or 'no family'}, not by {given['family']}")
    return Seen("pass", " → ".join([edges[0]["from"], *(edge["to"] for edge in edges)]))


@_register("no_path", {"from": str, "to": str}, stage="discover",
           doc="Data does not flow there, and everything on the way has reported.")
def no_path(history: History, given: Mapping[str, Any]) -> Seen:
    return involved(history, {"asset": given["from"], "system": given["to"], "is": "no"})


@_register("involved", {"asset": str, "system": str, "is": Literal["yes", "no", "unknown"]}, stage="discover",
           doc="What `sightline involved` answers.")
def involved(history: History, given: Mapping[str, Any]) -> Seen:
    answer = ask_involved(history.graph, given["asset"], given["system"])
    if answer.answer == given["is"]:
        return Seen("pass", f"involved: {answer.answer}")
    if answer.answer == "unknown":
        return Seen("unknown", f"silent: {', '.join(answer.silent)}")
    return Seen("fail", f"involved: {answer.answer}")


@_register("edge", {"from": str, "to": str},
           optional={"state": _STATES, "families": list[str], "count": Comparable, "parts": Comparable,
                     "evidence": str},
           stage="discover", doc="One edge of the graph, by its exact ends (`evidence`: what it rests on, or which "
                                 "kind of training work it is).")
def edge(history: History, given: Mapping[str, Any]) -> Seen:
    state = given.get("state", "observed")
    found = history.graph.nx.get_edge_data(given["from"], given["to"], state)
    if found is None:
        strange = [name for name in (given["from"], given["to"]) if not history.knows(name)]
        return Seen("unknown", f"nothing in this run is named {strange[0]}") if strange else Seen(
            "fail", f"no {state} edge")
    if "families" in given and sorted(given["families"]) != found["families"]:
        return Seen("fail", f"families {found['families']}")
    if "evidence" in given and given["evidence"] not in found["evidence"]:
        return Seen("fail", f"evidence {found['evidence']}")
    if "parts" in given:
        seen = counted(given["parts"], found.get("parts", 0), "parts")
        if seen.verdict != "pass" or "count" not in given:
            return seen
    return counted(given.get("count", ">= 0"), found["count"], "keys")


@_register("complete", optional={"operations": Comparable, "invented": Comparable}, stage="discover",
           doc="Captured operations against those that really happened: recall, and how many were invented.")
def complete(history: History, given: Mapping[str, Any]) -> Seen:
    score = history.operations
    if score["recall"] is None:
        return Seen("unknown", "the journal recorded no operation")
    held = matches(given.get("operations", 1.0), score["recall"]) and matches(given.get("invented", 0),
                                                                              score["invented"])
    return Seen("pass" if held else "fail", f"{score['matched']} of {score['truth']} real reads, writes and calls "
                f"have a signal; {score['invented']} invented")


@_register("decision", {"job": str, "is": Literal["allowed", "blocked", "remediated"]}, optional={
           "code": str, "by": str,
           "where": Literal["guard", "gate", "boundary", "registration", "serving"]}, stage="enforce",
           doc="What was decided about an activity; by one version of a requirement, and at one place, where named.")
def decision(history: History, given: Mapping[str, Any]) -> Seen:
    """``code`` of what was allowed: of a refusal that a requirement in logging mode would have been."""
    decisions = [one for one in history.decisions(given["job"]) if given.get("by", "") in ("", *one["requirements"])
                 and given.get("where", one["where"]) == one["where"]]
    if not decisions:
        named = "".join(f" {word} {given[key]}" for key, word in (("by", "by"), ("where", "at the")) if key in given)
        return Seen("unknown", f"nothing was decided about {given['job']}{named}")
    blocked = [one for one in decisions if one["verdict"] == "blocked"]
    remediated = [one for one in decisions if one["verdict"] == "remediated"]
    verdict = "blocked" if blocked else "remediated" if remediated else "allowed"
    codes = sorted({one["code"] for one in blocked or remediated or decisions} - {""})
    held = verdict == given["is"] and ("code" not in given or given["code"] in codes)
    return Seen("pass" if held else "fail", f"{verdict} {' '.join(codes)}".strip()
                + f": {(blocked or remediated or decisions)[0]['reason']}")


@_register("consent", {"purpose": str}, optional={"checked": Comparable, "withheld": Comparable}, stage="enforce",
           doc="Rows that were checked for their wearer's consent to a purpose, and those that were withheld.")
def consent(history: History, given: Mapping[str, Any]) -> Seen:
    return _withheld(history.lineage["consent"], given, "its wearer's consent")


@_register("origin", {"purpose": str}, optional={"checked": Comparable, "withheld": Comparable}, stage="enforce",
           doc="Rows that were looked at for where they come from, for a purpose, and those that were withheld.")
def origin(history: History, given: Mapping[str, Any]) -> Seen:
    return _withheld(history.lineage.get("origin", []), given, "where it comes from")


def _withheld(rows: list[dict[str, Any]], given: Mapping[str, Any], why: str) -> Seen:
    found = next((one for one in rows if one["purpose"] == given["purpose"]), None)
    if found is None:
        return Seen("unknown", f"no row was checked for {why}, for {given['purpose']}")
    said = f"{found['checked']} rows checked, {found['withheld']} withheld"
    wrong = [key for key in ("checked", "withheld") if key in given and not matches(given[key], found[key])]
    return Seen("fail" if wrong else "pass", said)


@_register("step", {"name": str, "is": Literal["done", "blocked", "failed"], "count": Comparable},
           optional={"code": str}, stage="enforce", doc="How many of the steps of a name ended in this way.")
def step(history: History, given: Mapping[str, Any]) -> Seen:
    of_name = [one for one in history.steps if one["step"] == given["name"]]
    if not of_name:
        return Seen("unknown", f"no step is named {given['name']}")
    ended = [one for one in of_name if one["outcome"] == given["is"]
             and given.get("code") in (None, one["said"].get("code"))]
    return counted(given["count"], len(ended), f"of {len(of_name)} steps")


@_register("flow_refused", {"from": str, "code": str}, optional={"count": Comparable}, stage="enforce",
           doc="A flow out of an asset or field was refused by a guard.")
def flow_refused(history: History, given: Mapping[str, Any]) -> Seen:
    """``count``: of different refusals; a repeat is the same decision."""
    if given["code"] not in CODES:
        return Seen("unknown", f"{given['code']} is no code; they are {', '.join(CODES)}")
    if not history.knows(given["from"]):
        return Seen("unknown", f"nothing in this run is named {given['from']}")
    found = [one for one in history.lineage["decisions"] if one["verdict"] == "blocked" and one["code"] == given["code"]
             and any(name == given["from"] or name.startswith(f"{given['from']}#") for name in one["inputs"])]
    seen = counted(given.get("count", ">= 1"), len(found), f"times {given['code']}")
    return Seen(seen.verdict, f"{seen.saw}: {found[0]['reason']}" if found else seen.saw)


@_register("zone", {"name": str, "contains": list[str]}, stage="enforce",
           doc="Assets that the proposed policy zone holds.")
def zone(history: History, given: Mapping[str, Any]) -> Seen:
    members = {name for one in history.lineage["zones"] if one["name"] == given["name"] for name in one["members"]}
    if not members or not given["contains"]:
        return Seen("unknown", f"no zone {given['name']} was placed" if not members else "nothing to look for is named")
    missing = [name for name in given["contains"] if name not in members]
    return Seen("fail" if missing else "pass", f"without {', '.join(missing)}" if missing else
                f"{len(members)} assets in the zone")


@_register("evidence", {"zone": str, "verdict": Literal["holds", "broken", "unknown"]}, stage="demonstrate",
           doc="What the evidence says of a zone.")
def evidence(history: History, given: Mapping[str, Any]) -> Seen:
    found = [one for one in history.lineage["evidence"] if one["zone"] == given["zone"]]
    if not found:
        return Seen("unknown", f"no evidence on {given['zone']}")
    verdict = worst(found)
    return Seen("pass" if verdict == given["verdict"] else "fail", "; ".join(
        f"{one['requirement']} {one['verdict']}: {'; '.join(one['because'])}" for one in found))


@_register("finding", {"code": str}, optional={"asset": str, "count": Comparable}, stage="demonstrate",
           doc="Something was reported, by its code.")
def finding(history: History, given: Mapping[str, Any]) -> Seen:
    if given["code"] not in CODES:
        return Seen("unknown", f"{given['code']} is no code; they are {', '.join(CODES)}")
    found = history.findings(given["code"], given.get("asset", ""))
    if not found and "asset" in given and not history.knows(given["asset"]):
        return Seen("unknown", f"nothing in this run is named {given['asset']}")
    if not found and not history.lineage["signals"]["recorded"]:
        return Seen("unknown", "no signal was recorded, so nothing could be found")
    seen = counted(given.get("count", ">= 1"), sum(one["count"] for one in found), f"times {given['code']}")
    return Seen(seen.verdict, f"{seen.saw}: {found[0]['what']}" if found else seen.saw)


@_register("gap", {"at": str}, optional={"code": str}, stage="discover",
           doc="Missing instrumentation was noticed at an asset.")
def gap(history: History, given: Mapping[str, Any]) -> Seen:
    codes = [given["code"]] if "code" in given else GAPS
    found = [one for code in codes for one in history.findings(code, given["at"])]
    if not found:
        return Seen("fail", "no gap was noticed there") if history.knows(given["at"]) else Seen(
            "unknown", f"nothing in this run is named {given['at']}")
    return Seen("pass", "; ".join(f"{one['code']} {one['what']} ({one['count']} times)" for one in found))


@_register("answer", {"contains": str}, optional={"count": Comparable, "by": str}, stage="understand",
           doc="Answers that came back to the glasses and hold a text; `by`: those of a checkpoint (\"assistant@2\").")
def answer(history: History, given: Mapping[str, Any]) -> Seen:
    answers = [text for text, checkpoint in history.answers if given.get("by") in (None, checkpoint)]
    if not answers:
        return Seen("unknown", f"nobody was answered{' by ' + given['by'] if 'by' in given else ''}")
    if not given["contains"].strip():
        return Seen("unknown", "every answer contains an empty text")
    found = sum(given["contains"].lower() in text.lower() for text in answers)
    return counted(given.get("count", ">= 1"), found, f"of {len(answers)} answers")


@_register("served", {"checkpoint": str}, optional={"count": Comparable}, stage="discover",
           doc="Answers that a checkpoint gave (\"assistant@2\").")
def served(history: History, given: Mapping[str, Any]) -> Seen:
    if not history.answers:
        return Seen("unknown", "nobody was answered")
    name = given["checkpoint"].removeprefix("checkpoint:")
    found = sum(checkpoint == name for _, checkpoint in history.answers)
    model = name.partition("@")[0]
    if not found and all(checkpoint.partition("@")[0] != model for _, checkpoint in history.answers):
        return Seen("unknown", f"no version of {model} answered anything")
    return counted(given.get("count", ">= 1"), found, f"of {len(history.answers)} answers")


@_register("flows", {"from": str, "to": str, "count": Comparable},
           optional={"precision": Comparable, "confidence": Literal["HIGH", "LOW"]}, stage="discover",
           doc="Observed edges between two families of names (one `*` in each); right where `*` is the same.")
def flows(history: History, given: Mapping[str, Any]) -> Seen:
    sources, targets = _family(given["from"]), _family(given["to"])
    found = [(left[1], right[1]) for one in history.lineage["edges"] if one["state"] == "observed"
             and one["confidence"] == given.get("confidence", one["confidence"])
             and (left := sources.fullmatch(one["from"])) and (right := targets.fullmatch(one["to"]))]
    if not found:
        return Seen("unknown", "no edge between the two was seen")
    precision = sum(left == right for left, right in found) / len(found)
    held = matches(given["count"], len(found)) and matches(given.get("precision", 1.0), precision)
    return Seen("pass" if held else "fail", f"{len(found)} edges, precision {precision:.3g}")


def _family(pattern: str) -> re.Pattern[str]:
    """A name with one ``*``, which stands for any text within a part of the name."""
    before, star, after = pattern.partition("*")
    if not star or "*" in after:
        raise InputError("PAI010", f"{pattern!r} has no `*`, or more than one")
    return re.compile(f"{re.escape(before)}([^#@]+){re.escape(after)}")


@_register("captured", {"edges": list, "recall": Comparable}, optional={"seen": Comparable}, stage="discover",
           doc="Of flows known to have happened (edges with from, to, count of requests), the share captured as HIGH.")
def captured(history: History, given: Mapping[str, Any]) -> Seen:
    """``recall``: of single flows, an edge in one request; ``seen``: of edges, in any request."""
    counts, truth = [], 0
    for one in given["edges"]:
        found = history.graph.nx.get_edge_data(one["from"], one["to"], "observed") or {"confidence": "LOW", "count": 0}
        counts.append(min(found["count"], one["count"]) if found["confidence"] == "HIGH" else 0)
        truth += one["count"]
    if not truth:
        return Seen("unknown", "no flow is known to have happened")
    recall, seen = sum(counts) / truth, sum(map(bool, counts))
    held = matches(given["recall"], recall) and matches(given.get("seen", ">= 0"), seen)
    bar = "█" * round(20 * recall) + "·" * (20 - round(20 * recall))
    return Seen("pass" if held else "fail",
                f"{bar} recall {recall:.3f}: {sum(counts)} of {truth} flows; {seen} of {len(counts)} edges")


@_register("activity", {"name": str, "principal": str, "purpose": str}, stage="discover",
           doc="Who used data, on whose behalf and what for, whether or not it wrote any.")
def activity(history: History, given: Mapping[str, Any]) -> Seen:
    found = next((one for one in history.lineage["activities"] if one["name"] == given["name"]), None)
    if found is None:
        return Seen("unknown", f"no activity is named {given['name']}")
    held = found["principals"] == [given["principal"]] and found["purposes"] == [given["purpose"]]
    return Seen("pass" if held else "fail", f"{given['name']} acts for {', '.join(found['principals']) or 'nobody'}, "
                f"for {', '.join(found['purposes']) or 'nothing'}")
