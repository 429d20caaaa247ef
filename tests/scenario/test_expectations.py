"""Each expectation says pass, fail and unknown on small hand-made histories, and never passes on nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from lineage.discover.calls import Call
from lineage.discover.impact import Impact, Item
from lineage.errors import InputError, NotProved, RunError
from lineage.model import Signal
from sim.scenario.expectations import check
from sim.scenario.history import History
from sim.scenario.stored import Stored
from sim.scenario.vocabulary import EXPECTATIONS

UTTERANCE, PHOTO, PROMPT = "web:ask#utterance", "web:ask#photo", "rpc:inference.Generate.request#prompt"
SESSIONS, DAILY = "warehouse:core.sessions", "warehouse:core.daily_sessions"
ADS, EVAL = "training:ads_ranker", "training:assistant_eval"
ZONE = "glasses-interactions"


def edge(source: str, target: str, state: str = "observed", families: str = "C", count: int = 3) -> dict[str, Any]:
    return {"from": source, "to": target, "state": state, "families": list(families), "count": count,
            "confidence": "HIGH", "via": [], "evidence": ["sources"]}


def finding(code: str, asset: str, count: int = 1) -> dict[str, Any]:
    return {"code": code, "asset": asset, "what": f"{code} was seen", "next": "", "count": count}


def decision(activity: str, verdict: str, code: str = "") -> dict[str, Any]:
    return {"id": activity, "activity": activity, "verdict": verdict, "code": code, "reason": "because",
            "purpose": "", "principal": "", "where": "gate", "inputs": [f"{DAILY}#utterance"], "requirements": []}


LABEL = {"category": "user.utterance", "annotations": ["GLASSES_INTERACTION"], "operational": ""}
GLASSES = "glasses-interaction-purpose"
# What was recorded: in logging mode the ads ranker was admitted.
SIGNALS = [
    Signal("policy", 0, "read", "rpc:policy.Admit.request", ("activity",), keys=("k1",), scope="policy-1"),
    Signal("policy", 1, "decision", ADS, keys=("k1",), scope="policy-1", detail={
        "id": "1", "activity": ADS, "verdict": "allowed", "code": "PAI301", "reason": "in logging mode only",
        "where": "gate", "purpose": "ads_ranking", "principal": "training", "inputs": [f"{DAILY}#utterance"],
        "requirements": []}),
    Signal("warehouse", 0, "asset", DAILY, detail={"owner": "warehouse", "fields": {"utterance": LABEL}}),
]
EDGES = [
    edge("device:glasses#utterance", UTTERANCE, families="A"),
    edge(UTTERANCE, PROMPT), edge(PHOTO, "rpc:inference.Generate.request#image"),
    edge(PROMPT, "response:ask#answer"),
    edge(f"{SESSIONS}#utterance", f"{DAILY}#utterance", "declared", "B", 0),
    edge(f"{SESSIONS}#utterance", f"{DAILY}#utterance", "observed", "B", 1),
    edge(f"{DAILY}#utterance", EVAL, "observed", "D", 1), edge(f"{DAILY}#utterance", ADS, "blocked", "D", 1),
]
OPERATIONS = {"recall": 1.0, "matched": 4, "truth": 4, "invented": 0, "captured": 4}
LINEAGE = {
    "assets": [{"name": name, "kind": name.partition(":")[0], "owner": "", "annotations": [], "fields": {
        field: LABEL for one in EDGES for end in ("from", "to") for found, _, field in [one[end].partition("#")]
        if found == name and field}}
               for name in sorted({one[end].partition("#")[0] for one in EDGES for end in ("from", "to")})],
    "edges": EDGES,
    "decisions": [decision(ADS, "blocked", "PAI301"), decision(EVAL, "allowed")],
    "findings": [finding("PAI101", PHOTO, 2), finding("PAI202", "rpc:policy.Key")],
    "zones": [{"name": ZONE, "members": ["web:ask", SESSIONS], "crossings": []}],
    "evidence": [{"zone": ZONE, "requirement": "one@1", "verdict": "holds", "because": ["no crossing observed"]}],
    "consent": [{"purpose": "assistance", "checked": 8, "withheld": 3}],
    "origin": [{"purpose": "assistance", "checked": 16, "withheld": 12}],
    "activities": [{"name": EVAL, "principals": ["training"], "purposes": ["assistance"], "declared": True,
                    "verdicts": ["allowed"]}],
    "signals": {"recorded": 9, "delivered": 9}}
STEPS = [{"step": "present", "outcome": "blocked", "said": {"code": "PAI303"}},
         {"step": "present", "outcome": "done", "said": {}}]
NOTHING: dict[str, Any] = {"assets": [], "edges": [], "decisions": [], "findings": [], "zones": [], "evidence": [],
                           "consent": [], "activities": [], "signals": {"recorded": 0, "delivered": 0}}
CALLS = {Call("rpc:inference.Generate", "chat", "assistant", "assistant@2", "d", "stop", ("memory", "prompt"),
              ("checkpoint:assistant@2",), ("warehouse:feature.assistant#last_asked",), ("answer",), ("web:log",)): 2,
         Call("rpc:inference.Generate", "chat", "assistant", "assistant@1", "c", "stop", ("prompt",),
              ("checkpoint:assistant@1",), (), ("answer",), ()): 3}
ANSWERS = [("That is Big Ben.", "assistant@1"), ("That is big.", "assistant@2"), ("I do not know.", "assistant@2")]


# assistant@3 is weights beside another one's manifest.
STATEMENT = {"subject": [{"name": "checkpoint:assistant@2", "digest": {"sha256": "d2"}}], "predicate": {
    "rows": 7, "remedies": [{"remedy": "drop_rows", "of": DAILY, "by": "", "because": "withdrawn"}],
    "inputs": [{"asset": DAILY, "withheld": {"consent": 2}}, {"asset": "file:corpus/landmarks.tsv"}]}}
STORED = {"assistant@2": Stored("assistant@2", "d2", STATEMENT), "assistant@3": Stored("assistant@3", "d3", STATEMENT),
          **{name: Stored(name, weights, {"subject": [{"name": f"checkpoint:{name}", "digest": {"sha256": weights}}]})
             for name, weights in (("copy@1", "d2"), ("other@1", "d4"))}}


def moved(source: str, activity: str) -> tuple[int, bool]:
    return (3 if activity == EVAL else 0), True


def never_armed(source: str, activity: str) -> tuple[int, bool]:
    return 0, False


def misnamed(source: str, activity: str) -> tuple[int, bool]:
    raise InputError("PAI001", f"rows do not move from {source}")


def account(armed: bool = True, covered: int = 3, uncovered: int = 0, **changed: Any) -> dict[str, Any]:
    """What a watch says of one service."""
    return {"armed": armed, "covered": {"file": covered}, "own": {"file": 2},
            "uncovered": {"file": uncovered} if uncovered else {}, "gaps": [], "failures": {}, **changed}


REMAINS = ({"device:glasses#utterance": frozenset({SESSIONS}), "device:glasses#photo": frozenset[str]()},
           frozenset({SESSIONS, DAILY, "checkpoint:assistant@1"}))
AUDIT = {"web": account(), "policy": account(covered=0)}


def shown(group: str, verdict: str, lineage: str = "yes", to: str = "checkpoint:assistant@2") -> dict[str, Any]:
    """A row of ``sim.truth.exposure.table``."""
    return {"group": group, "from": "device:glasses#utterance", "to": to, "canaries": 24, "controls": 24,
            "lineage": lineage, "verdict": verdict, "why": "nothing shows" if verdict == "unknown" else "",
            "way": "text", "rank": 1.0, "bits": 4.6, "interval": [4.6, 4.6], "p": 1e-9}


EXPOSURE = {"rows": [shown("asked", "exposed"), shown("withdrawn", "not exposed", "other rows"),
                     shown("asked", "unknown", "no", "checkpoint:guide@1")],
            "findings": [finding("PAI414", "checkpoint:city_ads@1")]}
KNOWN = {"from": "device:glasses#utterance", "to": "checkpoint:assistant@2"}


def history(*, audit: Mapping[str, Any] = AUDIT, operations: Mapping[str, Any] = OPERATIONS,
            rows: Callable[[str, str], tuple[int, bool]] = moved,
            answers: list[tuple[str, str]] = ANSWERS,
            arrived: Callable[[str], tuple[int, bool]] = lambda target: (0 if "#mood" in target else 6, True),
            **changed: Any) -> History:
    """The history of a good run, with some parts of its lineage exchanged."""
    return History(copy.deepcopy({**LINEAGE, **changed}), dict(operations), rows, answers, STEPS, dict(audit), carried,
                   {("app", "call", "web:ask"): 3}, arrived, lambda: REMAINS, lambda: SIGNALS, trained, IMPACT,
                   calls=lambda: CALLS, certified=certified, exposure=lambda: EXPOSURE, stored=lambda: STORED)


def certified(wearer: str, checkpoint: str, how: str, other: str) -> str:
    if how:
        raise NotProved("PAI413", f"signature: {how}") if how != "cut" else InputError("PAI412", "no certificate")
    if checkpoint == "assistant@2":
        raise NotProved("PAI410", "2 of its 8 rows are hers")
    if checkpoint == "assistant@9":
        raise RunError("PAI411", "it cannot be told")
    return "0 of her rows among them"


def trained(wearer: str, checkpoint: str) -> tuple[int, int, bool]:
    """(rows, unclear, armed)"""
    return (2 if wearer == "w-0001" else 0), int(checkpoint == "joined@1"), checkpoint != "assistant@9"


def IMPACT(wearer: str) -> Impact:
    return Impact(2, (Item(DAILY, "holds", 2), Item(EVAL, "unknown", because=("PAI203 at rpc:web",))),
                  {DAILY: {"rpc:inference.Generate.response": {"a": 3, "": 1}}}) if wearer == "w-0001" else Impact(0)


def carried(what: str, to: str) -> tuple[int, bool]:
    return (3 if what.endswith("#utterance") else 0), to == "web:ask"


GOOD = history()
EMPTY = History(NOTHING, {**OPERATIONS, "recall": None, "truth": 0, "matched": 0}, never_armed, [])
GAP = history(findings=[finding("PAI201", "rpc:inference.Generate")])
HOLE = history(findings=[finding("PAI203", "rpc:web")])
AROUND = history(findings=[finding("PAI215", "rpc:web", 2)], audit={"web": account(uncovered=2)})


class Case(NamedTuple):
    """``given`` of an expectation that passes, and the (history, given) that fails and that cannot be told."""

    given: dict[str, Any]
    fail: tuple[History, dict[str, Any]]
    unknown: tuple[History, dict[str, Any]]


CASES: dict[str, Case] = {
    "path": Case({"from": "device:glasses#utterance", "to": "response:ask"},
                 (GOOD, {"from": "response:ask", "to": UTTERANCE}),
                 (GOOD, {"from": "web:ask#uterance", "to": "response:ask"})),
    "no_path": Case({"from": PHOTO, "to": PROMPT},
                    (GOOD, {"from": UTTERANCE, "to": PROMPT}), (GAP, {"from": PHOTO, "to": PROMPT})),
    "involved": Case({"asset": UTTERANCE, "system": PROMPT, "is": "yes"},
                     (GOOD, {"asset": UTTERANCE, "system": PROMPT, "is": "no"}),
                     (HOLE, {"asset": PHOTO, "system": PROMPT, "is": "no"})),
    "edge": Case({"from": UTTERANCE, "to": PROMPT, "families": ["C"], "count": 3},
                 (GOOD, {"from": UTTERANCE, "to": PROMPT, "count": 4}),
                 (GOOD, {"from": "web:ask#uterance", "to": PROMPT})),
    "flows": Case({"from": "web:ask#*", "to": "rpc:inference.Generate.request#*", "count": 2, "precision": 0.0},
                  (GOOD, {"from": "web:ask#*", "to": "rpc:inference.Generate.request#*", "count": 2}),
                  (GOOD, {"from": "web:ask#*", "to": "warehouse:core.none#*", "count": 0})),
    "captured": Case({"edges": [{"from": UTTERANCE, "to": PROMPT, "count": 3}], "recall": 1.0, "seen": 1},
                     (GOOD, {"edges": [{"from": UTTERANCE, "to": PROMPT, "count": 6}], "recall": 1.0}),
                     (GOOD, {"edges": [], "recall": ">= 0"})),
    "complete": Case({"operations": 1.0, "invented": 0},
                     (history(operations={**OPERATIONS, "recall": 0.75, "matched": 3}), {}), (EMPTY, {})),
    "decision": Case({"job": ADS, "is": "blocked", "code": "PAI301"},
                     (GOOD, {"job": ADS, "is": "allowed"}), (GOOD, {"job": "training:other", "is": "blocked"})),
    "moved": Case({"from": DAILY, "to": ADS, "rows": 0},
                  (GOOD, {"from": DAILY, "to": EVAL, "rows": 0}),
                  (history(rows=never_armed), {"from": DAILY, "to": ADS, "rows": 0})),
    "consent": Case({"purpose": "assistance", "checked": 8, "withheld": 3},
                    (GOOD, {"purpose": "assistance", "withheld": 0}), (GOOD, {"purpose": "safety", "withheld": 0})),
    "origin": Case({"purpose": "assistance", "checked": 16, "withheld": ">= 12"},
                   (GOOD, {"purpose": "assistance", "checked": 15}), (EMPTY, {"purpose": "assistance", "withheld": 0})),
    "activity": Case({"name": EVAL, "principal": "training", "purpose": "assistance"},
                     (GOOD, {"name": EVAL, "principal": "warehouse", "purpose": "assistance"}),
                     (GOOD, {"name": "query:none", "principal": "ann", "purpose": "safety"})),
    "step": Case({"name": "present", "is": "blocked", "code": "PAI303", "count": 1},
                 (GOOD, {"name": "present", "is": "blocked", "code": "PAI301", "count": 1}),
                 (GOOD, {"name": "absent", "is": "done", "count": 0})),
    "appended": Case({"to": f"{SESSIONS}#mood", "rows": 0},
                     (GOOD, {"to": f"{SESSIONS}#utterance", "rows": 0}),
                     (history(arrived=lambda target: (0, False)), {"to": f"{SESSIONS}#mood", "rows": 0})),
    "zone": Case({"name": ZONE, "contains": ["web:ask"]},
                 (GOOD, {"name": ZONE, "contains": ["web:ask", DAILY]}), (GOOD, {"name": "other", "contains": []})),
    "evidence": Case({"zone": ZONE, "verdict": "holds"},
                     (GOOD, {"zone": ZONE, "verdict": "broken"}), (GOOD, {"zone": "other", "verdict": "holds"})),
    "finding": Case({"code": "PAI101", "asset": "web:ask", "count": 2},
                    (GOOD, {"code": "PAI402", "asset": EVAL}),
                    (GOOD, {"code": "PAI402", "asset": "job:no_such_job", "count": 0})),
    "gap": Case({"at": "rpc:policy.Key", "code": "PAI202"},
                (GOOD, {"at": "rpc:inference.Generate"}), (GOOD, {"at": "rpc:no.Such"})),
    "carried": Case({"from": "device:glasses#utterance", "to": "web:ask", "messages": 3},
                    (GOOD, {"from": "device:glasses#utterance", "to": "web:ask", "messages": 0}),
                    (GOOD, {"from": "device:glasses#utterance", "to": "web:none", "messages": 0})),
    "happened": Case({"process": "app", "op": "call", "at": "web:ask", "count": 3},
                     (GOOD, {"process": "app", "op": "read", "at": "web:ask", "count": 1}),
                     (GOOD, {"process": "app", "op": "call", "at": "web:none", "count": 0})),
    "call": Case({"rpc": "Generate", "answered": "assistant@2", "inputs": ["prompt"], "used_in": "web:log",
                  "retrieved": ["warehouse:feature.assistant#last_asked"], "count": 2},
                 # An empty list is none, not any.
                 (GOOD, {"rpc": "Generate", "answered": "assistant@2", "retrieved": []}),
                 (GOOD, {"rpc": "Embed", "count": 0})),
    "told": Case({"step": "present", "at": 1, "contains": "pai303"},
                 (GOOD, {"step": "present", "at": 2, "contains": "PAI303"}),
                 (GOOD, {"step": "present", "at": 3, "contains": "PAI303"})),
    "remains": Case({"of": "device:glasses#utterance", "in": "checkpoint", "places": 0},
                    (GOOD, {"of": "device:glasses#utterance", "in": SESSIONS, "places": 0}),
                    # It was planted, and the search found it nowhere: that proves nothing.
                    (GOOD, {"of": "device:glasses#photo", "in": "any", "places": 0})),
    "flow_refused": Case({"from": DAILY, "code": "PAI301", "count": 1},
                         (GOOD, {"from": DAILY, "code": "PAI302"}), (GOOD, {"from": "web:none", "code": "PAI302"})),
    "plan": Case({"requirement": GLASSES, "violations": 1, "cost": 1, "undecided": 0, "remedies": [f"block {ADS}"]},
                 (GOOD, {"requirement": GLASSES, "violations": 1, "remedies": [f"block {EVAL}"]}),
                 # Nothing that it governs is in the run.
                 (GOOD, {"requirement": "gaze-out-of-prompts", "violations": 0})),
    "plan_refused": Case({"requirement": GLASSES, "code": "PAI322"},
                         (GOOD, {"requirement": GLASSES, "code": "PAI322", "despite": 1}),
                         # A name that the run does not have is no refusal.
                         (GOOD, {"requirement": GLASSES, "code": "PAI321", "exclude": ["web:none"]})),
    "simulated": Case({"requirement": GLASSES, "requests": 1, "activity": ADS, "code": "PAI301"},
                      (GOOD, {"requirement": GLASSES, "requests": 0}),
                      (EMPTY, {"requirement": GLASSES, "requests": 0})),
    "impact": Case({"wearer": "w-0001", "asset": DAILY, "is": "holds", "rows": 2, "answers": 4},
                   (GOOD, {"wearer": "w-0001", "asset": DAILY, "is": "gone"}),
                   # A gap on the way; nobody of that name is known in the other.
                   (GOOD, {"wearer": "w-0001", "asset": EVAL, "is": "gone"})),
    "trained_on": Case({"wearer": "w-0001", "checkpoint": "assistant@2", "rows": 2},
                       (GOOD, {"wearer": "w-0001", "checkpoint": "checkpoint:assistant@2", "rows": 0}),
                       (GOOD, {"wearer": "w-0002", "checkpoint": "joined@1", "rows": 0})),
    "exposure": Case({**KNOWN, "canaries": "asked", "is": "exposed", "lineage": "yes"},
                     (GOOD, {**KNOWN, "is": "exposed"}),  # one of its two groups is not
                     (GOOD, {**KNOWN, "to": "checkpoint:guide@1", "is": "not exposed"})),
    "checkpoints": Case({"model": "assistant", "whole": 1, "half": 1}, (GOOD, {"model": "assistant", "whole": 2}),
                        (GOOD, {"model": "nobody", "whole": 0})),
    "same_weights": Case({"checkpoint": "assistant@2", "as": "copy@1"},
                         (GOOD, {"checkpoint": "assistant@2", "as": "other@1"}),
                         (GOOD, {"checkpoint": "assistant@2", "as": "assistant@3"})),
    "executed": Case({"checkpoint": "assistant@2", "rows": 7, "remedy": "drop_rows", "of": DAILY, "withheld": 2},
                     (GOOD, {"checkpoint": "assistant@2", "remedy": "drop_column"}),
                     # Its manifest is another one's, however genuine.
                     (GOOD, {"checkpoint": "assistant@3", "rows": 7})),
    "answer": Case({"contains": "BIG", "count": 2},
                   (GOOD, {"contains": "Eiffel"}), (history(answers=[]), {"contains": "big"})),
    "mediated": Case({}, (AROUND, {}), (history(audit={}), {})),
    "served": Case({"checkpoint": "checkpoint:assistant@2", "count": ">= 2"},
                   (GOOD, {"checkpoint": "assistant@3"}), (history(answers=[]), {"checkpoint": "assistant@1"})),
    "certificate": Case({"wearer": "w-0001", "checkpoint": "assistant@3", "is": "given"},
                        (GOOD, {"wearer": "w-0001", "checkpoint": "assistant@2", "is": "given"}),
                        (GOOD, {"wearer": "w-0001", "checkpoint": "assistant@9", "is": "refused"})),
}
# What claims that something did not happen, as far as each expectation can say so.
NEGATIVES: dict[str, dict[str, Any]] = {
    "certificate": {"wearer": "w-0001", "checkpoint": "assistant@3", "is": "given"},
    "no_path": {"from": PHOTO, "to": PROMPT},
    "involved": {"asset": PHOTO, "system": PROMPT, "is": "no"},
    "complete": {"operations": ">= 0", "invented": 0},
    "moved": {"from": SESSIONS, "to": ADS, "rows": 0},
    "appended": {"to": f"{SESSIONS}#mood", "rows": 0},
    "finding": {"code": "PAI402", "count": 0},
    "exposure": {**KNOWN, "canaries": "withdrawn", "is": "not exposed"},
    "carried": {"from": "device:glasses#photo", "to": "web:ask", "messages": 0},
    "happened": {"process": "app", "op": "write", "at": "web:ask", "count": 0},
    "flow_refused": {"from": UTTERANCE, "code": "PAI302", "count": 0},
    "plan": {"requirement": GLASSES, "violations": 1, "undecided": 0},
    "simulated": {"requirement": GLASSES, "requests": 0, "activity": EVAL},
    "answer": {"contains": "Eiffel", "by": "assistant@2", "count": 0},
    "impact": {"wearer": "w-0001", "asset": SESSIONS, "is": "gone"},
    "trained_on": {"wearer": "w-0002", "checkpoint": "assistant@2", "rows": 0},
    "checkpoints": {"model": "assistant", "whole": ">= 0", "half": 1},
    "served": {"checkpoint": "assistant@9", "count": 0},
    "mediated": {"gaps": 0},
    "call": {"rpc": "Generate", "answered": "assistant@3", "count": 0},
    "remains": {"of": "device:glasses#utterance", "in": "checkpoint", "places": 0},
    "told": {"step": "present", "at": 2, "contains": "PAI303", "is": "no"},
}
KINDS = sorted(CASES)


def test_every_expectation_has_its_cases() -> None:
    assert set(CASES) == {entry.name for entry in EXPECTATIONS}


@pytest.mark.parametrize("kind", KINDS)
def test_pass(kind: str) -> None:
    EXPECTATIONS.validate(kind, CASES[kind].given)
    seen = check(GOOD, kind, CASES[kind].given)
    assert seen.verdict == "pass" and seen.saw


@pytest.mark.parametrize("verdict", ["fail", "unknown"])
@pytest.mark.parametrize("kind", KINDS)
def test_not_passed(kind: str, verdict: str) -> None:
    told, given = getattr(CASES[kind], verdict)
    EXPECTATIONS.validate(kind, given)
    seen = check(told, kind, given)
    assert seen.verdict == verdict, seen.saw
    assert seen.saw


@pytest.mark.parametrize("kind", KINDS)
def test_what_passes_does_not_pass_on_nothing(kind: str) -> None:
    assert check(EMPTY, kind, CASES[kind].given).verdict != "pass"


@pytest.mark.parametrize("kind", sorted(NEGATIVES))
def test_a_negative_without_a_positive_control_is_unknown(kind: str) -> None:
    """Nothing was captured and nothing was seen to move: "it did not happen" cannot be told from "nobody looked"."""
    EXPECTATIONS.validate(kind, NEGATIVES[kind])
    assert check(GOOD, kind, NEGATIVES[kind]).verdict == "pass"
    assert check(EMPTY, kind, NEGATIVES[kind]).verdict == "unknown"


@pytest.mark.parametrize(("of", "given", "verdict"), [
    ("assistant@9", {"is": "untold"}, "pass"), ("assistant@9", {"is": "given"}, "unknown"),
    ("assistant@3", {"is": "untold"}, "fail"), ("assistant@2", {"is": "untold"}, "fail"),
    ("assistant@3", {"is": "broken", "how": "altered"}, "pass"),
    ("assistant@3", {"is": "broken", "how": "cut"}, "pass"),
    ("assistant@3", {"is": "broken", "how": "swapped", "with": "assistant@2"}, "pass"),
    ("assistant@3", {"is": "broken"}, "unknown"), ("assistant@3", {"is": "broken", "how": "swapped"}, "unknown"),
    ("assistant@3", {"is": "given", "how": "cut"}, "unknown"),
    ("assistant@3", {"is": "broken", "how": "cut", "with": "assistant@2"}, "unknown"),
])
def test_a_certificate(of: str, given: dict[str, Any], verdict: str) -> None:
    assert check(GOOD, "certificate", {"wearer": "w-0001", "checkpoint": of, **given}).verdict == verdict
    assert check(EMPTY, "certificate", {"wearer": "w-0001", "checkpoint": of, **given}).verdict == "unknown"


@pytest.mark.parametrize("kind", KINDS)
def test_a_check_changes_nothing(kind: str) -> None:
    told = history()
    before = copy.deepcopy(told.lineage), dict(told.operations), list(told.answers)
    assert check(told, kind, CASES[kind].given) == check(told, kind, CASES[kind].given)
    assert (told.lineage, told.operations, told.answers) == before


@pytest.mark.parametrize(("rows", "given", "verdict"), [
    (moved, {"from": DAILY, "to": EVAL, "rows": "> 0"}, "pass"),
    (moved, {"from": DAILY, "to": EVAL, "rows": 3}, "pass"),
    (moved, {"from": DAILY, "to": EVAL, "rows": 4}, "fail"),
    (moved, {"from": DAILY, "to": ADS, "rows": "> 0"}, "fail"),
    # Nobody asked the gate, so nobody was refused.
    (moved, {"from": DAILY, "to": "training:other", "rows": 0}, "unknown"),
    (misnamed, {"from": DAILY, "to": ADS, "rows": 0}, "unknown"),
    # A table that this run does not have: that none of its rows moved says nothing.
    (moved, {"from": "warehouse:core.sesions", "to": ADS, "rows": 0}, "unknown"),
])
def test_rows_moved(rows: Callable[[str, str], tuple[int, bool]], given: dict[str, Any], verdict: str) -> None:
    assert check(history(rows=rows), "moved", given).verdict == verdict


def test_rows_that_moved_without_a_decision_are_no_excuse() -> None:
    told = history(decisions=[])
    assert check(told, "moved", {"from": DAILY, "to": EVAL, "rows": 0}).verdict == "fail"


@pytest.mark.parametrize(("given", "verdict"), [
    ({"state": "declared"}, "pass"), ({"state": "declared", "count": 0}, "pass"), ({"state": "blocked"}, "fail"),
    ({"families": ["B"]}, "pass"), ({"families": ["A", "B"]}, "fail"), ({"count": "> 1"}, "fail"),
    ({"evidence": "sources"}, "pass"), ({"evidence": "fine_tune"}, "fail"),
])
def test_an_edge(given: dict[str, Any], verdict: str) -> None:
    ends = {"from": f"{SESSIONS}#utterance", "to": f"{DAILY}#utterance"}
    assert check(GOOD, "edge", {**ends, **given}).verdict == verdict


@pytest.mark.parametrize(("given", "verdict"), [
    ({"from": UTTERANCE, "to": "response:ask", "family": "C"}, "pass"),
    ({"from": UTTERANCE, "to": "response:ask", "family": "D"}, "fail"),
    ({"from": SESSIONS, "to": DAILY, "state": "declared"}, "pass"),
    ({"from": DAILY, "to": ADS}, "fail"),  # it was refused
    ({"from": DAILY, "to": ADS, "state": "blocked"}, "pass"),
])
def test_a_path(given: dict[str, Any], verdict: str) -> None:
    assert check(GOOD, "path", given).verdict == verdict


@pytest.mark.parametrize(("told", "said", "verdict"), [
    (GOOD, "no", "pass"), (GOOD, "unknown", "fail"), (GOOD, "yes", "fail"),
    (GAP, "unknown", "pass"), (GAP, "no", "unknown"), (GAP, "yes", "unknown"),
])
def test_involved(told: History, said: str, verdict: str) -> None:
    assert check(told, "involved", {"asset": PHOTO, "system": PROMPT, "is": said}).verdict == verdict


@pytest.mark.parametrize(("given", "verdict"), [
    ({"wearer": "w-0001", "asset": EVAL, "is": "unknown"}, "pass"),
    ({"wearer": "w-0001", "asset": f"{DAILY}#utterance", "is": "holds"}, "pass"),
    ({"wearer": "w-0001", "asset": DAILY, "is": "may hold"}, "fail"),
    ({"wearer": "w-0001", "asset": DAILY, "is": "holds", "rows": "> 2"}, "fail"),
    ({"wearer": "w-0001", "asset": DAILY, "is": "holds", "answers": 3}, "fail"),
    ({"wearer": "w-0001", "asset": SESSIONS, "is": "holds"}, "fail"),
    # Who is not known is in nothing that one could name, and not gone from anything.
    ({"wearer": "w-0009", "asset": DAILY, "is": "unknown"}, "pass"),
    ({"wearer": "w-0009", "asset": DAILY, "is": "gone"}, "unknown"),
    ({"wearer": "w-0001", "asset": "checkpoint:none@7", "is": "gone"}, "unknown"),
])
def test_what_holds_data_of_a_wearer(given: dict[str, Any], verdict: str) -> None:
    assert check(GOOD, "impact", given).verdict == verdict


def test_an_answer_of_one_checkpoint() -> None:
    assert check(GOOD, "answer", {"contains": "big", "by": "assistant@2", "count": 1}).verdict == "pass"
    assert check(GOOD, "answer", {"contains": "big", "by": "assistant@3", "count": 0}).verdict == "unknown"


def test_one_refusal_is_a_refusal() -> None:
    told = history(decisions=[decision(ADS, "allowed"), decision(ADS, "blocked", "PAI301")])
    assert check(told, "decision", {"job": ADS, "is": "blocked"}).verdict == "pass"
    assert check(told, "decision", {"job": ADS, "is": "allowed"}).verdict == "fail"
    assert check(told, "decision", {"job": ADS, "is": "blocked", "code": "PAI305"}).verdict == "fail"


@pytest.mark.parametrize(("given", "verdict"), [
    ({"is": "allowed", "by": "r@2"}, "pass"), ({"is": "allowed", "by": "r@2", "code": "PAI301"}, "pass"),
    ({"is": "allowed", "by": "r@2", "code": "PAI302"}, "fail"), ({"is": "blocked", "by": "r@3"}, "pass"),
    ({"is": "allowed", "by": "r@3"}, "fail"), ({"is": "blocked", "by": "r@4"}, "unknown"),
    ({"is": "blocked", "by": "r@3", "where": "boundary"}, "unknown"), ({"is": "blocked", "where": "gate"}, "pass"),
])
def test_a_decision_by_a_version_and_at_a_place(given: dict[str, Any], verdict: str) -> None:
    """What was let through in logging mode has the code of what it would have been."""
    told = history(decisions=[{**decision(ADS, "allowed", "PAI301"), "requirements": ["r@2", "s@1"]},
                              {**decision(ADS, "blocked", "PAI301"), "requirements": ["r@3", "s@1"]}])
    assert check(told, "decision", {"job": ADS, **given}).verdict == verdict


@pytest.mark.parametrize(("changed", "given", "verdict"), [
    ({"invented": 1}, {}, "fail"), ({"invented": 1}, {"invented": "<= 1"}, "pass"),
    ({"recall": 0.9}, {"operations": ">= 0.9"}, "pass"), ({"recall": 0.9}, {"operations": "> 0.9"}, "fail"),
])
def test_complete(changed: dict[str, Any], given: dict[str, Any], verdict: str) -> None:
    assert check(history(operations={**OPERATIONS, **changed}), "complete", given).verdict == verdict


def test_findings_are_counted_at_an_asset_and_below_it() -> None:
    told = history(findings=[finding("PAI101", "web:ask#photo", 2), finding("PAI101", "web:ask#photo.exif", 1),
                             finding("PAI101", "web:asking#photo", 5)],
                   edges=[*EDGES, edge("web:asking#photo", PROMPT)])
    for asset, count in (("web:ask", 3), ("web:ask#photo", 3), ("web:ask#photo.exif", 1), ("web:asking", 5)):
        assert check(told, "finding", {"code": "PAI101", "asset": asset, "count": count}).verdict == "pass", asset
    assert check(told, "finding", {"code": "PAI101", "count": 8}).verdict == "pass"


def test_any_gap_counts_where_no_code_is_given() -> None:
    assert check(GAP, "gap", {"at": "rpc:inference.Generate"}).verdict == "pass"
    assert check(GAP, "gap", {"at": "rpc:inference.Generate", "code": "PAI202"}).verdict == "fail"
    assert check(history(findings=[finding("PAI101", PHOTO)]), "gap", {"at": PHOTO}).verdict == "fail"


def test_mediation_is_believed_on_two_accounts_that_agree() -> None:
    assert check(AROUND, "mediated", {"gaps": 2, "service": "web"}).verdict == "pass"
    assert check(GOOD, "mediated", {"service": "web"}).verdict == "pass"
    for told, given in (
            (GOOD, {"service": "policy"}),  # nothing was seen of it, so nothing was shown
            (GOOD, {"service": "nobody"}),
            (history(audit={"web": account(), "app": account(armed=False)}), {}),
            (history(audit={"web": account(), "app": {}}), {}),
            (history(audit={"web": account(failures={"KeyError": 1})}), {}),
            (history(audit={"web": account(uncovered=1)}), {}),  # counted, and never heard of
            (history(findings=[finding("PAI215", "rpc:web")]), {"gaps": ">= 0"})):
        assert check(told, "mediated", given).verdict == "unknown"
