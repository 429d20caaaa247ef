"""Canaries: texts that nobody says otherwise, drawn at random, to ask of a model afterwards whether it knows them.

Of one group as many are planted as captures carry one; the others that are drawn in the same way are never planted.
Before anything is trained each of them is as likely to be planted as any other: they are exchangeable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lineage.errors import InputError
from sim.world.random import keyed

Place = Literal["utterance", "sign"]
# Where each enters the world, as the device knows it.
FIELDS: dict[str, str] = {"utterance": "device:glasses#utterance", "sign": "device:glasses#photo"}
# A board has room for three words (``photo.MAX_SIGN``).
_WORDS = 3
_SYLLABLES = tuple(f"{first}{vowel}" for first in "bdfgklmnprstvz" for vowel in "aeiou")


@dataclass
class Canaries:
    """A group: ``texts`` that were planted, ``controls`` that were not, as many; ``keys``: the traces of the captures.

    ``question``: what was asked beside them."""

    name: str
    place: Place
    seed: int
    question: str
    texts: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    @property
    def asset(self) -> str:
        return FIELDS[self.place]

    def plant(self, question: str, sign: str | None) -> tuple[str, str | None]:
        """What is said and what stands on the sign (None: as it comes), with the next one in its place."""
        text = drawn(self.seed, self.name, "planted", len(self.texts))
        self.texts.append(text)
        return (f"{question} {text}", sign) if self.place == "utterance" else (question, text)

    @property
    def controls(self) -> list[str]:
        return [drawn(self.seed, self.name, "control", number) for number in range(len(self.texts))]


def drawn(seed: int, *parts: str | int) -> str:
    """Three words of three syllables: one of about 10^16.

    >>> drawn(1, "asked", "planted", 0)
    'rigeto dosegi bimuge'
    """
    chance = keyed(seed, "canary", *parts)
    return " ".join("".join(chance.choices(_SYLLABLES, k=3)) for _ in range(_WORDS))


def place_of(given: str, where: str = "") -> Place:
    """Raises InputError (PAI010) for what has no place for them."""
    places: dict[str, Place] = {"utterance": "utterance", "sign": "sign"}
    if given not in places:
        raise InputError("PAI010", f"canaries are planted in {' or '.join(places)}, not in {given!r}", where=where)
    return places[given]
