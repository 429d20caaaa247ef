"""[C] One conversation: each turn's answer in parts, made as they are wanted, cut off by the next turn.

At most WINDOW parts are under way that the wearer has not heard: nothing is made that nobody waits for, and an
answer that is cut off stops there.  What was said before comes with each turn; nothing is remembered here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from lineage.errors import InputError
from lineage.names import join
from lineage.privacylib import PrivacyLib
from protos.inference_pb2 import ConverseRequest, ConverseResponse
from services.inference import scene
from services.inference.registry import Registry, Serving
from services.inference.speaker import Speaker

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
        self._answer: AsyncGenerator[ConverseResponse, None] | None = None
        self._sources: dict[str, list[str]] = {}

    async def hear(self, request: ConverseRequest) -> None:
        """A turn, or that a part was heard.  Raises InputError (PAI004), RunError (PAI031) without a checkpoint."""
        if request.prompt:
            serving = self._registry.speaker(request.model)
            await self.aclose()
            self._turn += 1
            self._wanted = WINDOW
            self._sources = {field: [f"{REQUEST}#{name}" for name in names if getattr(request, name)]
                             for field, names in FLOWS.items()}
            self._answer = _answer(serving, request, self._turn, tuple(self._sources["part"]))
            self._sources["part"].append(join(serving.checkpoint.asset, "weights"))
        elif request.heard:
            self._wanted = min(self._wanted + 1, WINDOW)
        else:
            raise InputError("PAI004", "a turn needs a prompt", where=f"{REQUEST}#prompt")

    async def aclose(self) -> None:
        """What is left of the answer is not made any more."""
        if self._answer is not None:
            await self._answer.aclose()

    async def parts(self) -> AsyncIterator[ConverseResponse]:
        """As many parts as are wanted now, each when it is asked for."""
        while self._wanted and self._answer and (part := await anext(self._answer, None)) is not None:
            self._wanted -= 1
            self._lib.respond({**self._sources, "checkpoint": []})
            yield part


async def _answer(serving: Serving[Speaker], request: ConverseRequest, turn: int,
                  sources: Sequence[str]) -> AsyncGenerator[ConverseResponse, None]:
    """The parts of one answer; the model goes on only as far as the part that is asked for, and one ahead."""
    place = scene.nearest(*scene.position(request.location, f"{REQUEST}#location")) if request.location else ""
    hints = [text for text in (place, request.history) if text]
    async with aclosing(serving.model.words(request.prompt, hints, sources)) as words:
        part = await _next(words) or UNKNOWN.split()
        while part:
            following = await _next(words)
            yield ConverseResponse(turn=turn, part=" ".join(part), last=not following, checkpoint=serving.checkpoint.id)
            part = following


async def _next(words: AsyncIterator[str]) -> list[str]:
    """The words of the next part; none at the end."""
    part: list[str] = []
    while len(part) < WORDS and (word := await anext(words, None)) is not None:
        part.append(word)
    return part
