"""[C] The answer cache: a question that was answered at a place, by the same checkpoints, is not answered again.

Off unless the service is given a mapping to keep answers in.  An entry is not its asker's alone: who asks
the same at the same place is told what the first one was told, down to the words about the first one's
picture.  That is a flow from one wearer to another, which is what makes a cache worth watching.  An answer that
is made of what is remembered of one wearer, or comes with something of the people near her, is neither kept nor
looked for.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any, NamedTuple

from lineage.model import Label
from lineage.names import join
from lineage.privacylib import PrivacyLib
from protos.inference_pb2 import GenerateRequest
from services.inference import scene

ASSET = "inference:answers"
_GOVERNED = ("GLASSES_INTERACTION",)
LABELS = {
    "question": Label("user.utterance", _GOVERNED), "place": Label("user.location", _GOVERNED),
    "digest": Label(operational="digest"), "answer": Label("user.answer", _GOVERNED),
    "scene": Label("user.location", _GOVERNED)}
_REQUEST = "rpc:inference.Generate.request"
_SOUGHT = {"question": ("prompt",), "place": ("location",)}


class Answer(NamedTuple):
    answer: str
    scene: str


class Answers:
    """``mapping``: where answers are kept and thrown out by age and room; None keeps none."""

    def __init__(self, lib: PrivacyLib, mapping: MutableMapping[Any, Any] | None) -> None:
        self._lib = lib
        self._kept = None if mapping is None else lib.mapping(mapping, ASSET, tuple(LABELS))

    def start(self) -> None:
        if self._kept is not None:
            self._lib.register(ASSET, LABELS, owner="inference", family="C")
            self._lib.declare(ASSET, {field: [f"{_REQUEST}#{name}" for name in names]
                                      for field, names in _SOUGHT.items()})

    def find(self, request: GenerateRequest, digests: Sequence[str]) -> tuple[Answer, dict[str, list[str]]] | None:
        """The answer that is kept, and what it is made of field by field.  ``digests``: of all checkpoints that have a
        part in an answer to this, empty where none is served.  Raises InputError (PAI004)."""
        if self._kept is None or _personal(request):
            return None
        found: Answer | None = self._kept.get(_key(request, digests))
        if found is None:
            return None
        sought = [f"{_REQUEST}#{name}" for name in ("prompt", "location") if getattr(request, name)]
        return found, {"answer": [*sought, join(ASSET, "answer")], "scene": [join(ASSET, "scene")]}

    def keep(self, request: GenerateRequest, digests: Sequence[str], answer: Answer,
             sources: dict[str, list[str]]) -> None:
        """``digests``: as :meth:`find`.  ``sources``: of the answer's fields, as the response names them."""
        if self._kept is not None and not _personal(request):
            sought = {field: [f"{_REQUEST}#{name}" for name in names if getattr(request, name)]
                      for field, names in _SOUGHT.items()}
            self._kept.put(_key(request, digests), answer,
                           sources={**sought, "digest": [], **{name: sources[name] for name in Answer._fields}})


def _personal(request: GenerateRequest) -> bool:
    """What is remembered of one wearer, or was seen and heard of the people near her, is for nobody else."""
    return request.HasField("memory") or bool(request.overheard or request.faces)


def _key(request: GenerateRequest, digests: Sequence[str]) -> tuple[str, str, str]:
    """Question, place and digests; positions near one landmark are one place, far from every one they are none."""
    place = scene.nearest(*scene.position(request.location)) if request.location else ""
    return " ".join(request.prompt.lower().split()), place, ",".join(digests)
