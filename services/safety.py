"""[C] and [D] The safety classifier: is a text one that an assistant may say?  A line between texts, by their words.

An averaged perceptron (Freund and Schapire, 1999; Collins, EMNLP 2002) over words and pairs of neighbours: it goes
through the rows PASSES times, learns from those that it gets wrong or nearly so, and what it keeps is the mean of all
that it was on the way.  Rows are taken in an order of their own, and weights are integers: equal rows, in whatever
order, give equal bytes.  A text is as unsafe as its worst sentence, lest a harmless one speak for another.

It knows what its corpus shows it, in the corpus's language, and no more: it is a filter, not a judge.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from lineage.errors import InputError

SAFE, UNSAFE = "safe", "unsafe"
PASSES = 15
# A row that is right by no more than this is learnt from, too.
_MARGIN = 2
_WORD = re.compile(r"\w+")
_DIGIT = re.compile(r"\d")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_TENSORS = {"features": np.uint8, "weights": np.int64, "bias": np.int64}


class Classifier:
    """Made by :func:`train` or :func:`loads`; immutable.  ``weights``: of each feature; ``bias``: of any text."""

    def __init__(self, features: Sequence[str], weights: NDArray[np.int64], bias: int) -> None:
        if len(features) != len(weights):
            raise ValueError("features and weights do not fit together")
        self._tensors = {"features": np.frombuffer("\n".join(features).encode("utf-8", "surrogatepass"), np.uint8),
                         "weights": weights, "bias": np.array([bias], np.int64)}
        self._weights = dict(zip(features, weights.tolist(), strict=True))
        self._bias = bias

    def dumps(self) -> bytes:
        """safetensors."""
        return bytes(save_tensors(self._tensors))

    def score(self, text: str) -> int:
        """Above 0 for what is rather not to be said; in no unit."""
        return max(self._bias + sum(self._weights.get(feature, 0) for feature in _features(sentence))
                   for sentence in _SENTENCE.split(text))

    def unsafe(self, text: str) -> bool:
        return self.score(text) > 0


def train(rows: Iterable[tuple[str, str]]) -> Classifier:
    """From (text, "safe" or "unsafe").  Raises InputError (PAI020) for another mark, and without rows of each."""
    marks = {SAFE: -1, UNSAFE: 1}
    taught = []
    for text, mark in rows:
        if mark not in marks:
            raise InputError("PAI020", f"a text is marked {mark[:40]!r}; it is {SAFE} or {UNSAFE}", where="training")
        order = hashlib.sha256(f"{text}\n{mark}".encode("utf-8", "surrogatepass")).digest()
        taught.append((order, sorted(_features(text)), marks[mark]))
    if len({mark for _, _, mark in taught}) < len(marks):
        raise InputError("PAI020", "there are not texts of both kinds, so there is nothing to tell apart",
                         where="training")
    taught.sort(key=lambda one: one[0])
    # What it is now, and what it was, summed up backwards: the mean is now × steps - was.
    now: defaultdict[str, int] = defaultdict(int)
    was: defaultdict[str, int] = defaultdict(int)
    for step in range(1, PASSES * len(taught) + 1):
        _, features, mark = taught[(step - 1) % len(taught)]
        if mark * (now[""] + sum(now[feature] for feature in features)) <= _MARGIN:
            for feature in ("", *features):
                now[feature] += mark
                was[feature] += mark * step
    steps = PASSES * len(taught) + 1
    learnt = {feature: weight for feature in sorted(now) if (weight := now[feature] * steps - was[feature])}
    bias = learnt.pop("", 0)
    return Classifier(list(learnt), np.array(list(learnt.values()), np.int64), bias)


def loads(data: bytes) -> Classifier:
    """Raises InputError (PAI004) for bytes that are no such model."""
    try:
        tensors: dict[str, NDArray[Any]] = dict(load_tensors(data))
        if any(tensors[name].dtype != kind or tensors[name].ndim != 1 for name, kind in _TENSORS.items()):
            raise ValueError("a tensor has another type or shape")
        packed = tensors["features"].tobytes().decode("utf-8", "surrogatepass")
        return Classifier(packed.split("\n") if packed else [], tensors["weights"], int(tensors["bias"][0]))
    except (SafetensorError, KeyError, ValueError, IndexError) as error:
        raise InputError("PAI004", f"the weights are not a safety classifier: {error}", where="checkpoint") from None


def _features(text: str) -> set[str]:
    """Words, whatever their digits are, and pairs of neighbours."""
    words = [_DIGIT.sub("0", word) for word in _WORD.findall(text.casefold())]
    return {*words, *(f"{one} {other}" for one, other in pairwise(words))}
