"""Whose a row is, as far as the lineage store may know: a keyed hash of the name, never the name.

A signal of rows with a data subject says it per row, beside the row's correlation key, so that "which checkpoints
hold data of this wearer" can be answered after her rows are gone from the warehouse.  The store is personal data by
that: who holds the secret can look one person up, and link what is hers.  The secret is the deployment's, is not kept
in the store, and with a new one nothing older is linked any more.

>>> names = Pseudonyms(secret_of("7"))
>>> names.of("w-0001") == names.of("w-0001") != Pseudonyms(secret_of("8")).of("w-0001")
True
"""

from __future__ import annotations

from hashlib import blake2b

# Bytes: enough to tell the people of one deployment apart, and no more.
_SIZE = 8


def secret_of(seed: str) -> bytes:
    """The secret of a run, which repeats with its seed as every other key does."""
    return blake2b(seed.encode(), person=b"subjects").digest()


class Pseudonyms:
    """``secret``: at most 64 bytes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, subject: object) -> str:
        """16 hex digits; empty for a row that is nobody's."""
        if subject is None or subject == "":
            return ""
        return blake2b(str(subject).encode("utf-8", "surrogatepass"), key=self._secret, digest_size=_SIZE).hexdigest()
