"""What the Policy Evaluation Service signs and the Warehouse Permission Service checks (S5).

A token is the claims of one admission under an Ed25519 signature: principal, purpose, activity, the
inputs that were admitted, the requirement versions that were used and the consent epoch, for a few
seconds.  A job's token is bound to more: its statements, the snapshot of the tables they name, the
columns that they may write; and it is good once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lineage.privacylib import claims as codec
from lineage.privacylib.claims import Claims

# Seconds.
LIFETIME = 60


@dataclass(frozen=True)
class Grant:
    """What a token says; times in whole seconds.  ``consenting``: tables of which only rows may be seen whose
    wearer consents to the purpose.  ``origins``: of which only rows of some origins may be seen, as
    "warehouse:core.sessions=-EU" (``regions.written``); ``unasked``: so, of which origins no consent is needed."""

    principal: str
    purpose: str
    activity: str
    inputs: tuple[str, ...]
    requirements: tuple[str, ...]
    region: str = ""
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
    # The verified principal on whose request it was signed; empty where nobody's was verified.
    holder: str = ""
    kind: str = ""
    # The reclassifications by which its flows were let through (``reclassification.Lowering.text``).
    lowered: tuple[str, ...] = ()


def digest(statements: Iterable[str]) -> str:
    """Of statements in their order, letter by letter."""
    found = hashlib.sha256()
    for statement in statements:
        text = statement.encode()
        found.update(len(text).to_bytes(8, "big") + text)
    return found.hexdigest()


class Signer:
    """Holds a private key, in the process that it is of: the policy service's, or that of the principal ``name``.
    ``seed`` keeps a simulated run repeatable."""

    def __init__(self, seed: str, name: str = "") -> None:
        whose = f"principal/{seed}/{name}" if name else f"pes/{seed}"
        self._key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(whose.encode()).digest())

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, grant: Grant) -> bytes:
        fields = {name: value for name, value in asdict(grant).items() if value}
        return codec.encode(self._key.sign(codec.encode(**fields)), **fields)

    def prove(self, challenge: bytes, name: str) -> bytes:
        """That this key is held, to whoever made the challenge; good for nothing else."""
        return self._key.sign(proof(challenge, name))

    def attest(self, encoded: bytes) -> bytes:
        """Signs what ``lineage.dsse`` has encoded, and nothing else: no claims begin like this."""
        if not encoded.startswith(b"DSSEv1 "):
            raise ValueError("only an encoded statement is attested")
        return self._key.sign(encoded)


def proof(challenge: bytes, name: str) -> bytes:
    """What is signed: no claims begin like this."""
    return b"sightline-principal\n" + name.encode() + b"\n" + challenge


class Verifier:
    """Checks a token's signature once per distinct value; what else a token must be is not its business."""

    def __init__(self, public_key: bytes) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(public_key)
        self._checked = lru_cache(maxsize=4096)(self._check)

    def claims(self, token: bytes) -> Claims | None:
        """The claims of a genuine token, else None."""
        return self._checked(token)

    def proves(self, signature: bytes, challenge: bytes, name: str) -> bool:
        """Of whoever holds the private key."""
        try:
            self._key.verify(signature, proof(challenge, name))
        except InvalidSignature:
            return False
        return True

    def _check(self, token: bytes) -> Claims | None:
        try:
            claims = codec.decode(token)
            self._key.verify(claims.signature, claims.payload)
        except (ValueError, InvalidSignature):
            return None
        return claims
