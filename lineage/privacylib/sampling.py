"""[A] Which requests the probes look at: a share of them, chosen by seed and correlation key.

The same key is chosen in every process and in every run with the same seed, and a higher rate
takes every request that a lower one takes: recall can only grow with the rate.

>>> key = "0af7651916cd43dd8448eb211c80319c"
>>> Sampling(1.0).takes(key), Sampling(0.0).takes(key)
(True, False)
>>> taken = [n for n in range(1000) if Sampling(0.1, seed=7).takes(f"{n:032x}")]
>>> len(taken), set(taken) <= {n for n in range(1000) if Sampling(0.2, seed=7).takes(f"{n:032x}")}
(110, True)
"""

from __future__ import annotations

import hashlib


class Sampling:
    """``rate``: 0 (no request) to 1 (every one).  Raises ValueError for any other rate."""

    def __init__(self, rate: float = 1.0, seed: int = 0) -> None:
        if not 0.0 <= rate <= 1.0:  # not true of NaN either
            raise ValueError(f"the sampling rate is {rate!r}; it lies between 0 and 1")
        self.rate = rate
        self.seed = seed
        self._limit = int(rate * 2**64)
        self._prefix = hashlib.blake2b(f"{seed}/".encode(), digest_size=8)

    def takes(self, key: str) -> bool:
        """``key``: the correlation key."""
        if self._limit >= 2**64:
            return True
        if not self._limit:
            return False
        digest = self._prefix.copy()
        digest.update(key.encode())
        return int.from_bytes(digest.digest(), "big") < self._limit
