"""[C] and [D] Inference: a question and a picture in, an answer out, by the checkpoint in service."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping, Sequence
from typing import Any

from lineage.names import join
from lineage.privacylib import PrivacyLib
from protos.inference_pb2 import GenerateRequest, GenerateResponse, LoadRequest, LoadResponse
from protos.inference_pb2_grpc import InferenceServicer, add_InferenceServicer_to_server
from services.errors import reported
from services.inference import scene
from services.inference.answers import Answer, Answers
from services.inference.registry import Registry
from services.seams import Clock, Store

_REQUEST = "rpc:inference.Generate.request"
_RESPONSE = "rpc:inference.Generate.response"
# What each field of the response may be made from; the checkpoint's weights are added per request.
FLOWS = {"answer": ("prompt", "image", "location"), "scene": ("location",)}
UNKNOWN = "I do not know yet."


class InferenceService(InferenceServicer):
    """``models``: the names that are served again after a restart.  ``answers``: where to keep answers, if at all."""

    name = "inference"

    def __init__(self, lib: PrivacyLib, store: Store, clock: Clock, *, models: Sequence[str] = ("assistant",),
                 answers: MutableMapping[Any, Any] | None = None) -> None:
        self._lib = lib
        self._models = tuple(models)
        self.registry = Registry(lib, store)
        self._answers = Answers(lib, answers)

    def register(self, server: Any) -> None:
        add_InferenceServicer_to_server(self, server)

    async def start(self) -> None:
        """Declares what it does with a request, and serves what was served before, if anything was."""
        self._lib.declare(_RESPONSE, {field: [f"{_REQUEST}#{name}" for name in names]
                                      for field, names in FLOWS.items()})
        self._answers.start()
        with self._lib.scope(family="D"):
            for name in self._models:
                self.registry.resume(name)

    async def stop(self) -> None:
        """Nothing is kept outside the store."""

    async def Generate(self, request: GenerateRequest, context: Any) -> GenerateResponse:
        async with reported(context, self.name):
            serving = self.registry.find(request.model)
            if kept := self._answers.find(request, serving.checkpoint):
                return GenerateResponse(answer=kept.answer, checkpoint=serving.checkpoint.id, scene=kept.scene)
            seen = await asyncio.to_thread(scene.look, request.image, request.location)
            answer = serving.model.answer(request.prompt, [text for text in seen if text]) or UNKNOWN
            given = {field: [f"{_REQUEST}#{name}" for name in names if getattr(request, name)]
                     for field, names in FLOWS.items()}
            given["answer"].append(join(serving.checkpoint.asset, "weights"))
            self._answers.keep(request, serving.checkpoint, Answer(answer, seen.place), given)
            self._lib.respond({**given, "checkpoint": []})
            return GenerateResponse(answer=answer, checkpoint=serving.checkpoint.id, scene=seen.place)

    async def Load(self, request: LoadRequest, context: Any) -> LoadResponse:
        async with reported(context, self.name):
            serving = self.registry.load(request.checkpoint, request.digest)
            self._lib.respond({"serving": ["rpc:inference.Load.request#checkpoint"]})
            return LoadResponse(serving=serving.checkpoint.id)
