"""[A] Compares two payloads of one request: EXACT_MATCH, CONTAINS or NO_MATCH (S3).

HIGH only for a match of a value that cannot well meet by chance.  Low entropy, a point in time, and
a match that needed case, white space or Unicode form evened out give LOW, with the reason.

>>> compare("Call Anna at the opera", "Call Anna at the opera")
Verdict(result='EXACT_MATCH', confidence='HIGH', why='')
>>> compare("Call Anna at the opera", "the wearer said: Call Anna at the opera, please").result
'CONTAINS'
>>> compare("1", "1"), compare("2026-03-01", "2026-03-01").why
(Verdict(result='EXACT_MATCH', confidence='LOW', why='low entropy'), 'low entropy')
>>> compare("Call  Anna at the OPERA", "call anna at the opera")
Verdict(result='EXACT_MATCH', confidence='LOW', why='normalised')
>>> compare({"to": "anna@example.org"}, '{"greeting": "hello", "mail": "anna@example.org"}')
Verdict(result='CONTAINS', confidence='HIGH', why='')
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from lineage.model import Confidence
from lineage.privacylib.value import MAX_COMPARED, Limits, Value

Result = Literal["EXACT_MATCH", "CONTAINS", "NO_MATCH"]
MIN_LENGTH = 10
MIN_DISTINCT = 5
# Shannon's bits, over the characters of the value itself.
MIN_BITS = 28.0
# Digits of a value without letters: below it are dates, prices, counts and times since 1970.
MIN_DIGITS = 11
# Bytes that all comparisons at one sink may search through.
BUDGET = 64 << 20
_SAMPLE = 128
_LETTERS = re.compile(rb"[A-Za-z\x80-\xff]")
_DIGITS = re.compile(rb"\d")
_EPOCH = re.compile(rb"[12]\d{9}(?:\d{3}){0,3}(?:\.\d+)?")
_TOKENS = re.compile(rb"[a-z]+|\d+")
_CLOCK = re.compile(rb"\d:[0-5]\d")
_YEAR = re.compile(rb"(?:19|20)\d\d")
_TIME_WORDS = frozenset(word.encode() for word in (
    "january february march april may june july august september october november december jan feb mar apr jun jul "
    "aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun "
    "am pm t z gmt utc cet cest est edt pst pdt st nd rd th of on at").split())


class Verdict(NamedTuple):
    """``why``: what makes a match LOW; empty for HIGH, and where nothing matched."""

    result: Result
    confidence: Confidence = "LOW"
    why: str = ""


NO_MATCH = Verdict("NO_MATCH")


class Budget:
    """The bytes that may still be searched through at one sink."""

    def __init__(self, left: int = BUDGET) -> None:
        self.left = left
        self.limits: Limits = Limits()

    def allows(self, size: int) -> bool:
        if self.left < size:
            self.limits["too much to search"] += 1
            return False
        self.left -= size
        return True


def compare(source: Any, sink: Any) -> Verdict:
    """Of two payloads as they are.  Whole against whole, then leaf by leaf."""
    limits = Limits()
    return match(Value(source, limits), Value(sink, limits), Budget())


def match(source: Value, sink: Value, budget: Budget) -> Verdict:
    """Of two prepared values; the work is bounded by ``budget``."""
    if source.empty or sink.empty:
        return NO_MATCH
    if _equal(source, sink):
        if source.size > MAX_COMPARED:
            return Verdict("EXACT_MATCH", "LOW", "compared by its beginning")
        return _judged("EXACT_MATCH", source.content)
    within = _within(source, sink, budget)
    if source.leaves and (within is None or within.confidence == "LOW"):
        within = _leaf(source, sink, budget) or within
    return within or _normalised(source, sink, budget)


def distinctive(value: bytes, searched: int = 0) -> bool:
    """Long and varied enough not to meet by chance; ``searched``: bytes of the place it was found in."""
    # A longer place has more positions at which chance could have put it.
    return len(value) >= MIN_LENGTH and bits(value) >= MIN_BITS + (searched // len(value)).bit_length()


def bits(value: bytes) -> float:
    """How much a value tells, in Shannon's bits; 0 for what is short, monotonous, a time or a small number."""
    middle = len(value) // 2
    return _bits(value if len(value) <= 2 * _SAMPLE else value[:_SAMPLE] + value[middle:middle + _SAMPLE])


# One value meets many sinks: what it tells is worked out once.
@lru_cache(maxsize=1024)
def _bits(sample: bytes) -> float:
    if time_like(sample):
        return 0.0
    if not _LETTERS.search(sample) and (_EPOCH.fullmatch(sample) or len(_DIGITS.findall(sample)) < MIN_DIGITS):
        return 0.0
    counts = Counter(sample).values()
    if len(counts) < MIN_DISTINCT:
        return 0.0
    return -sum(count * math.log2(count / len(sample)) for count in counts)


def time_like(value: bytes) -> bool:
    """A date or a time, as people and machines write them: every field of a request may hold today's."""
    if len(value) > 48 or not any(48 <= byte <= 57 for byte in value):
        return False
    tokens = _TOKENS.findall(value.lower())
    numbers = [token for token in tokens if token.isdigit()]
    if len(numbers) > 9 or any(not token.isdigit() and token not in _TIME_WORDS for token in tokens):
        return False
    if re.sub(rb"[\d\s./,:+TZa-z-]+", b"", value, flags=re.IGNORECASE):
        return False
    return bool(_CLOCK.search(value)) or any(_YEAR.fullmatch(number) for number in numbers)


def _judged(result: Result, value: bytes, searched: int = 0) -> Verdict:
    return Verdict(result, "HIGH") if distinctive(value, searched) else Verdict(result, "LOW", "low entropy")


def _equal(source: Value, sink: Value) -> bool:
    if source is sink or (source.raw is not None and source.raw is sink.raw):
        return True
    if source.cut or sink.cut:
        if source.size != sink.size or source.whole != sink.whole:
            return False
        return source.size > MAX_COMPARED or source.raw == sink.raw
    if source.whole and source.whole == sink.whole:
        return True
    # The same structure, whichever form each side has it in.
    return bool(source.leaves) and source.complete and sink.complete and source.leaves == sink.leaves


def _within(source: Value, sink: Value, budget: Budget) -> Verdict | None:
    """The whole source inside the sink."""
    value, place = source.whole, sink.searched
    if not value or source.cut or len(value) >= len(place) or not budget.allows(len(place)):
        return None
    return _judged("CONTAINS", source.content, len(place)) if value in place else None


def _leaf(source: Value, sink: Value, budget: Budget) -> Verdict | None:
    """A leaf of the source that is a leaf of the sink, or inside it; the most telling one."""
    found: Verdict | None = None
    place = sink.searched
    for _, leaf in source.leaves:
        if leaf in sink.parts or leaf == sink.whole:
            verdict = _judged("CONTAINS", leaf)
        elif len(leaf) >= MIN_LENGTH and budget.allows(len(place)) and leaf in place:
            verdict = _judged("CONTAINS", leaf, len(place))
        else:
            continue
        if verdict.confidence == "HIGH":
            return verdict
        found = verdict
    return found


def _normalised(source: Value, sink: Value, budget: Budget) -> Verdict:
    """What is equal or inside only once both are evened out: kept apart, and never HIGH."""
    value, place = source.folded, sink.folded
    if not value or not place or len(value) > len(place):
        return NO_MATCH
    if value == place:
        return Verdict("EXACT_MATCH", "LOW", "normalised")
    return Verdict("CONTAINS", "LOW", "normalised") if budget.allows(len(place)) and value in place else NO_MATCH
