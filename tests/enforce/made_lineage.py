"""Small runs written by hand, as ``lineage.json`` has them, for plans."""

from __future__ import annotations

from typing import Any

from lineage.enforce.requirement import Requirement
from lineage.names import asset_of, field_of, kind_of

LABELLED = "GLASSES_INTERACTION"


def edge(source: str, target: str, *via: str, state: str = "observed", confidence: str = "HIGH", count: int = 1,
         evidence: str = "sources") -> dict[str, Any]:
    return {"from": source, "to": target, "state": state, "families": ["B"], "count": count, "confidence": confidence,
            "via": list(via), "evidence": [evidence]}


def lineage(edges: list[dict[str, Any]], governed: set[str], purposes: dict[str, str] | None = None,
            annotation: str = LABELLED, operational: frozenset[str] = frozenset()) -> dict[str, Any]:
    """``governed``: field-level names that carry the annotation; the others have a category and no annotation."""
    fields: dict[str, dict[str, Any]] = {}
    for name in sorted({one[end] for one in edges for end in ("from", "to")} | governed):
        if kind_of(name) not in ("job", "training", "query"):
            fields.setdefault(asset_of(name), {})[field_of(name)] = {
                "category": "" if name in operational else "user.utterance",
                "annotations": [annotation] if name in governed else [],
                "operational": "count" if name in operational else ""}
    return {"format": 1, "edges": edges, "decisions": [], "findings": [], "activities": [
        {"name": name, "principals": ["somebody"], "purposes": [purpose], "declared": True, "verdicts": []}
        for name, purpose in sorted((purposes or {}).items())],
        "assets": [{"name": name, "kind": kind_of(name), "owner": f"owner of {name}", "annotations": [], "fields": of}
                   for name, of in sorted(fields.items())]}


def requirement(name: str = "glasses", governs: str = LABELLED) -> Requirement:
    return Requirement(name, 1, "privacy-glasses", "zone", "logging", frozenset({governs}), frozenset({"assistance"}))
