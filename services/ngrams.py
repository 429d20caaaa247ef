"""[D] Counts for the model in ``model``: (context, next word) → how often, for all rows at once, as sorted arrays.

A context is a 64-bit mix of a cue, an order and the words before.  Rows are taken a chunk at a time, so that what is
held beside the result stays small; equal rows in whatever order give equal arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

START, END, FIRST = 0, 1, 2
# Entries of a chunk, about.
_CHUNK = 1_000_000
_BOUNDS = np.arange(1, 64, dtype=np.uint64) << np.uint64(58)


class Row(NamedTuple):
    """``cues``: their numbers; ``answer``: the numbers of its words; ``times``: how often the row was there."""

    cues: Sequence[int]
    answer: Sequence[int]
    times: int


class Counts(NamedTuple):
    """Sorted by (context, next word), each pair once."""

    contexts: Words
    following: NDArray[np.uint32]
    counts: NDArray[np.uint32]


def orders(history: int) -> tuple[int, ...]:
    """Of contexts, the longest first: all of the words before, then the last one alone."""
    return (history, 1) if history > 1 else (1,)


def counted(rows: Sequence[Row], history: int, before: Counts | None = None) -> Counts:
    """For each cue, order and position of each row, and what was counted ``before``; at least one row.

    ``history``: words before the next one, at most."""
    chunks = [_merged(_of(chunk, history)) for chunk in _chunks(rows)]
    if before is not None:
        chunks.append(before)
    if len(chunks) == 1:
        return chunks[0]
    # Part by part of the contexts, which are spread evenly: a part is sorted where it is near.
    cuts = [chunk.contexts.searchsorted(_BOUNDS) for chunk in chunks]
    parts = [_merged(_joined([Counts(one.contexts[low:high], one.following[low:high], one.counts[low:high])
                              for one, (low, high) in zip(chunks, between, strict=True)]))
             for between in zip(*(zip([0, *cut], [*cut, len(chunk.contexts)], strict=True)
                                  for cut, chunk in zip(cuts, chunks, strict=True)), strict=True)]
    return _joined(parts)


def _joined(parts: Sequence[Counts]) -> Counts:
    return Counts(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def mixed(cue: Words, history: Sequence[Words]) -> Words:
    """A context per position, from the cue, the order and the words before it (FNV-1a on whole words)."""
    made = np.full(len(cue), 0xCBF29CE484222325, np.uint64)
    for part in (cue, np.full(1, len(history), np.uint64), *history):
        made ^= part
        made *= np.uint64(0x100000001B3)
        made ^= made >> np.uint64(29)
    return made


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    first, entries = 0, 0
    for number, row in enumerate(rows):
        entries += len(row.cues) * (len(row.answer) + 1) * 2
        if entries >= _CHUNK:
            yield rows[first:number + 1]
            first, entries = number + 1, 0
    if first < len(rows):
        yield rows[first:]


def _of(rows: Sequence[Row], history: int) -> Counts:
    """Unsorted, one entry each time."""
    # All answers in a row: before each what stands for its beginning, after each its end.
    tokens = _flat([START] * history + list(row.answer) + [END] for row in rows)
    positions = np.array([len(row.answer) + 1 for row in rows])
    row = np.repeat(np.arange(len(rows)), positions)
    place = np.arange(len(row)) + (row + 1) * history
    # Each position once for each cue of its row.
    cues = np.array([len(one.cues) for one in rows])
    many = cues[row]
    position = np.repeat(np.arange(len(row)), many)
    within = np.arange(len(position)) - np.repeat(np.cumsum(many) - many, many)
    cue = _flat(one.cues for one in rows)[(np.cumsum(cues) - cues)[row][position] + within]
    at = place[position]
    contexts = [mixed(cue, [tokens[at - back] for back in range(order, 0, -1)]) for order in orders(history)]
    times = np.array([one.times for one in rows], np.uint32)[row][position]
    return Counts(np.concatenate(contexts), np.tile(tokens[at].astype(np.uint32), len(contexts)),
                  np.tile(times, len(contexts)))


def _flat(parts: Any) -> Words:
    return np.fromiter(chain.from_iterable(parts), np.uint64)


def _merged(given: Counts) -> Counts:
    """Sorted, equal pairs added up."""
    if not len(given.contexts):
        return given
    # A merge sort: measured at half the time of the default on these keys, and chunks in order are only merged.
    order = np.argsort(given.contexts, kind="stable")
    contexts, following, counts = given.contexts[order], given.following[order], given.counts[order]
    # Where contexts are equal, by the next word: the number of the context and the word in one integer.
    same = contexts[1:] == contexts[:-1]
    places = np.flatnonzero(np.r_[False, same] | np.r_[same, False])
    number = np.cumsum(np.r_[False, ~same])[places].astype(np.uint64)
    order = places[np.argsort((number << np.uint64(32)) | following[places], kind="stable")]
    following[places], counts[places] = following[order], counts[order]
    first = np.r_[True, (contexts[1:] != contexts[:-1]) | (following[1:] != following[:-1])]
    starts = np.flatnonzero(first)
    return Counts(contexts[starts], following[starts],
                  np.add.reduceat(counts, starts, dtype=np.uint64).astype(np.uint32))
