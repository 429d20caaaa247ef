"""A signed JSON statement in a DSSE envelope, as supply chains sign what they made: signed by one key, read by anybody.

The signature is over the pre-authentication encoding, so the payload's type is signed with it and no other message of
ours is one of these (https://github.com/secure-systems-lab/dsse, in-toto Attestation Framework v1).  What a statement
says is not judged here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lineage.errors import InputError

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
CODE = "PAI330"
# Bytes of an envelope, and signatures that are looked at.
MAX_BYTES = 64 << 20
MAX_SIGNATURES = 16


def encoded(payload: bytes, kind: str = PAYLOAD_TYPE) -> bytes:
    """What is signed: the pre-authentication encoding of a payload.

    >>> encoded(b"hello world", "http://example.com/HelloWorld")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def payload_of(statement: Mapping[str, Any]) -> bytes:
    """In the one way in which it is written; equal statements give equal bytes."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()


def digest(statement: Mapping[str, Any]) -> str:
    """SHA-256 of its payload, in hex: whoever signs it, and how often."""
    return hashlib.sha256(payload_of(statement)).hexdigest()


def sealed(statement: Mapping[str, Any], sign: Callable[[bytes], bytes], keyid: str) -> bytes:
    """The envelope; equal statements give equal bytes.  ``sign``: an Ed25519 signature of what it is given."""
    payload = payload_of(statement)
    envelope = {"payload": base64.b64encode(payload).decode(), "payloadType": PAYLOAD_TYPE,
                "signatures": [{"keyid": keyid, "sig": base64.b64encode(sign(encoded(payload))).decode()}]}
    return (json.dumps(envelope, sort_keys=True, indent=1) + "\n").encode()


def opened(data: bytes, keys: Mapping[str, bytes], where: str = "") -> dict[str, Any]:
    """The statement, signed by one of ``keys`` (key id → Ed25519 public key, 32 bytes).

    Raises InputError (PAI330) for what is no envelope, has no signature of these, or was changed since it was signed.
    """
    try:
        envelope = json.loads(data[:MAX_BYTES + 1]) if len(data) <= MAX_BYTES else None
        if not isinstance(envelope, dict) or envelope.get("payloadType") != PAYLOAD_TYPE:
            raise ValueError(f"it is no envelope of {PAYLOAD_TYPE}")
        payload = _bytes(envelope.get("payload"), "payload")
        signatures = list(_signatures(envelope.get("signatures")))
        if not signatures:
            raise ValueError("nobody has signed it")
        signers = [keyid for keyid, _ in signatures if keyid in keys]
        if not signers:
            raise ValueError(f"it is signed by {signatures[0][0]!r}, not by {' or '.join(sorted(keys)) or 'anybody'}")
        if not any(_genuine(keys[keyid], signature, payload) for keyid, signature in signatures if keyid in keys):
            raise ValueError(f"the signature of {signers[0]!r} is not of this statement")
        statement = json.loads(payload)
        if not isinstance(statement, dict) or statement.get("_type") != STATEMENT:
            raise ValueError(f"what is signed is no {STATEMENT}")
    except (ValueError, RecursionError) as error:
        raise InputError(CODE, f"the signed statement cannot be trusted: {_told(error)}", where=where) from None
    return statement


def _told(error: Exception) -> str:
    """Nothing of what arrived is quoted when it is not even text, or JSON."""
    if isinstance(error, UnicodeDecodeError | json.JSONDecodeError | RecursionError):
        return "it is not JSON"
    return str(error)


def _signatures(given: Any) -> Iterator[tuple[str, bytes]]:
    if not isinstance(given, list) or len(given) > MAX_SIGNATURES:
        raise ValueError(f"signatures is a list of at most {MAX_SIGNATURES}")
    for one in given:
        if not isinstance(one, dict) or not isinstance(one.get("keyid"), str):
            raise ValueError("a signature has a keyid and a sig")
        yield one["keyid"], _bytes(one.get("sig"), "sig")


def _bytes(given: Any, name: str) -> bytes:
    try:
        if not isinstance(given, str):
            raise ValueError
        return base64.b64decode(given.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{name} is not base64") from None


def _genuine(key: bytes, signature: bytes, payload: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, encoded(payload))
    except InvalidSignature:
        return False
    return True
