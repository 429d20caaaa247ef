"""How a refusal crosses a process boundary: the error as JSON, in whatever the transport has for it.

gRPC: the status details beside PERMISSION_DENIED.  HTTP: a body beside 403.  WebSocket: the reason
of a close with 1008 (RFC 6455, 7.4.1: a policy is violated), which holds at most 123 bytes.

>>> from lineage.errors import PolicyDenied
>>> close_reason(PolicyDenied("PAI302", "the sink is less restrictive"))
'PAI302: the sink is less restrictive'
"""

from __future__ import annotations

import json

from lineage.errors import SightlineError

FORBIDDEN = 403
POLICY_VIOLATION = 1008
_MAX_REASON = 123


def details(error: SightlineError) -> str:
    return json.dumps(error.to_dict(), sort_keys=True)


def body(error: SightlineError) -> bytes:
    return details(error).encode()


def close_reason(error: SightlineError) -> str:
    """The code and as much of the text as fits."""
    return f"{error.code}: {error.what}".encode()[:_MAX_REASON].decode("utf-8", "ignore")
