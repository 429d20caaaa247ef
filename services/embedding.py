"""[C] and [D] The embedder: texts as vectors, in which texts with rare words and letters in common lie close.

A text is cut into its words and the triples of letters of each, in any script; each falls into one of BUCKETS.
Training counts in how many rows a bucket occurs; what is rare weighs more, as in search engines.  A bucket counts in
a few of DIMENSIONS, for or against, at random but the same everywhere (a sparse random projection; Li, Hastie and
Church, KDD 2006), and the vector is brought to length 1.

It knows letters, not meanings: "picture" and "photo" are far apart.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from lineage.errors import InputError

Vector = NDArray[np.float32]
DIMENSIONS = 64
BUCKETS = 4096
# Dimensions that one bucket counts in.
_SPREAD = 6
_PIECE = re.compile(r"\w+|[^\w\s]")
_TENSORS = {"rows_with": np.uint32, "rows": np.uint64}


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """64 bits that look random (splitmix64's finaliser)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


# Bucket and one of its places → the dimension, and for (1) or against (-1).
_BITS = _mixed(np.arange(1, BUCKETS * _SPREAD + 1, dtype=np.uint64)).reshape(BUCKETS, _SPREAD)
_PLACES = (_BITS % np.uint64(DIMENSIONS)).astype(np.int64)
_SIGNS = np.where((_BITS >> np.uint64(40)) & np.uint64(1), 1.0, -1.0)


class Embedder:
    """Made by :func:`train` or :func:`loads`; immutable.  ``rows_with``: of each bucket, out of ``rows``."""

    def __init__(self, rows_with: NDArray[np.uint32], rows: int) -> None:
        if rows_with.shape != (BUCKETS,) or rows < 1 or int(rows_with.max()) > rows:
            raise ValueError("buckets and rows do not fit together")
        self._rows_with, self.rows = rows_with, rows
        self._weights = np.log((rows + 1) / (rows_with.astype(np.float64) + 0.5))

    def dumps(self) -> bytes:
        """safetensors."""
        return bytes(save_tensors({"rows_with": self._rows_with, "rows": np.array([self.rows], np.uint64)}))

    def vector(self, text: str) -> Vector:
        """DIMENSIONS numbers of length 1; all 0 for a text of nothing but white space."""
        found = sorted(Counter(_buckets(text)).items())
        if not found:
            return np.zeros(DIMENSIONS, np.float32)
        buckets, times = np.array(found).T
        parts = _SIGNS[buckets] * (self._weights[buckets] * (1 + np.log(times)))[:, None]
        made = np.bincount(_PLACES[buckets].ravel(), parts.ravel(), DIMENSIONS)
        length = float(np.sqrt((made ** 2).sum()))
        return (made / length if length else made).astype(np.float32)


def train(rows: Sequence[tuple[str, str]]) -> Embedder:
    """From the texts of rows, question and answer alike.  Raises InputError (PAI020) when there is none."""
    counts = np.zeros(BUCKETS, np.uint32)
    for row in rows:
        counts[sorted({bucket for text in row for bucket in _buckets(text)})] += np.uint32(1)
    if not rows:
        raise InputError("PAI020", "the inputs hold no rows, so there is nothing to learn", where="training")
    return Embedder(counts, len(rows))


def loads(data: bytes) -> Embedder:
    """Raises InputError (PAI004) for bytes that are no such model."""
    try:
        tensors: dict[str, NDArray[Any]] = dict(load_tensors(data))
        if any(tensors[name].dtype != kind or tensors[name].ndim != 1 for name, kind in _TENSORS.items()):
            raise ValueError("a tensor has another type or shape")
        return Embedder(tensors["rows_with"], int(tensors["rows"][0]))
    except (SafetensorError, KeyError, ValueError, IndexError) as error:
        raise InputError("PAI004", f"the weights are not an embedder: {error}", where="checkpoint") from None


def _buckets(text: str) -> Iterable[int]:
    """Of each word (or sign), and of each triple of its letters with its edges."""
    for word in _PIECE.findall(text.casefold()):
        edged = f"\x02{word}\x03"
        for piece in (word, *(edged[at:at + 3] for at in range(len(edged) - 2))):
            yield zlib.crc32(piece.encode("utf-8", "surrogatepass")) % BUCKETS
