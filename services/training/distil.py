"""[D] Distillation: a model is trained on what another one answers, which is really asked, as any caller asks it.

The answers carry what the teacher has learnt, so the student has the labels of the teacher's weights, of the prompts,
and those that the contract of an answer has, whoever taught.
"""

from __future__ import annotations

from typing import Any

from lineage.errors import InputError
from protos.inference_pb2 import GenerateRequest, GenerateResponse
from services.checkpoint import Checkpoint
from services.errors import calling
from services.training.chain import ANSWER
from services.training.gate import MANIFEST
from services.training.reader import Material
from services.training.runs import DISTILLATION

# Seconds for one answer.
DEADLINE = 15.0


async def answers(inference: Any, teacher: Checkpoint, material: Material) -> None:
    """Asks the teacher every prompt of the material once, and puts (prompt, answer) to its rows.

    Raises InputError (PAI029) where another checkpoint answers than the one whose labels were admitted; what
    inference raises otherwise.
    """
    said: dict[str, str] = {}
    for prompt in sorted(set(material.prompts)):
        with calling("inference"):
            response: GenerateResponse = await inference.Generate(
                GenerateRequest(model=teacher.id, prompt=prompt),
                sources={"model": [MANIFEST], "prompt": material.asked}, timeout=DEADLINE)
        if response.checkpoint != teacher.id:
            raise InputError("PAI029", f"{response.checkpoint} answered in the place of {teacher.id}, which was "
                                       "admitted",
                             where=teacher.asset, next="train again")
        said[prompt] = response.answer
    material.pairs += [(prompt, said[prompt]) for prompt in material.prompts if said[prompt]]
    if said:
        material.sources.append(ANSWER)
        material.kinds[ANSWER] = DISTILLATION
