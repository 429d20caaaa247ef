"""[C] and [D] Inference: a question and a picture in, an answer out, by the checkpoint in service."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from lineage.names import join
from lineage.privacylib import PrivacyLib
from protos.inference_pb2 import GenerateRequest, GenerateResponse, LoadRequest, LoadResponse
from protos.inference_pb2_grpc import InferenceServicer, add_InferenceServicer_to_server
from services.errors import reported
from services.inference import scene
from services.inference.registry import Registry
from services.seams import Clock, Store

_REQUEST = "rpc:inference.Generate.request"
UNKNOWN = "I do not know yet."


class InferenceService(InferenceServicer):
    """``models``: the names that are served again after a restart."""

    name = "inference"

    def __init__(self, lib: PrivacyLib, store: Store, clock: Clock, *, models: Sequence[str] = ("assistant",)) -> None:
        self._lib = lib
        self._models = tuple(models)
        self.registry = Registry(lib, store)

    def register(self, server: Any) -> None:
        add_InferenceServicer_to_server(self, server)

    async def start(self) -> None:
        """Serves what was served before, if anything was."""
        with self._lib.scope(family="D"):
            for name in self._models:
                self.registry.resume(name)

    async def stop(self) -> None:
        """Nothing is kept outside the store."""

    async def Generate(self, request: GenerateRequest, context: Any) -> GenerateResponse:
        async with reported(context, self.name):
            serving = self.registry.find(request.model)
            seen = await asyncio.to_thread(scene.look, request.image, request.location)
            answer = serving.model.answer(request.prompt, [text for text in seen if text]) or UNKNOWN
            weights = join(serving.checkpoint.asset, "weights")
            self._lib.respond({
                "answer": [f"{_REQUEST}#prompt", f"{_REQUEST}#image", f"{_REQUEST}#location", weights],
                "scene": [f"{_REQUEST}#location"],
                "checkpoint": [],
            })
            return GenerateResponse(answer=answer, checkpoint=serving.checkpoint.id, scene=seen.place)

    async def Load(self, request: LoadRequest, context: Any) -> LoadResponse:
        async with reported(context, self.name):
            serving = self.registry.load(request.checkpoint, request.digest)
            self._lib.respond({"serving": ["rpc:inference.Load.request#checkpoint"]})
            return LoadResponse(serving=serving.checkpoint.id)
