"""The context of one request or job: correlation key, purpose, principal, region, annotations.

The correlation key *is* the W3C trace id, so a person goes from an OpenTelemetry trace to
the lineage and back (https://www.w3.org/TR/trace-context/).

>>> parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
'0af7651916cd43dd8448eb211c80319c'
>>> parse_traceparent("00-00000000000000000000000000000000-b7ad6b7169203331-01") is None
True
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

TRACEPARENT = "traceparent"
POLICY = "sightline-policy-bin"

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_ZERO_KEY = "0" * 32


def parse_traceparent(text: object) -> str | None:
    """The trace id, or None for anything that the W3C format does not allow (or over 512 characters)."""
    if not isinstance(text, str) or len(text) > 512:
        return None
    match = _TRACEPARENT.fullmatch(text)
    if match is None or match[1] == _ZERO_KEY or match[2] == "0" * 16:
        return None
    if text.startswith("00") and match[3]:
        return None
    return match[1]


class Context:
    """One scope.  ``annotations`` floats: the join of what the scope has read so far, each annotation
    with the name that first brought it."""

    __slots__ = ("activity", "annotations", "claims", "family", "key", "principal", "purpose", "region",
                 "response", "root", "scope", "sources", "span")

    def __init__(self, key: str, scope: str, span: str, *, activity: str = "", purpose: str = "",
                 principal: str = "", region: str = "", family: str = "", claims: bytes = b"") -> None:
        self.key = key
        self.scope = scope
        self.span = span
        self.activity = activity
        self.purpose = purpose
        self.principal = principal
        self.region = region
        self.family = family
        self.claims = claims
        self.annotations: dict[str, str] = {}
        # What the source probes of this scope saw; in memory only, for as long as the scope lives.
        self.sources: dict[str, Any] = {}
        # What the handler said its response is made from: (sources, via, payload).
        self.response: tuple[Mapping[str, Sequence[str]], str, Mapping[str, object] | None] | None = None
        # The context that the scope began with: its handler's response is asked for there.
        self.root = self

    @property
    def traceparent(self) -> str:
        return f"00-{self.key}-{self.span}-01"

    def child(self, **changes: Any) -> Context:
        """The same scope under another activity, purpose or claims; reads and sources are shared."""
        names = ("activity", "purpose", "principal", "region", "family", "claims")
        values = {name: changes.get(name) or getattr(self, name) for name in names}
        made = Context(self.key, self.scope, self.span, **values)
        made.annotations = self.annotations
        made.sources = self.sources
        made.root = self.root
        return made
