"""The model that training makes and inference serves: a back-off word n-gram with cues.

A row (prompt, answer) is cut into the answer's words; each next word is counted under the last
three and the last one word before it, once per *cue* (a word of the row, or its whole prompt) and
once without a cue.  An answer is built greedily: each known cue of the question votes, rarer cues
more, and the model backs off from three words to one, then to no cue at all.  It learns rows by
heart, which is the point: one can ask whether a record reached the model.

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

Words = NDArray[np.uint64]

_WORD = re.compile(r"\w+")
_START, _END, _FIRST = 0, 1, 2
# Cues of one row at most: its rarest words, and its prompt as a whole.
MAX_CUES = 16
MAX_ANSWER_WORDS = 120
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
        cues = _unpacked(tensors["cues"])
        self._cues = {cue: number for number, cue in enumerate(cues, 1)}
        self._contexts, self._next, self._counts = tensors["contexts"], tensors["next"], tensors["counts"]
        self.rows = int(tensors["rows"][0])
        self.history = int(tensors["history"][0]) if "history" in tensors else HISTORY
        self._orders = _orders(self.history)

    def dumps(self) -> bytes:
        """safetensors."""
        return bytes(save_tensors(self._tensors))

    def answer(self, prompt: str, hints: Sequence[str] = ()) -> str:
        """The likeliest answer; ``hints`` are texts that stand beside the question (a place, a scene)."""
        return " ".join(self.words(prompt, hints))

    def words(self, prompt: str, hints: Sequence[str] = ()) -> Iterator[str]:
        """The same answer word by word, each made when it is asked for."""
        votes = self._votes(prompt, hints)
        history = [_START] * self.history
        for _ in range(MAX_ANSWER_WORDS):
            word = self._next_word(votes, history)
            if word == _END:
                return
            yield self._words[word - _FIRST]
            history = [*history[1:], word]

    def _votes(self, prompt: str, hints: Sequence[str]) -> list[tuple[int, float]]:
        known = sorted(number for cue in _cues_of(prompt, *hints) if (number := self._cues.get(cue)))
        return [(number, math.log((self.rows + 1) / int(self._tensors["cue_rows"][number - 1])))
                for number in known]

    def _next_word(self, votes: list[tuple[int, float]], history: list[int]) -> int:
        for candidates in (votes, [(0, 1.0)]):
            for order in self._orders:
                scores: defaultdict[int, float] = defaultdict(float)
                for cue, weight in candidates:
                    words, counts = self._seen(cue, history[-order:])
                    total = int(counts.sum())
                    for word, count in zip(words.tolist(), counts.tolist(), strict=True):
                        scores[word] += weight * count / total
                if scores:
                    return min(scores, key=lambda word: (-round(scores[word], 9), word))
        return _END

    def _seen(self, cue: int, history: list[int]) -> tuple[NDArray[Any], NDArray[Any]]:
        tokens = [np.array([word], np.uint64) for word in history]
        context = _mixed(np.array([cue], np.uint64), tokens)[0]
        low, high = np.searchsorted(self._contexts, context, "left"), np.searchsorted(self._contexts, context, "right")
        return self._next[low:high], self._counts[low:high]


    def counted(self) -> tuple[Words, Words, Words]:
        """(context, next word, count) of everything that it has seen."""
        return self._contexts, self._next.astype(np.uint64), self._counts.astype(np.uint64)

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
    numbers = {word: number for number, word in enumerate(words, _FIRST)}
    for pair in pairs:
        cue_rows.update(dict.fromkeys(_cues_of(*pair), repeated[pair] * times))
    cues += sorted(set(cue_rows).difference(cues))
    cue_numbers = {cue: number for number, cue in enumerate(cues, 1)}
    chunks = [base.counted()] if base is not None else []
    for pair in pairs:
        kept = sorted(_cues_of(*pair), key=lambda cue: (not cue.startswith("="), cue_rows[cue], cue))[:most]
        answer = [numbers[word] for word in pair[1].split()]
        chunks.append(_counted([0, *(cue_numbers[cue] for cue in kept)], answer, repeated[pair] * times, history))
    contexts, following, counts = _merged(chunks)
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


def _orders(history: int) -> tuple[int, ...]:
    """Of contexts, the longest first: all of the words before, then the last one alone."""
    return (history, 1) if history > 1 else (1,)


def _cues_of(prompt: str, *texts: str) -> set[str]:
    """Lower-case words of all texts, and the prompt as a whole behind a sign that no word has."""
    prompt_words = _WORD.findall(prompt.lower())
    return {f"={' '.join(prompt_words)}", *prompt_words,
            *(word for text in texts for word in _WORD.findall(text.lower()))}


def _counted(cues: list[int], answer: list[int], times: int, longest: int) -> tuple[Words, Words, Words]:
    """(context, next word, count) for each cue, order and position of one row."""
    following = np.array([*answer, _END], np.uint64)
    history = np.array([_START] * longest + answer, np.uint64)
    parts = []
    for order in _orders(longest):
        before = [history[longest - back:len(history) - back + 1][:len(following)] for back in range(order, 0, -1)]
        parts += [_mixed(np.full(len(following), cue, np.uint64), before) for cue in cues]
    contexts = np.concatenate(parts)
    return contexts, np.tile(following, len(parts)), np.full(len(contexts), times, np.uint64)


def _merged(chunks: list[tuple[Words, Words, Words]]) -> tuple[Words, NDArray[np.uint32], NDArray[np.uint32]]:
    """Sorted by (context, next word), equal pairs added up."""
    contexts, following, counts = (np.concatenate(column) for column in zip(*chunks, strict=True))
    order = np.lexsort((following, contexts))
    contexts, following, counts = contexts[order], following[order], counts[order]
    first = np.r_[True, (contexts[1:] != contexts[:-1]) | (following[1:] != following[:-1])]
    starts = np.flatnonzero(first)
    return contexts[starts], following[starts].astype(np.uint32), np.add.reduceat(counts, starts).astype(np.uint32)


def _mixed(cue: Words, history: Sequence[Words]) -> Words:
    """A 64-bit context per position, from the cue, the order and the words before it (FNV-1a on whole words)."""
    mixed = np.full(len(cue), 0xCBF29CE484222325, np.uint64)
    for part in (cue, np.full(len(cue), len(history), np.uint64), *history):
        mixed = (mixed ^ part) * np.uint64(0x100000001B3)
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _packed(words: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(words).encode("utf-8", "surrogatepass"), np.uint8)


def _unpacked(data: NDArray[np.uint8]) -> list[str]:
    return data.tobytes().decode("utf-8", "surrogatepass").split("\n") if len(data) else []
