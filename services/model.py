"""The model that training makes and inference serves: a back-off word n-gram with cues.

A row (prompt, answer) is cut into the answer's words; each next word is counted under the last
three and the last one word before it, once per *cue* (a word of the row, or its whole prompt) and
once without a cue.  An answer is built greedily: each known cue of the question votes, rarer cues
more, and the model backs off from three words to one, then to no cue at all.  It learns rows by
heart, which is the point: one can ask whether a record reached the model, by what it answers or by
how likely it takes a text to be (``logprob``).

Everything is integers in sorted arrays, so equal rows give equal bytes.  A model that goes on from another (``tune``)
keeps what that one has counted.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from lineage.errors import InputError
from services.ngrams import END, FIRST, START, Counts, Row, counted, mixed, orders

_WORD = re.compile(r"\w+")
# Cues of one row at most: its rarest words, and its prompt as a whole.
MAX_CUES = 16
MAX_ANSWER_WORDS = 120
# Of the count of each word that a context saw, what is left to all other words.
_KEPT_BACK = 0.1
# Words before the next one, at most, unless a manifest says otherwise.
HISTORY, HISTORIES = 3, range(1, 6)
_TENSORS = {"words": np.uint8, "cues": np.uint8, "cue_rows": np.uint32, "contexts": np.uint64, "next": np.uint32,
            "counts": np.uint32, "rows": np.uint64}
# Only where it is another one than HISTORY.
_OWN = {"history": np.uint32}


class Model:
    """Made by :func:`train` or :func:`loads`; immutable."""

    def __init__(self, tensors: dict[str, NDArray[Any]]) -> None:
        self._tensors = tensors
        self._words = _unpacked(tensors["words"])
        self._numbers = {word: number for number, word in enumerate(self._words, FIRST)}
        cues = _unpacked(tensors["cues"])
        self._cues = {cue: number for number, cue in enumerate(cues, 1)}
        self._contexts, self._next, self._counts = tensors["contexts"], tensors["next"], tensors["counts"]
        self.rows = int(tensors["rows"][0])
        self.history = int(tensors["history"][0]) if "history" in tensors else HISTORY
        self._orders = orders(self.history)

    def dumps(self) -> bytes:
        """safetensors."""
        return bytes(save_tensors(self._tensors))

    def answer(self, prompt: str, hints: Sequence[str] = ()) -> str:
        """The likeliest answer; ``hints`` are texts that stand beside the question (a place, a scene)."""
        return " ".join(self.words(prompt, hints))

    def words(self, prompt: str, hints: Sequence[str] = ()) -> Iterator[str]:
        """The same answer word by word, each made when it is asked for."""
        votes = self._votes(prompt, hints)
        history = [START] * self.history
        for _ in range(MAX_ANSWER_WORDS):
            word = self._next_word(votes, history)
            if word == END:
                return
            yield self._words[word - FIRST]
            history = [*history[1:], word]

    def logprob(self, answer: str, prompt: str = "", hints: Sequence[str] = ()) -> float:
        """The natural logarithm of the probability of ``answer``, its end included, after a question; below 0.

        Each next word has one among the words that are known, the end, and one for all that are not known: what each
        context saw counts nearly as often as it was seen; the rest goes by the next shorter one (absolute
        discounting)."""
        votes = self._votes(prompt, hints)
        history, total = [START] * self.history, 0.0
        for word in [*(self._number(text) for text in answer.split()), END]:
            total += math.log(self._probability(votes, history, word))
            history = [*history[1:], word]
        return total

    def _number(self, word: str) -> int:
        """Of a word that is not known, one that nothing was counted for."""
        return self._numbers.get(word, len(self._words) + FIRST)

    def _probability(self, votes: list[tuple[int, float]], history: list[int], word: int) -> float:
        probability = 1 / (len(self._words) + 2)
        for candidates in ([(0, 1.0)], votes):
            for order in reversed(self._orders):
                seen = self._seen(candidates, history[-order:])
                weights = sum(weight for weight, _, _ in seen)
                probability = sum(weight * _smoothed(words, counts, word, probability)
                                  for weight, words, counts in seen) / weights if weights else probability
        return probability

    def _votes(self, prompt: str, hints: Sequence[str]) -> list[tuple[int, float]]:
        known = sorted(number for cue in _cues_of(prompt, *hints) if (number := self._cues.get(cue)))
        return [(number, math.log((self.rows + 1) / int(self._tensors["cue_rows"][number - 1])))
                for number in known]

    def _next_word(self, votes: list[tuple[int, float]], history: list[int]) -> int:
        for candidates in (votes, [(0, 1.0)]):
            for order in self._orders:
                scores: defaultdict[int, float] = defaultdict(float)
                for weight, words, counts in self._seen(candidates, history[-order:]):
                    total = int(counts.sum())
                    for word, count in zip(words.tolist(), counts.tolist(), strict=True):
                        scores[word] += weight * count / total
                if scores:
                    return min(scores, key=lambda word: (-round(scores[word], 9), word))
        return END

    def _seen(self, votes: list[tuple[int, float]], history: list[int]
              ) -> list[tuple[float, NDArray[Any], NDArray[Any]]]:
        """(weight, next words, counts) of each vote whose cue has been seen after ``history``."""
        cues = np.array([cue for cue, _ in votes], np.uint64)
        contexts = mixed(cues, [np.array([word], np.uint64) for word in history])
        low, high = (np.searchsorted(self._contexts, contexts, side).tolist() for side in ("left", "right"))
        return [(weight, self._next[first:last], self._counts[first:last])
                for (_, weight), first, last in zip(votes, low, high, strict=True) if first < last]

    def counted(self) -> Counts:
        """Of everything that it has seen."""
        return Counts(self._contexts, self._next, self._counts)

    def known(self) -> tuple[list[str], list[str], Counter[str]]:
        """Words and cues in the order of their numbers, and the rows of each cue."""
        return (list(self._words), list(self._cues),
                Counter(dict(zip(self._cues, self._tensors["cue_rows"].tolist(), strict=True))))


def train(rows: Iterable[tuple[str, str]], *, history: int = HISTORY, cues: int = MAX_CUES) -> Model:
    """From (prompt, answer) rows.  Raises InputError (PAI020) when there is none.

    ``history``: words before the next one; ``cues``: of one row, at most.
    """
    return _learnt(rows, None, history, cues, 1)


def tune(base: Model, rows: Iterable[tuple[str, str]], *, cues: int = MAX_CUES, times: int = 1) -> Model:
    """``base``, having seen ``rows`` besides: its words and cues keep their numbers, its counts are added to.

    ``times``: how often each row is seen.  Raises InputError (PAI020) when there is none.
    """
    return _learnt(rows, base, base.history, cues, times)


def _learnt(rows: Iterable[tuple[str, str]], base: Model | None, history: int, most: int, times: int) -> Model:
    repeated = Counter(rows)
    pairs = sorted(repeated)
    if not pairs:
        raise InputError("PAI020", "the inputs hold no rows, so there is nothing to learn", where="training",
                         next="run the job that fills the table, then train again")
    words, cues, cue_rows = base.known() if base is not None else ([], [], Counter[str]())
    words += sorted({word for _, answer in pairs for word in answer.split()}.difference(words))
    numbers = {word: number for number, word in enumerate(words, FIRST)}
    found = [_cues_of(*pair) for pair in pairs]
    for pair, of in zip(pairs, found, strict=True):
        for cue in of:
            cue_rows[cue] += repeated[pair] * times
    cues += sorted(set(cue_rows).difference(cues))
    # A row keeps its prompt and its rarest words: the first by this rank.
    ranked = sorted(range(len(cues)), key=lambda at: (not cues[at].startswith("="), cue_rows[cues[at]], cues[at]))
    rank = {cues[at]: place for place, at in enumerate(ranked)}
    contexts, following, counts = counted([
        Row([0, *(ranked[place] + 1 for place in sorted(rank[cue] for cue in of)[:most])],
            [numbers[word] for word in pair[1].split()], repeated[pair] * times)
        for pair, of in zip(pairs, found, strict=True)], history, base.counted() if base is not None else None)
    seen = sum(repeated.values()) * times + (base.rows if base is not None else 0)
    own = {} if history == HISTORY else {"history": np.array([history], np.uint32)}
    return Model({"words": _packed(words), "cues": _packed(cues),
                  "cue_rows": np.array([cue_rows[cue] for cue in cues], np.uint32),
                  "contexts": contexts, "next": following, "counts": counts,
                  "rows": np.array([seen], np.uint64), **own})


def loads(data: bytes) -> Model:
    """Raises InputError (PAI004) for bytes that are no such model."""
    try:
        tensors = dict(load_tensors(data))
        kinds = _TENSORS | {name: kind for name, kind in _OWN.items() if name in tensors}
        if any(tensors[name].dtype != kind or tensors[name].ndim != 1 for name, kind in kinds.items()):
            raise ValueError("a tensor has another type or shape")
        if "history" in tensors and int(tensors["history"][0]) not in HISTORIES:
            raise ValueError(f"a history of {int(tensors['history'][0])} words")
        return Model({name: tensors[name] for name in kinds})
    except (SafetensorError, KeyError, ValueError, IndexError) as error:
        raise InputError("PAI004", f"the weights are not a model of this kind: {error}", where="checkpoint") from None


def _cues_of(prompt: str, *texts: str) -> set[str]:
    """Lower-case words of all texts, and the prompt as a whole behind a sign that no word has."""
    prompt_words = _WORD.findall(prompt.lower())
    return {f"={' '.join(prompt_words)}", *prompt_words,
            *(word for text in texts for word in _WORD.findall(text.lower()))}


def _smoothed(words: NDArray[Any], counts: NDArray[Any], word: int, shorter: float) -> float:
    """``shorter``: the word's probability after a shorter context; ``words`` are in order."""
    at = int(words.searchsorted(word))
    count = int(counts[at]) if at < len(words) and words[at] == word else 0
    return (max(count - _KEPT_BACK, 0.0) + _KEPT_BACK * len(words) * shorter) / int(counts.sum())


def _packed(words: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(words).encode("utf-8", "surrogatepass"), np.uint8)


def _unpacked(data: NDArray[np.uint8]) -> list[str]:
    return data.tobytes().decode("utf-8", "surrogatepass").split("\n") if len(data) else []
