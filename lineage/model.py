"""The types that travel: Label → Signal → Edge → Decision, Finding.

A service's PrivacyLib records *signals*; Discover joins them into *edges*; Enforce makes
*decisions*; Understand and Demonstrate report *findings*.  Nothing here holds a payload.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Op = Literal["read", "write", "call", "probe", "proposal", "gap", "asset", "decision", "finding", "scope"]
State = Literal["declared", "observed", "blocked"]
Confidence = Literal["HIGH", "LOW"]
Links = tuple[tuple[str, tuple[str, ...]], ...]
# Of one output that several workers write.
MAX_PARTS = 100_000


@dataclass(frozen=True, slots=True)
class Label:
    """What a contract says of a field.  ``annotations`` are what requirements govern."""

    category: str = ""
    annotations: tuple[str, ...] = ()
    operational: str = ""

    @property
    def annotated(self) -> bool:
        """Someone looked at this field: it has a category, or is declared operational."""
        return bool(self.category or self.operational)


@dataclass(frozen=True, slots=True)
class Signal:
    """One operation, as PrivacyLib saw it.

    ``links``: target field → the field-level names that it was made from.  Where ``linked``
    is False the writer named none, and the sources are whatever the scope has read.
    ``keys``: correlation keys (W3C trace ids); a batched write has one per row, in ``rows``.
    ``scope``: the request or job within one emitter, inside which reads join writes.
    """

    emitter: str
    seq: int
    op: Op
    asset: str
    fields: tuple[str, ...] = ()
    links: Links = ()
    linked: bool = False
    family: str = ""
    via: str = ""
    keys: tuple[str, ...] = ()
    scope: str = ""
    activity: str = ""
    purpose: str = ""
    rows: int = 0
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Edge:
    """``source`` flows to ``target``; identity is (source, target, state).

    ``count``: distinct correlation keys seen (0 when declared).  ``via``: the code assets
    and activities that moved it.  ``parts``: of an output that several workers write, those that
    came this way.
    """

    source: str
    target: str
    state: State
    families: set[str] = field(default_factory=set)
    via: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    confidence: Confidence = "LOW"
    evidence: set[str] = field(default_factory=set)
    parts: set[int] = field(default_factory=set)

    def to_dict(self) -> dict[str, Any]:
        return {"from": self.source, "to": self.target, "state": self.state,
                "families": sorted(self.families), "count": len(self.keys),
                "confidence": self.confidence, "via": sorted(self.via),
                "evidence": sorted(self.evidence), **({"parts": len(self.parts)} if self.parts else {})}


@dataclass(frozen=True, slots=True)
class Decision:
    """One judgement, with the requirement versions it used."""

    id: str
    activity: str
    purpose: str
    principal: str
    verdict: Literal["allowed", "blocked", "remediated"]
    code: str
    reason: str
    where: str  # "gate", "guard", "boundary"; of checkpoints also "registration", "serving"
    inputs: tuple[str, ...]
    requirements: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"id": self.id, "activity": self.activity, "purpose": self.purpose,
                "principal": self.principal, "verdict": self.verdict, "code": self.code,
                "reason": self.reason, "where": self.where, "inputs": list(self.inputs),
                "requirements": list(self.requirements)}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should look at.  ``count``: how often it was seen."""

    code: str
    asset: str
    what: str
    next: str = ""
    count: int = 1

    def to_dict(self) -> dict[str, Any]:
        return {"code": self.code, "asset": self.asset, "what": self.what, "next": self.next,
                "count": self.count}


def labels_digest(columns: Iterable[tuple[str, Iterable[str], bool]], subject: str, origin: str = "") -> str:
    """Of a table's labels, as they are judged: (column, annotations, has a label at all), and the columns that say
    whose a row is, and where it comes from."""
    told = [[name, sorted(annotations), annotated] for name, annotations, annotated in columns]
    return hashlib.sha256(json.dumps([sorted(told), subject, origin]).encode()).hexdigest()[:16]
