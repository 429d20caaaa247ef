"""[D] The kinds of model that training makes and inference serves, by the name that manifests have for them.

A model's bytes depend on the rows that it was trained on, and on nothing else: what they were, whose, and who trained
it stands in the checkpoint's manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from services import embedding, glyphs, lookup, model, safety

# The kind that a run that is to index makes, and no other run.
INDEX = "index"
_NONE: Mapping[str, range] = MappingProxyType({})


class Trained(Protocol):
    def dumps(self) -> bytes:
        """The weights, as safetensors."""


class Kind(NamedTuple):
    """``train``: (what is given, what it stands for) rows, and parameters → model; raises InputError (PAI020).
    ``loads``: raises InputError (PAI004) for bytes that are no such model.
    ``tune``: a model, rows and parameters → the model that goes on from it; None where this kind cannot.
    ``begins``: the kind of the model that it goes on from, where that is another one.

    ``parameters`` and ``tuning``: what a manifest may say, with the values that each may have.
    """

    train: Callable[..., Trained]
    loads: Callable[[bytes], Trained]
    tune: Callable[..., Trained] | None = None
    parameters: Mapping[str, range] = _NONE
    tuning: Mapping[str, range] = _NONE
    begins: str = ""

    def known(self, tuned: bool) -> Mapping[str, range]:
        return self.tuning if tuned else self.parameters


KINDS: dict[str, Kind] = {
    # Question → answer.
    "text": Kind(model.train, model.loads, model.tune,
                 {"history": model.HISTORIES, "cues": range(1, 65)}, {"cues": range(1, 65), "times": range(1, 101)}),
    # Picture of a character → the character.
    "signs": Kind(glyphs.train, glyphs.loads),
    # Texts → which of their words and letters are rare, so that a text becomes a vector.
    "embedding": Kind(embedding.train, embedding.loads),
    # Text → may an assistant say it.
    "safety": Kind(safety.train, safety.loads),
    # Text → what stands beside the nearest text.
    INDEX: Kind(lookup.train, lookup.loads, lookup.build, {"least": lookup.LEASTS}, {"least": lookup.LEASTS},
                "embedding"),
}
