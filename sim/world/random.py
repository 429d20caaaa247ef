"""Keyed randomness: what happens to one entity never depends on what happened to another.

There is no shared generator.  Each use has its own, made from the seed and the names of entity and use, so
adding a wearer or a question leaves every other one as it was.

>>> keyed(7, "w-0001", "sky").random() == keyed(7, "w-0001", "sky").random()
True
>>> len(key_id(7, "w-0001", 3))
32
"""

from __future__ import annotations

import hashlib
import json
from random import Random

Part = str | int


def keyed(seed: int, *parts: Part) -> Random:
    """A generator of its own for (seed, parts): ``keyed(seed, "w-0001", "photo", 3)``."""
    return Random(int.from_bytes(_digest(seed, parts, 32), "big"))


def key_id(seed: int, *parts: Part, size: int = 16) -> str:
    """An identifier of ``size`` bytes as hex (twice as many characters), never all zero."""
    digest = _digest(seed, parts, size)
    return digest.hex() if any(digest) else f"{1:0{2 * size}x}"


def _digest(seed: int, parts: tuple[Part, ...], size: int) -> bytes:
    # JSON keeps ("a", "b") apart from ("a/b",) and 1 from "1".
    return hashlib.shake_256(json.dumps([seed, *parts]).encode()).digest(size)
