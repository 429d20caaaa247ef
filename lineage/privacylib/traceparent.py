"""W3C trace context, in and out: ``traceparent`` and ``tracestate`` (https://www.w3.org/TR/trace-context/).


"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
POLICY = "sightline-policy-bin"

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
# A traceparent of four parts, digit for "x": what hexadecimal digits become, and dashes; anything else becomes "?".
DIGITS = bytes.maketrans(bytes(range(256)), bytes(
    ord("x") if chr(code) in "0123456789abcdef" else code if chr(code) == "-" else ord("?") for code in range(256)))
SHAPE = f"xx-{'x' * 32}-{'x' * 16}-xx".encode()
ZEROS = "0" * 16
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
