"""[C] One question and its answer: what is seen, read and remembered becomes hints, a model answers, a classifier reads
the answer, and the response says what it is made of.
"""

from __future__ import annotations

import asyncio

from lineage.names import join
from lineage.privacylib import PrivacyLib
from protos.inference_pb2 import GenerateRequest, GenerateResponse
from services.glyphs import Glyphs
from services.inference import genai, looked_up, near_by, remembered, roles, scene, signs, speaker
from services.inference.answers import Answer, Answers
from services.inference.dialogue import UNKNOWN
from services.inference.limits import within
from services.inference.registry import Registry
from services.inference.review import CLASSIFIER, Review
from services.lookup import Index

REQUEST = "rpc:inference.Generate.request"
RESPONSE = "rpc:inference.Generate.response"
MEMORY = f"{REQUEST}#memory"
# What each field of the response may be made from; the checkpoint's weights are added per request.
FLOWS = {"answer": ("prompt", "image", "location"), "scene": ("location",),
         "aside": ("overheard", "faces", "prompt")}


class Question:
    """Answers questions: ``answers`` are those that are kept."""

    def __init__(self, lib: PrivacyLib, registry: Registry, answers: Answers, review: Review) -> None:
        self._lib = lib
        self._registry = registry
        self._answers = answers
        self._review = review

    async def answer(self, request: GenerateRequest) -> GenerateResponse:
        """Raises InputError (PAI002, PAI004, PAI037), RunError (PAI031, PAI035)."""
        for field in ("prompt", "overheard"):
            within(getattr(request, field), f"the {field}", f"{REQUEST}#{field}")
        model = roles.of_question(self._registry, request.model, remembered=request.HasField("memory"),
                                  pictured=bool(request.image))
        serving = self._registry.speaker(model)
        others = self._others(request)
        digests = [serving.checkpoint.digest, *map(self._registry.digest, others)]
        if kept := self._answers.find(request, digests):
            for name in filter(self._registry.has, others):
                self._registry.find(name, object)  # it may have had a part in what is kept: may it still, for this?
            (answer, place), given = kept
            aside, asked = "", request.prompt
        else:
            seen = await asyncio.to_thread(scene.look, request.image, request.location)
            memory = request.memory if request.HasField("memory") else None
            sign = await self._sign(request.image)
            earlier = await self._looked_up(request)
            hints = [text for text in (*seen, sign.text, remembered.place(memory, seen), earlier.text) if text]
            given = {field: [f"{REQUEST}#{name}" for name in names if getattr(request, name)]
                     for field, names in FLOWS.items()}
            given["answer"] += [*sign.sources, *earlier.sources, *([MEMORY] if memory else [])]
            aside = await asyncio.to_thread(near_by.aside, request.prompt, request.overheard, request.faces)
            given["aside"] = given["aside"] if aside else []
            said = signs.said(request.prompt, sign.text) or await speaker.answer(
                serving.model, request.prompt, hints, given["answer"])
            answer = looked_up.said(earlier.text, remembered.said(memory, said or UNKNOWN))
            place, asked = seen.place, " ".join((request.prompt, *hints))
            given["answer"].append(join(serving.checkpoint.asset, "weights"))
            if digests[1:] == [*map(self._registry.digest, others)]:  # else one was changed in the middle
                self._answers.keep(request, digests, Answer(answer, place), given)
        reviewed = self._review.of(RESPONSE, {"answer": answer, "aside": aside}, given)
        self._lib.respond({**reviewed.sources, "checkpoint": []}, detail=genai.attributes(
            genai.CHAT, request.model, serving.checkpoint, (len(asked.split()), len(answer.split())),
            finish=genai.FILTERED if reviewed.withheld else genai.STOP))
        return GenerateResponse(checkpoint=serving.checkpoint.id, scene=place, **reviewed.texts)

    def _others(self, request: GenerateRequest) -> tuple[str, ...]:
        """The models, beside the one that answers, that may have a part in what is said; an answer that is kept may
        have come with a picture."""
        return (signs.READER, CLASSIFIER, *((looked_up.INDEX,) if request.model == roles.ASSISTANT else ()))

    async def _sign(self, image: bytes) -> signs.Sign:
        """What is written on the picture, where a reader of signs is served and there is a picture."""
        if not image or not self._registry.has(signs.READER):
            return signs.NONE
        reader = self._registry.find(signs.READER, Glyphs)
        return signs.Sign(await asyncio.to_thread(signs.read, image, reader.model),
                          (join(reader.checkpoint.asset, "weights"),))

    async def _looked_up(self, request: GenerateRequest) -> looked_up.LookedUp:
        """What was answered to a question like this one, where an index is served and the assistant is asked."""
        if request.model != roles.ASSISTANT or not self._registry.has(looked_up.INDEX):
            return looked_up.NONE
        index = self._registry.find(looked_up.INDEX, Index)
        return looked_up.LookedUp(await asyncio.to_thread(looked_up.find, index.model, request.prompt),
                                  (join(index.checkpoint.asset, "weights"),))
