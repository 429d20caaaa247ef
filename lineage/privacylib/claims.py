"""What travels in ``sightline-policy-bin``: who asks, for what, on behalf of which activity.

A payload of sorted JSON, then a newline and a signature where the Policy Evaluation Service
signed it.  PrivacyLib only carries claims; ``enforce.tokens`` signs and verifies them.

Before them may stand a line that nobody signed, with what the sender adds: an activity and annotations.  Both
can only restrict (an activity's reads are uses too, beside the request's, and an annotation raises the label), so
they need no signature.

>>> claims = decode(encode(principal="training", purpose="assistance", activity="training:x"))
>>> claims.principal, claims.signature
('training', b'')
>>> added = decode(under("query:x", encode(principal="web"), ["LOCATION"]))
>>> added.principal, added.activity, added.added, added.annotations
('web', '', 'query:x', ('LOCATION',))
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from lineage.errors import InputError
from lineage.names import asset_of, parse

MAX_BYTES = 16_384
_SIGNATURE_BYTES = 64
# ``kind`` of claims that say who a workload is; a token for an activity has none, and is no proof of identity.
PRINCIPAL = "principal"


class Claims(NamedTuple):
    principal: str = ""
    purpose: str = ""
    region: str = ""
    activity: str = ""
    # Field-level names that were admitted, and the requirement versions they were judged by.
    inputs: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    payload: bytes = b""
    signature: bytes = b""
    # What else a token of the policy service is bound to (``enforce.tokens``).
    statement: str = ""
    outputs: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    consenting: tuple[str, ...] = ()
    epoch: int = 0
    issued: int = 0
    expires: int = 0
    nonce: str = ""
    origins: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    kind: str = ""
    # Of a token: the verified principal on whose request it was signed.
    holder: str = ""
    # What the sender added, unsigned: an activity, and what raises the label.
    added: str = ""
    annotations: tuple[str, ...] = ()
    lowered: tuple[str, ...] = ()

    @property
    def caller(self) -> str:
        """Who vouches for the request with these claims; the principal of a token is what somebody asked for."""
        return self.principal if self.kind == PRINCIPAL else self.holder


def encode(signature: bytes = b"", **fields: Any) -> bytes:
    """The wire form; with a signature, of exactly the payload that was signed."""
    payload = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    return payload + b"\n" + signature if signature else payload


def under(activity: str, data: bytes, annotations: Iterable[str] = ()) -> bytes:
    """Claims with a line before them that adds an activity or annotations."""
    return json.dumps([activity, *annotations], separators=(",", ":")).encode() + b"\n" + data


# Claims repeat from request to request: decoded once per distinct value.
@lru_cache(maxsize=4096)
def decode(data: bytes) -> Claims:
    """Raises ValueError for anything that :func:`encode` cannot have made; its text is a reason that is counted,
    so it quotes nothing of what arrived."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"claims are too long; at most {MAX_BYTES} bytes")
    added, data = _added(data)
    payload, signature = data, b""
    if len(data) > _SIGNATURE_BYTES and data[-_SIGNATURE_BYTES - 1:-_SIGNATURE_BYTES] == b"\n":
        payload, signature = data[:-_SIGNATURE_BYTES - 1], data[-_SIGNATURE_BYTES:]
    try:
        fields = json.loads(payload)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError("claims are not JSON") from error
    if not isinstance(fields, dict):
        raise ValueError("claims are not a JSON object")
    if activity := _text(fields, "activity"):
        check_name(activity)
    return Claims(_text(fields, "principal"), _text(fields, "purpose"), _text(fields, "region"),
                  _text(fields, "activity"), _texts(fields, "inputs"), _texts(fields, "requirements"),
                  payload, signature, _text(fields, "statement"), _texts(fields, "outputs"),
                  _texts(fields, "snapshots"), _texts(fields, "consenting"), _number(fields, "epoch"),
                  _number(fields, "issued"), _number(fields, "expires"), _text(fields, "nonce"),
                  _texts(fields, "origins"), _texts(fields, "unasked"),
                  _text(fields, "kind"), _text(fields, "holder"), added[0],
                  tuple(sorted({*added[1:], *_texts(fields, "annotations")})),
                  _texts(fields, "lowered"))


def _added(data: bytes) -> tuple[tuple[str, ...], bytes]:
    """The line before the claims, activity first, and the claims."""
    if not data.startswith(b"[") or b"\n" not in data:
        return ("",), data
    line, _, rest = data.partition(b"\n")
    try:
        found = tuple(json.loads(line))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError("claims are not JSON") from error
    if not found or not all(isinstance(item, str) for item in found):
        raise ValueError("what was added to claims is no list of texts")
    "".join(found).encode()
    if found[0]:
        check_name(found[0])
    return found, rest


def check_name(name: str) -> None:
    """Raises ValueError for what is no asset name: signals that quoted it would be refused, and the request unseen."""
    try:
        parse(asset_of(name))
    except InputError as error:
        raise ValueError("a claim names what is no asset") from error


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"claim {name!r} is not a text")
    value.encode()  # half a surrogate pair: a ValueError here, or later a batch of signals that cannot be encoded
    return value


def _texts(fields: dict[str, Any], name: str) -> tuple[str, ...]:
    value = fields.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"claim {name!r} is not a list of texts")
    "".join(value).encode()
    return tuple(value)


def _number(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"claim {name!r} is not a whole number")
    return value
