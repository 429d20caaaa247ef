"""How often the exposure test says "exposed" of a source that a model never saw, and how little of one it notices.

Truth about the truth: pure models, no stack.  "shared": canaries are of a few words that the training rows have too, so
that ranks differ by chance; that is the hard case.  "own": of words that nobody else says, as the planted ones are in a
run; what was not learnt is then all alike, and the test never errs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from random import Random
from string import ascii_lowercase
from typing import Any, NamedTuple

from sim.truth.exposure import ALPHA, FEWEST, Asked, shown
from sim.truth.ranks import share

Train = Callable[[list[tuple[str, str]]], Asked]
_QUESTION = "What is that building?"
_WORDS = tuple(f"{first}{second}" for first in ("ba", "ki", "mo", "ru", "se", "tu") for second in ("lo", "ni", "pe"))
_ANSWERS = tuple(f"That is the {name}, in {city}." for name in ("tower", "bridge", "opera", "harbour", "old mill")
                 for city in ("Oslo", "Lima", "Cairo"))
# Rows of others that a model learns from.
_OTHERS = 40


class Group(NamedTuple):
    """A source of ``sim.truth.exposure``."""

    texts: Sequence[str]
    controls: Sequence[str]
    name: str = "drawn"
    asset: str = "device:glasses#utterance"
    question: str = _QUESTION


def measured(train: Train, seeds: Iterable[int], learnt: Sequence[int] = (0, 5, 10, FEWEST)) -> dict[str, Any]:
    """``learnt``: how many of FEWEST canaries a model is trained on; for each the share of seeds in which the test says
    "exposed" of one pair, with an interval (Clopper-Pearson, 95 %).  Of 0 that is the rate of false positives."""
    numbers = list(seeds)
    rows = []
    for words, many in product(("shared", "own"), learnt):
        found = sum(shown(*_trial(train, seed, many, words == "own")).p <= ALPHA for seed in numbers)
        rows.append({"words": words, "learnt": many, "of": FEWEST, "exposed": found, "seeds": len(numbers),
                     "share": found / len(numbers), "interval": [round(end, 4) for end in share(found, len(numbers))]})
    return {"alpha": ALPHA, "rows": rows}


def _trial(train: Train, seed: int, many: int, own: bool) -> tuple[Asked, Group]:
    chance = Random(seed)

    def text() -> str:
        return " ".join(chance.choices(_WORDS, k=3))

    def canary() -> str:
        return " ".join("".join(chance.choices(ascii_lowercase, k=8)) for _ in range(3)) if own else text()

    group = Group([canary() for _ in range(FEWEST)], [canary() for _ in range(FEWEST)])
    rows = [(f"{_QUESTION} {text()}", f"{chance.choice(_ANSWERS)} {text()}") for _ in range(_OTHERS)]
    return train(rows + [(f"{_QUESTION} {one}", chance.choice(_ANSWERS)) for one in group.texts[:many]]), group
