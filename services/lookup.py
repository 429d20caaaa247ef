"""[C] and [D] An index: vectors of texts, and what stands beside each, to be looked up by what a new text is close to.

Training makes it of a table's rows with an embedder, which goes into the index, so that a text that is looked up is cut
up as the texts were.  It is no model of the rows but the rows themselves: what was put in comes out word for word.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from lineage.errors import InputError
from services import embedding
from services.embedding import DIMENSIONS, Embedder

# Of a hundred: texts that are less alike than this are not found, unless a manifest says otherwise.
LEAST, LEASTS = 60, range(1, 101)
_TENSORS = {"vectors": np.float32, "texts": np.uint8, "least": np.uint32}
_PREFIX = "embedder."


class Found(NamedTuple):
    """``text``: what stands beside the nearest one; ``score``: cosine of the angle between the two, at most 1."""

    text: str
    score: float


class Index:
    """Made by :func:`build` or :func:`loads`; immutable.  ``vectors``: one row for each of ``texts``."""

    def __init__(self, embedder: Embedder, vectors: NDArray[np.float32], texts: list[str], least: int) -> None:
        if vectors.shape != (len(texts), DIMENSIONS) or least not in LEASTS or not np.isfinite(vectors).all():
            raise ValueError("vectors, texts and the least likeness do not fit together")
        self._embedder, self._vectors, self._texts, self._least = embedder, vectors, texts, least

    @property
    def rows(self) -> int:
        return len(self._texts)

    def dumps(self) -> bytes:
        """safetensors; equal rows give equal bytes."""
        return bytes(save_tensors({
            **{f"{_PREFIX}{name}": tensor for name, tensor in load_tensors(self._embedder.dumps()).items()},
            "vectors": self._vectors, "least": np.array([self._least], np.uint32),
            "texts": np.frombuffer(json.dumps(self._texts).encode(), np.uint8)}))

    def nearest(self, text: str) -> Found | None:
        """None where no text is alike enough; the first in their order where several are equally so."""
        if not self._texts:
            return None
        scores = np.round(self._vectors.astype(np.float64) @ self._embedder.vector(text).astype(np.float64), 6)
        best = int(scores.argmax())
        return Found(self._texts[best], float(scores[best])) if scores[best] * 100 >= self._least else None


def train(rows: Iterable[tuple[str, str]], *, least: int = LEAST) -> Index:
    """With an embedder of its own, made of the same rows.  Raises InputError (PAI020) where there are none."""
    kept = list(rows)
    return build(embedding.train(sorted(kept)), kept, least=least)


def build(embedder: Embedder, rows: Iterable[tuple[str, str]], *, least: int = LEAST) -> Index:
    """From (text, what stands beside it), each pair once.  Raises InputError (PAI020) where there are none."""
    pairs = sorted(set(rows))
    if not pairs:
        raise InputError("PAI020", "the inputs hold no rows, so there is nothing to look up", where="training",
                         next="run the job that fills the table, then train again")
    vectors = np.stack([embedder.vector(text) for text, _ in pairs])
    return Index(embedder, vectors, [beside for _, beside in pairs], least)


def loads(data: bytes) -> Index:
    """Raises InputError (PAI004) for bytes that are no index."""
    try:
        tensors: dict[str, NDArray[Any]] = dict(load_tensors(data))
        if any(tensors[name].dtype != kind for name, kind in _TENSORS.items()):
            raise ValueError("a tensor has another type")
        embedder = embedding.loads(bytes(save_tensors({
            name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items() if name.startswith(_PREFIX)})))
        texts = json.loads(tensors["texts"].tobytes())
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError("its texts are none")
        return Index(embedder, tensors["vectors"], texts, int(tensors["least"][0]))
    except (SafetensorError, KeyError, ValueError, IndexError, InputError) as error:
        raise InputError("PAI004", f"the weights are not an index: {error}", where="checkpoint") from None
