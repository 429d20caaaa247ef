"""What the Policy Evaluation Service signs and the Warehouse Permission Service checks (S5).

A token is the claims of one admission: principal, purpose, activity, the inputs that were
admitted and the requirement versions that were used, under an Ed25519 signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lineage.privacylib import claims as codec
from lineage.privacylib.claims import Claims


class Signer:
    """Holds the private key, in the policy process only.  ``seed`` keeps a simulated run repeatable."""

    def __init__(self, seed: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"pes/{seed}".encode()).digest())

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, *, principal: str, purpose: str, activity: str, region: str, inputs: Iterable[str],
             requirements: Iterable[str]) -> bytes:
        fields: dict[str, Any] = {"principal": principal, "purpose": purpose, "activity": activity, "region": region,
                  "inputs": sorted(inputs), "requirements": sorted(requirements)}
        return codec.encode(self._key.sign(codec.encode(**fields)), **fields)


class Verifier:
    """Checks a token once per distinct value."""

    def __init__(self, public_key: bytes) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(public_key)
        self._checked = lru_cache(maxsize=4096)(self._check)

    def claims(self, token: bytes) -> Claims | None:
        """The claims of a genuine token, else None."""
        return self._checked(token)

    def _check(self, token: bytes) -> Claims | None:
        try:
            claims = codec.decode(token)
            self._key.verify(claims.signature, claims.payload)
        except (ValueError, InvalidSignature):
            return None
        return claims
