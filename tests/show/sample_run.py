"""One realistic run, as the two dicts that sim/show/ draws: the whole flow, a refused training, an undeclared job."""

from __future__ import annotations

from typing import Any

G = ["GLASSES_INTERACTION"]
FIELDS = ("photo", "utterance", "location", "wearer")
CATEGORY = {"photo": "user.scene_image", "image": "user.scene_image", "utterance": "user.utterance",
            "prompt": "user.utterance", "location": "user.location", "wearer": "user.identifier",
            "answer": "user.answer", "topic": "user.utterance"}


def asset(name: str, owner: str, *fields: str, operational: tuple[str, ...] = ()) -> dict[str, Any]:
    labels = {f: {"category": CATEGORY.get(f.rsplit(".")[-1], "user.utterance"), "annotations": G, "operational": ""}
              for f in fields}
    labels |= {f: {"category": "", "annotations": [], "operational": "identifier"} for f in operational}
    return {"name": name, "kind": name.partition(":")[0], "owner": owner, "annotations": G if fields else [],
            "fields": dict(sorted(labels.items()))}


def edge(source: str, target: str, state: str = "observed", families: str = "", count: int = 60,
         via: tuple[str, ...] = (), confidence: str = "HIGH") -> dict[str, Any]:
    return {"from": source, "to": target, "state": state, "families": sorted(families),
            "count": 0 if state == "declared" else count, "confidence": confidence, "via": sorted(via), "evidence": []}


def make_edges() -> list[dict[str, Any]]:
    edges: list[dict[str, Any]] = []
    for f in FIELDS:
        edges += [edge(f"device:glasses#{f}", f"app:ask#{f}"), edge(f"app:ask#{f}", f"web:ask#{f}", families="A")]
    # [C] web <> inference
    for f, g in (("photo", "image"), ("utterance", "prompt"), ("location", "location")):
        edges.append(edge(f"web:ask#{f}", f"rpc:inference.Generate.request#{g}", families="AC"))
        edges.append(edge(f"rpc:inference.Generate.request#{g}", "rpc:inference.Generate.response#answer",
                          families="C", confidence="LOW"))
    edges += [edge("checkpoint:assistant@2", "rpc:inference.Generate.response#answer", families="C", count=20),
              edge("rpc:inference.Generate.response#answer", "response:ask#answer", families="C"),
              edge("response:ask#answer", "app:ask#answer"), edge("app:ask#answer", "device:glasses#answer")]
    # [B] web -> logger -> warehouse -> warehouse
    for f in ("utterance", "location", "wearer"):
        hop, queue = f"rpc:logger.Append.request#glasses_session.{f}", f"logger:glasses_session#{f}"
        back, table = f"rpc:warehouse.Append.request#raw.glasses_session.{f}", f"warehouse:raw.glasses_session#{f}"
        edges += [edge(f"web:ask#{f}", hop, families="B"), edge(hop, queue, families="B"),
                  edge(queue, back, families="B"), edge(back, table, families="B"),
                  edge(queue, table, "declared", "B"),
                  edge(hop, "rpc:logger.Append.response#accepted", families="B", confidence="LOW")]
    for f in ("utterance", "location"):
        table, daily = f"warehouse:raw.glasses_session#{f}", f"warehouse:core.sessions#{f}"
        for state in ("declared", "observed"):
            edges.append(edge(table, daily, state, "B", via=("job:daily_sessions",)))
        edges.append(edge(table, "job:daily_sessions", families="B"))
    edges += [edge("warehouse:core.sessions#utterance", "job:topic_counts", families="B"),
              edge("warehouse:core.sessions#utterance", "warehouse:scratch.topics#topic", families="B",
                   via=("job:topic_counts",))]
    # [D] warehouse -> training -> checkpoint
    for f in ("utterance", "location"):
        read = f"rpc:warehouse.Read.response#core.sessions.{f}"
        edges += [edge(f"warehouse:core.sessions#{f}", read, families="D"),
                  edge(read, "training:assistant_eval", families="D"),
                  edge(read, "checkpoint:assistant@2", families="D", via=("training:assistant_eval",)),
                  edge(f"warehouse:core.sessions#{f}", "training:ads_ranker", "blocked", "D", 1)]
    edges += [edge("warehouse:core.sessions#utterance", "training:assistant_eval", "declared", "D"),
              edge("training:ads_ranker", "checkpoint:ads_ranker@1", "declared", "D")]
    return sorted(edges, key=lambda e: (e["from"], e["to"], e["state"]))


def make_assets() -> list[dict[str, Any]]:
    assets = [
        asset("device:glasses", "glasses", *FIELDS, "answer"), asset("app:ask", "app", *FIELDS, "answer"),
        asset("web:ask", "web", *FIELDS, operational=("region", "asked_at")),
        asset("rpc:inference.Generate.request", "inference", "image", "prompt", "location", operational=("model",)),
        asset("rpc:inference.Generate.response", "inference", "answer", operational=("checkpoint",)),
        asset("response:ask", "web", "answer", operational=("session", "checkpoint")),
        asset("rpc:logger.Append.request", "logger",
              *(f"glasses_session.{f}" for f in ("utterance", "location", "wearer"))),
        asset("rpc:logger.Append.response", "logger", operational=("accepted",)),
        asset("logger:glasses_session", "logger", "utterance", "location", "wearer"),
        asset("warehouse:raw.glasses_session", "warehouse", "utterance", "location", "wearer"),
        asset("warehouse:core.sessions", "warehouse", "utterance", "location", operational=("day",)),
        asset("warehouse:scratch.topics", "warehouse", operational=("topic",)),
        asset("checkpoint:assistant@2", "training"), asset("training:assistant_eval", "training"),
        asset("training:ads_ranker", "training"), asset("job:daily_sessions", "warehouse"),
        asset("job:topic_counts", "warehouse"), asset("warehouse:core.regions", "warehouse", operational=("region",)),
    ]
    assets[-6]["annotations"] = G  # the checkpoint carries what it was trained on
    return sorted(assets, key=lambda a: str(a["name"]))


LINEAGE: dict[str, Any] = {
    "format": 1, "scenario": "training-refused", "seed": 7, "assets": make_assets(), "edges": make_edges(),
    "decisions": [
        {"id": "d-1", "activity": "training:ads_ranker", "purpose": "ads_ranking", "principal": "training/ads",
         "verdict": "blocked", "code": "PAI301", "where": "gate",
         "reason": "glasses-interaction-purpose@3 permits assistance, safety; not ads_ranking",
         "inputs": ["warehouse:core.sessions#location", "warehouse:core.sessions#utterance"],
         "requirements": ["glasses-interaction-purpose@3"]},
        {"id": "d-2", "activity": "training:assistant_eval", "purpose": "assistance", "principal": "training/assistant",
         "verdict": "allowed", "code": "", "where": "gate", "reason": "the purpose is permitted",
         "inputs": ["warehouse:core.sessions#location", "warehouse:core.sessions#utterance"],
         "requirements": ["glasses-interaction-purpose@3"]}],
    "findings": [
        {"code": "PAI101", "asset": "web:ask#photo", "what": "EXIF location in the photo; the label names only "
         "user.scene_image", "next": "sightline explain PAI101", "count": 60},
        {"code": "PAI402", "asset": "job:topic_counts", "what": "moved data from warehouse:core.sessions to "
         "warehouse:scratch.topics, and nobody declared it", "next": "sightline why warehouse:scratch.topics",
         "count": 1}],
    "zones": [
        {"name": "glasses-interactions", "requirement": "glasses-interaction-purpose@3", "mode": "enforcement",
         "members": ["logger:glasses_session", "rpc:inference.Generate.request", "rpc:inference.Generate.response",
                     "rpc:logger.Append.request", "warehouse:core.sessions", "warehouse:raw.glasses_session",
                     "web:ask"],
         "crossings": [{"from": "warehouse:core.sessions#location", "to": "training:ads_ranker", "state": "blocked"},
                       {"from": "warehouse:core.sessions#utterance", "to": "training:ads_ranker",
                        "state": "blocked"}]}],
    "evidence": [
        {"zone": "glasses-interactions", "verdict": "holds",
         "because": ["2 attempts to leave the zone were blocked at the gate, before a row moved",
                     "no observed edge leaves the zone without a decision"]}],
    "signals": {"recorded": 1204, "delivered": 1204},
}

VERDICT: dict[str, Any] = {
    "format": 1, "scenario": "training-refused", "stage": "enforce", "seed": 7, "verdict": "fail",
    "steps": [
        {"step": "ask", "given": {"wearers": "all", "question": "What is that building?", "times": 3},
         "outcome": "done", "said": {"answered": 60}},
        {"step": "batch", "given": {"job": "daily_sessions"}, "outcome": "done", "said": {"rows": 60}},
        {"step": "train", "given": {"manifest": "assistant_eval", "purpose": "assistance"}, "outcome": "done",
         "said": {"checkpoint": "assistant@2", "rows": 60}},
        {"step": "train", "given": {"manifest": "ads_ranker", "purpose": "ads_ranking"}, "outcome": "blocked",
         "said": {"code": "PAI301"}}],
    "expectations": [
        {"stage": "discover", "expectation": "path", "verdict": "pass",
         "given": {"from": "web:ask#utterance", "to": "warehouse:core.sessions"},
         "saw": "4 edges, families A B"},
        {"stage": "discover", "expectation": "complete", "given": {"operations": 1.0, "invented": 0},
         "verdict": "pass", "saw": "246 of 246, 0 invented"},
        {"stage": "enforce", "expectation": "decision", "verdict": "pass",
         "given": {"job": "training:ads_ranker", "is": "blocked", "code": "PAI301"},
         "saw": "blocked PAI301 at the gate"},
        {"stage": "enforce", "expectation": "moved", "verdict": "fail",
         "given": {"from": "warehouse:core.sessions", "to": "training:ads_ranker", "rows": 0}, "saw": "3 rows"},
        {"stage": "demonstrate", "expectation": "evidence", "verdict": "unknown",
         "given": {"zone": "glasses-interactions", "verdict": "holds"}, "saw": "no evidence was written"}],
    "operations": {"recall": 1.0, "invented": 0, "truth": 246},
    "faults": [{"fault": "drop_probe", "hits": 2}],
}
