"""The context of one request or job: correlation key, purpose, principal, region, annotations.

The correlation key *is* the W3C trace id, so a person goes from an OpenTelemetry trace to
the lineage and back (https://www.w3.org/TR/trace-context/).

>>> parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
'0af7651916cd43dd8448eb211c80319c'
>>> parse_traceparent("00-00000000000000000000000000000000-b7ad6b7169203331-01") is None
True

``tracestate`` and the flags are other tracers' business: they are passed on, and decide nothing here.
What a tracer does not sample has its lineage captured all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
POLICY = "sightline-policy-bin"

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_ZERO_KEY = "0" * 32
# The flags that this version of the format knows: sampled, and (level 2) random trace id.
_KNOWN, _SAMPLED = 3, 1
# What every hop must be able to carry; a longer one is dropped whole, which the format allows.
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")


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


def flags_of(traceparent: str) -> str:
    """The flags to send on, of a text that :func:`parse_traceparent` takes; of a later version only "sampled".

    >>> flags_of(f"00-{'a' * 32}-{'b' * 16}-00"), flags_of(f"cc-{'a' * 32}-{'b' * 16}-0b-more")
    ('00', '01')
    """
    known = _KNOWN if traceparent.startswith("00") else _SAMPLED
    return f"{int(traceparent[53:55], 16) & known:02x}"


def tracestate_of(text: object) -> str:
    """As it came, or empty where it could not be sent on: over 512 characters, or not printable ASCII."""
    return text if isinstance(text, str) and _TRACESTATE.fullmatch(text) else ""


def received(pairs: Iterable[tuple[str, Any]] | None) -> dict[str, Any]:
    """Metadata or headers as a mapping.  Two tracers in one service may send two: of several traceparents
    the first valid one counts, whatever their order; several tracestates are one list (W3C, 3.3.1)."""
    pairs = tuple(pairs or ())
    found = dict(pairs)
    if len(found) < len(pairs):
        parents = [value for name, value in pairs if name == TRACEPARENT]
        if len(parents) > 1:
            found[TRACEPARENT] = next(filter(parse_traceparent, parents), parents[0])
        states = [value for name, value in pairs if name == TRACESTATE and isinstance(value, str)]
        if len(states) > 1:
            found[TRACESTATE] = ",".join(states)
    return found


class Context:
    """One scope.  ``annotations`` floats: the join of what the scope has read so far, each annotation
    with the name that first brought it."""

    __slots__ = ("activity", "annotations", "claims", "family", "flags", "key", "principal", "purpose", "region",
                 "response", "root", "scope", "sources", "span", "tracestate")

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
        self.flags = "01"
        self.tracestate = ""
        self.annotations: dict[str, str] = {}
        # What the source probes of this scope saw; in memory only, for as long as the scope lives.
        self.sources: dict[str, Any] = {}
        # What the handler said its response is made from: (sources, via, payload).
        self.response: tuple[Mapping[str, Sequence[str]], str, Mapping[str, object] | None] | None = None
        # The context that the scope began with: its handler's response is asked for there.
        self.root = self

    @property
    def traceparent(self) -> str:
        return f"00-{self.key}-{self.span}-{self.flags}"

    def follow(self, traceparent: str, tracestate: object = None) -> None:
        """Goes on with the flags and the state of another tracer; ``traceparent`` is valid."""
        self.flags = flags_of(traceparent)
        if tracestate:
            self.tracestate = tracestate_of(tracestate)

    def child(self, **changes: Any) -> Context:
        """The same scope under another activity, purpose or claims; reads and sources are shared."""
        names = ("activity", "purpose", "principal", "region", "family", "claims")
        values = {name: changes.get(name) or getattr(self, name) for name in names}
        made = Context(self.key, self.scope, self.span, **values)
        made.annotations = self.annotations
        made.sources = self.sources
        made.flags, made.tracestate = self.flags, self.tracestate
        made.root = self.root
        return made
