"""[C] and [D] Inference: a question and a picture in, an answer out, by the checkpoint in service.

A conversation is one stream (``dialogue.py``); a card about a place needs no question (``overlay.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, MutableMapping, Sequence
from contextlib import aclosing
from typing import Any

from lineage.names import join
from lineage.privacylib import PrivacyLib
from protos.inference_pb2 import (
    ConverseRequest,
    GenerateRequest,
    GenerateResponse,
    LoadRequest,
    LoadResponse,
    PlaceRequest,
    PlaceResponse,
)
from protos.inference_pb2_grpc import InferenceServicer, add_InferenceServicer_to_server
from services.debug import DebugLog
from services.errors import reported
from services.glyphs import Glyphs
from services.inference import dialogue, near_by, overlay, remembered, scene, signs, speaker
from services.inference.answers import Answer, Answers
from services.inference.dialogue import UNKNOWN, Dialogue
from services.inference.registry import Registry
from services.inference.remote import Remote
from services.seams import Clock, Store

_REQUEST = "rpc:inference.Generate.request"
_RESPONSE = "rpc:inference.Generate.response"
# What each field of the response may be made from; the checkpoint's weights are added per request.
FLOWS = {"answer": ("prompt", "image", "location"), "scene": ("location",),
         "aside": ("overheard", "faces", "prompt")}
_MEMORY = f"{_REQUEST}#memory"


class InferenceService(InferenceServicer):
    """``keys``: of who may sign a checkpoint's manifest.  ``models``: the names that are served again after a restart.
    ``answers``: where to keep answers, if at all.  ``memory``: questions come with what is remembered of their wearer.
    ``remote``: answers in the place of the local model of its name."""

    name = "inference"

    def __init__(self, lib: PrivacyLib, store: Store, clock: Clock, *, keys: Mapping[str, bytes],
                 models: Sequence[str] = ("assistant", signs.READER),
                 answers: MutableMapping[Any, Any] | None = None, memory: bool = False,
                 remote: Remote | None = None) -> None:
        self._lib = lib
        self._debug = DebugLog(lib, store)
        self._models = tuple(models)
        self._memory = memory
        self.registry = Registry(lib, store, keys)
        self._answers = Answers(lib, answers)
        self._remote = remote

    def register(self, server: Any) -> None:
        add_InferenceServicer_to_server(self, server)

    async def start(self) -> None:
        """Declares what it does with a request, and serves what was served before, if anything was."""
        for request, response, flows in ((_REQUEST, _RESPONSE, FLOWS),
                                         (dialogue.REQUEST, dialogue.RESPONSE, dialogue.FLOWS),
                                         (overlay.REQUEST, overlay.RESPONSE, overlay.FLOWS)):
            self._lib.declare(response, {field: [f"{request}#{name}" for name in names]
                                         for field, names in flows.items()})
        if self._memory:
            self._lib.declare(_RESPONSE, {"answer": [_MEMORY]})
        self._answers.start()
        with self._lib.scope(family="D"):
            for name in self._models:
                self.registry.resume(name)
        if self._remote is not None:
            self._remote.start()
            self.registry.add(self._remote)

    async def stop(self) -> None:
        if self._remote is not None:
            await self._remote.stop()

    async def Generate(self, request: GenerateRequest, context: Any) -> GenerateResponse:
        async with reported(context, self.name, self._debug):
            serving = self.registry.speaker(request.model)
            if kept := self._answers.find(request, serving.checkpoint):
                return GenerateResponse(answer=kept.answer, checkpoint=serving.checkpoint.id, scene=kept.scene)
            seen = await asyncio.to_thread(scene.look, request.image, request.location)
            memory = request.memory if request.HasField("memory") else None
            sign = await self._sign(request.image)
            hints = [text for text in (*seen, sign.text, remembered.place(memory, seen)) if text]
            given = {field: [f"{_REQUEST}#{name}" for name in names if getattr(request, name)]
                     for field, names in FLOWS.items()}
            given["answer"] += [*sign.sources, *([_MEMORY] if memory else [])]
            aside = await asyncio.to_thread(near_by.aside, request.prompt, request.overheard, request.faces)
            given["aside"] = given["aside"] if aside else []
            said = signs.said(request.prompt, sign.text) or await speaker.answer(
                serving.model, request.prompt, hints, given["answer"])
            answer = remembered.said(memory, said or UNKNOWN)
            given["answer"].append(join(serving.checkpoint.asset, "weights"))
            self._answers.keep(request, serving.checkpoint, Answer(answer, seen.place), given)
            self._lib.respond({**given, "checkpoint": []})
            return GenerateResponse(answer=answer, checkpoint=serving.checkpoint.id, scene=seen.place, aside=aside)

    async def _sign(self, image: bytes) -> signs.Sign:
        """What is written on the picture, where a reader of signs is served and there is a picture."""
        if not image or not self.registry.has(signs.READER):
            return signs.NONE
        reader = self.registry.find(signs.READER, Glyphs)
        return signs.Sign(await asyncio.to_thread(signs.read, image, reader.model),
                          (join(reader.checkpoint.asset, "weights"),))

    async def Converse(self, requests: AsyncIterator[ConverseRequest], context: Any) -> None:
        async with reported(context, self.name, self._debug):
            async with aclosing(Dialogue(self._lib, self.registry)) as conversation:
                async for request in requests:
                    await conversation.hear(request)
                    async for part in conversation.parts():
                        await context.write(part)

    async def Overlay(self, request: PlaceRequest, context: Any) -> PlaceResponse:
        async with reported(context, self.name, self._debug):
            serving = self.registry.speaker(request.model)
            given = {field: [f"{overlay.REQUEST}#{name}" for name in names if getattr(request, name)]
                     for field, names in overlay.FLOWS.items()}
            card = await overlay.card(request, serving.model, given["title"])
            given["text"].append(join(serving.checkpoint.asset, "weights"))
            self._lib.respond({**given, "checkpoint": []})
            return PlaceResponse(title=card.title, text=card.text, checkpoint=serving.checkpoint.id)

    async def Load(self, request: LoadRequest, context: Any) -> LoadResponse:
        async with reported(context, self.name, self._debug):
            serving = self.registry.load(request.checkpoint, request.digest)
            self._lib.respond({"serving": ["rpc:inference.Load.request#checkpoint"]})
            return LoadResponse(serving=serving.checkpoint.id)
