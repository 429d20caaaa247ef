"""[C] One conversation: each turn's answer in parts, made as they are wanted, cut off by the next turn.

At most WINDOW parts are under way that the wearer has not heard: nothing is made that nobody waits for, and an
answer that is cut off stops there.  What was said before comes with each turn; nothing is remembered here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from lineage.errors import InputError
from lineage.names import join
from lineage.privacylib import PrivacyLib
from protos.inference_pb2 import ConverseRequest, ConverseResponse
from services.inference import scene
from services.inference.registry import Registry, Serving
from services.model import Model

REQUEST = "rpc:inference.Converse.request"
RESPONSE = "rpc:inference.Converse.response"
# What a part may be made from; the checkpoint's weights are added per turn.
FLOWS = {"part": ("prompt", "history", "location")}
WINDOW = 2
# Words of a part.
WORDS = 4
UNKNOWN = "I do not know yet."


class Dialogue:
    """Feed it each request as it arrives (:meth:`hear`), then send what :meth:`parts` gives."""

    def __init__(self, lib: PrivacyLib, registry: Registry) -> None:
        self._lib = lib
        self._registry = registry
        self._turn = 0
        self._wanted = 0
        self._answer: Iterator[ConverseResponse] = iter(())
        self._sources: dict[str, list[str]] = {}

    def hear(self, request: ConverseRequest) -> None:
        """A turn, or that a part was heard.  Raises InputError (PAI004), RunError (PAI031) without a checkpoint."""
        if request.prompt:
            serving = self._registry.find(request.model, Model)
            self._turn += 1
            self._wanted = WINDOW
            self._sources = {field: [f"{REQUEST}#{name}" for name in names if getattr(request, name)]
                             for field, names in FLOWS.items()}
            self._sources["part"].append(join(serving.checkpoint.asset, "weights"))
            self._answer = _answer(serving, request, self._turn)
        elif request.heard:
            self._wanted = min(self._wanted + 1, WINDOW)
        else:
            raise InputError("PAI004", "a turn needs a prompt", where=f"{REQUEST}#prompt")

    def parts(self) -> Iterator[ConverseResponse]:
        """As many parts as are wanted now, each when it is asked for."""
        while self._wanted and (part := next(self._answer, None)) is not None:
            self._wanted -= 1
            self._lib.respond({**self._sources, "checkpoint": []})
            yield part


def _answer(serving: Serving[Model], request: ConverseRequest, turn: int) -> Iterator[ConverseResponse]:
    """The parts of one answer; the model goes on only as far as the part that is asked for, and one ahead."""
    place = scene.nearest(*scene.position(request.location, f"{REQUEST}#location")) if request.location else ""
    hints = [text for text in (place, request.history) if text]
    words = iter(serving.model.words(request.prompt, hints))
    part = list(islice(words, WORDS)) or UNKNOWN.split()
    while part:
        following = list(islice(words, WORDS))
        yield ConverseResponse(turn=turn, part=" ".join(part), last=not following, checkpoint=serving.checkpoint.id)
        part = following
