"""[C] and [D] Inference: a question and a picture in, an answer out, by the checkpoint in service (``question.py``).

A conversation is one stream (``dialogue.py``); a card about a place needs no question (``overlay.py``); texts become
vectors (``embed.py``).  Which checkpoints are in service is said from outside: loaded, rolled out, rolled back.
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
    EmbedRequest,
    EmbedResponse,
    GenerateRequest,
    GenerateResponse,
    LoadRequest,
    LoadResponse,
    PlaceRequest,
    PlaceResponse,
    RollBackRequest,
    RollBackResponse,
    RollOutRequest,
    RollOutResponse,
)
from protos.inference_pb2_grpc import InferenceServicer, add_InferenceServicer_to_server
from services.admission import Permission
from services.debug import DebugLog
from services.embedding import DIMENSIONS, Embedder
from services.errors import reported
from services.inference import dialogue, embed, genai, looked_up, overlay, question, review, roles, signs
from services.inference.answers import Answers
from services.inference.dialogue import Dialogue
from services.inference.question import Question
from services.inference.registry import LOAD, ROLL_BACK, ROLL_OUT, Registry
from services.inference.remote import Remote
from services.inference.review import Review
from services.seams import Clock, Store

MODELS = (roles.ASSISTANT, signs.READER, roles.SCENE, roles.PERSONAL, roles.OVERLAY, embed.EMBEDDER, review.CLASSIFIER,
          looked_up.INDEX)


class InferenceService(InferenceServicer):
    """``keys``: of who may sign a checkpoint's manifest.  ``policy``: a stub, asked before one is served, and
    ``permission`` what is judged here then, and at each answer.  ``models``: the names that are served again after a
    restart.  ``answers``: where to keep answers, if at all.  ``memory``: questions come with what is remembered of
    their wearer.  ``remote``: answers in the place of the local model of its name."""

    name = "inference"

    def __init__(self, lib: PrivacyLib, store: Store, clock: Clock, *, keys: Mapping[str, bytes], policy: Any,
                 permission: Permission, models: Sequence[str] = MODELS,
                 answers: MutableMapping[Any, Any] | None = None, memory: bool = False,
                 remote: Remote | None = None) -> None:
        self._lib = lib
        self._debug = DebugLog(lib, store)
        self._models = tuple(models)
        self._memory = memory
        self.registry = Registry(lib, store, keys, policy, permission, (review.CLASSIFIER,))
        self._answers = Answers(lib, answers)
        self._review = Review(lib, self.registry)
        self._question = Question(lib, self.registry, self._answers, self._review)
        self._remote = remote

    def register(self, server: Any) -> None:
        add_InferenceServicer_to_server(self, server)

    async def start(self) -> None:
        """Declares what it does with a request, and serves what was served before, if anything was."""
        for request, response, flows in ((question.REQUEST, question.RESPONSE, question.FLOWS),
                                         (dialogue.REQUEST, dialogue.RESPONSE, dialogue.FLOWS),
                                         (overlay.REQUEST, overlay.RESPONSE, overlay.FLOWS),
                                         (embed.REQUEST, embed.RESPONSE, embed.FLOWS)):
            self._lib.declare(response, {field: [f"{request}#{name}" for name in names]
                                         for field, names in flows.items()})
        if self._memory:
            self._lib.declare(question.RESPONSE, {"answer": [question.MEMORY]})
        self._answers.start()
        with self._lib.scope(family="D"):
            for name in self._models:
                await self.registry.resume(name)
        if self._remote is not None:
            self._remote.start()
            self.registry.add(self._remote)

    async def stop(self) -> None:
        if self._remote is not None:
            await self._remote.stop()

    async def Generate(self, request: GenerateRequest, context: Any) -> GenerateResponse:
        async with reported(context, self.name, self._debug):
            return await self._question.answer(request)

    async def Converse(self, requests: AsyncIterator[ConverseRequest], context: Any) -> None:
        async with reported(context, self.name, self._debug):
            async with aclosing(Dialogue(self._lib, self.registry, self._review)) as conversation:
                async for request in requests:
                    await conversation.hear(request)
                    async for part in conversation.parts():
                        await context.write(part)

    async def Overlay(self, request: PlaceRequest, context: Any) -> PlaceResponse:
        async with reported(context, self.name, self._debug):
            serving = self.registry.speaker(roles.of_card(self.registry, request.model))
            given = {field: [f"{overlay.REQUEST}#{name}" for name in names if getattr(request, name)]
                     for field, names in overlay.FLOWS.items()}
            card = await overlay.card(request, serving.model, given["title"])
            given["text"].append(join(serving.checkpoint.asset, "weights"))
            reviewed = self._review.of(overlay.RESPONSE, {"text": card.text}, given)
            self._lib.respond({**reviewed.sources, "checkpoint": []}, detail=genai.attributes(
                genai.GENERATE, request.model, serving.checkpoint, (len(card.title.split()), len(card.text.split())),
                finish=genai.FILTERED if reviewed.withheld else genai.STOP))
            return PlaceResponse(title=card.title, checkpoint=serving.checkpoint.id, **reviewed.texts)

    async def Embed(self, request: EmbedRequest, context: Any) -> EmbedResponse:
        async with reported(context, self.name, self._debug):
            serving = self.registry.find(request.model, Embedder)
            vectors = await asyncio.to_thread(embed.vectors, request, serving.model)
            self._lib.respond({"vectors": [f"{embed.REQUEST}#items", join(serving.checkpoint.asset, "weights")],
                               "checkpoint": []}, detail=genai.attributes(
                genai.EMBEDDINGS, request.model, serving.checkpoint,
                (sum(len(item.text.split()) for item in request.items), 0), embeddings_dimension_count=DIMENSIONS))
            return EmbedResponse(vectors=vectors, checkpoint=serving.checkpoint.id)

    async def Load(self, request: LoadRequest, context: Any) -> LoadResponse:
        async with reported(context, self.name, self._debug):
            serving = await self.registry.load(request.checkpoint, request.digest)
            self._lib.respond({"serving": LOAD})
            return LoadResponse(serving=serving.checkpoint.id)

    async def RollOut(self, request: RollOutRequest, context: Any) -> RollOutResponse:
        async with reported(context, self.name, self._debug):
            now = await self.registry.roll_out(request.checkpoint, request.share)
            self._lib.respond({"serving": ROLL_OUT})
            return RollOutResponse(serving=now.serving)

    async def RollBack(self, request: RollBackRequest, context: Any) -> RollBackResponse:
        async with reported(context, self.name, self._debug):
            now = await self.registry.roll_back(request.model)
            self._lib.respond({"serving": ROLL_BACK})
            return RollBackResponse(serving=now.serving)
