"""[D] The kinds of model that training makes and inference serves, by the name that manifests have for them.

A model's bytes depend on the rows that it was trained on, and on nothing else: what they were, whose, and who trained
it stands in the checkpoint's manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from services import glyphs, model


class Trained(Protocol):
    def dumps(self) -> bytes:
        """The weights, as safetensors."""


class Kind(NamedTuple):
    """``train``: (what is given, what it stands for) rows → model; raises InputError (PAI020).
    ``loads``: raises InputError (PAI004) for bytes that are no such model."""

    train: Callable[[Sequence[tuple[str, str]]], Trained]
    loads: Callable[[bytes], Trained]


KINDS: dict[str, Kind] = {
    # Question → answer.
    "text": Kind(model.train, model.loads),
    # Picture of a character → the character.
    "signs": Kind(glyphs.train, glyphs.loads),
}
