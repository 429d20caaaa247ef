"""[C] One conversation: each turn's answer in parts, made as they are wanted, cut off by the next turn.

At most WINDOW parts are under way that the wearer has not heard: nothing is made that nobody waits for, and an
answer that is cut off stops there.  What was said before comes with each turn; nothing is remembered here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from lineage.errors import InputError
from lineage.names import join
from lineage.privacylib import PrivacyLib
from protos.inference_pb2 import ConverseRequest, ConverseResponse
from services.inference import genai, scene
from services.inference.limits import within
from services.inference.registry import Registry, Serving
from services.inference.review import Review
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

    def __init__(self, lib: PrivacyLib, registry: Registry, review: Review) -> None:
        self._lib = lib
        self._registry = registry
        self._review = review
        # What has been said in this turn.
        self._said = ""
        self._asked: tuple[str, Serving[Speaker], int] | None = None
        self._turn = 0
        self._wanted = 0
        self._answer: AsyncGenerator[ConverseResponse, None] | None = None
        self._sources: dict[str, list[str]] = {}

    async def hear(self, request: ConverseRequest) -> None:
        """A turn, or that a part was heard.

        Raises InputError (PAI004, PAI037), RunError (PAI031) without a checkpoint.
        """
        for field in ("prompt", "history"):
            within(getattr(request, field), f"the {field}", f"{REQUEST}#{field}")
        if request.prompt:
            serving = self._registry.speaker(request.model)
            await self.aclose()
            self._turn += 1
            self._wanted = WINDOW
            self._sources = {field: [f"{REQUEST}#{name}" for name in names if getattr(request, name)]
                             for field, names in FLOWS.items()}
            self._answer = _answer(serving, request, self._turn, tuple(self._sources["part"]))
            self._sources["part"].append(join(serving.checkpoint.asset, "weights"))
            self._said, self._asked = "", (request.model, serving, len(f"{request.history} {request.prompt}".split()))
        elif request.heard:
            self._wanted = min(self._wanted + 1, WINDOW)
        else:
            raise InputError("PAI004", "a turn needs a prompt", where=f"{REQUEST}#prompt")

    async def aclose(self) -> None:
        """What is left of the answer is not made any more."""
        if self._answer is not None:
            await self._answer.aclose()

    async def parts(self) -> AsyncIterator[ConverseResponse]:
        """As many parts as are wanted now, each when it is asked for; none after one that is withheld."""
        while self._wanted and self._answer and (part := await anext(self._answer, None)) is not None:
            self._wanted -= 1
            reviewed = self._review.of(RESPONSE, {"part": part.part}, self._sources, {"part": self._said})
            self._said = f"{self._said} {part.part}".strip()
            if reviewed.withheld:
                part.part, part.last = reviewed.texts["part"], True
                await self.aclose()
            self._lib.respond({**reviewed.sources, "checkpoint": []}, detail=self._described(part, reviewed.withheld))
            yield part

    def _described(self, part: ConverseResponse, withheld: Sequence[str]) -> dict[str, Any]:
        assert self._asked is not None
        model, serving, tokens = self._asked
        return genai.attributes(genai.CHAT, model, serving.checkpoint, (tokens, len(part.part.split())),
                                finish=genai.FILTERED if withheld else genai.STOP if part.last else "")


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
