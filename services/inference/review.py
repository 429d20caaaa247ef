"""[C] Every response is read before it leaves, where a safety classifier is served: what it would not say is withheld.

The lineage of what leaves then goes through the draft, and through what the classifier decided about it: that is made
of the draft and of the classifier's weights, and it decides about the response either way.  Each field is decided
about on its own: what was said of bystanders has no part in whether the answer may leave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lineage.errors import RunError
from lineage.model import Finding, Label
from lineage.names import join
from lineage.privacylib import PrivacyLib
from lineage.privacylib.probes import hand_over
from services.inference.registry import Registry
from services.safety import Classifier

# The model's name.
CLASSIFIER = "safety"
# What was to leave, and what was decided about it, field by field.
DRAFT, REVIEW = "inference:draft", "inference:review"
# In the place of what is withheld.
NEUTRAL = "I cannot say that."
_GOVERNED = ("GLASSES_INTERACTION",)
_LABELS = {"answer": Label("user.answer", _GOVERNED), "text": Label("user.answer", _GOVERNED),
           "part": Label("user.answer", _GOVERNED),
           "aside": Label("user.bystander", (*_GOVERNED, "BYSTANDER"))}


class Reviewed(NamedTuple):
    """``texts`` and ``sources``: of each field, as it leaves; ``withheld``: the fields that do not."""

    texts: dict[str, str]
    sources: dict[str, list[str]]
    withheld: tuple[str, ...] = ()


class Review:
    def __init__(self, lib: PrivacyLib, registry: Registry) -> None:
        self._lib = lib
        self._registry = registry

    def of(self, response: str, texts: Mapping[str, str], sources: Mapping[str, Sequence[str]],
           beside: Mapping[str, str] | None = None) -> Reviewed:
        """``response``: the asset that leaves; ``texts``: of its fields, those that say something; ``sources``: what
        each is made of.  ``beside``: what was said before, which is read together with a field.

        Raises RunError (PAI031) where a classifier was served and cannot be any more."""
        kept = {field: list(names) for field, names in sources.items()}
        said = {field: text for field, text in texts.items() if text}
        if self._registry.lost(CLASSIFIER):
            raise RunError("PAI031", "the safety classifier cannot be served again: nothing leaves unread",
                           where="inference", next="train it again")
        if not said or not self._registry.has(CLASSIFIER):
            return Reviewed(dict(texts), kept)
        reader = self._registry.find(CLASSIFIER, Classifier)
        self._register()
        hand_over(self._lib, DRAFT, said, {field: kept[field] for field in said})
        withheld = tuple(field for field, text in said.items()
                         if reader.model.unsafe(" ".join(filter(None, ((beside or {}).get(field, ""), text)))))
        weights = join(reader.checkpoint.asset, "weights")
        hand_over(self._lib, REVIEW, {field: "withheld" if field in withheld else "passed" for field in said},
                  {field: [join(DRAFT, field), weights] for field in said})
        for field in withheld:
            self._lib.finding(Finding(
                "PAI217", join(response, field), f"a response was withheld: {reader.checkpoint.id} takes it for unsafe",
                "read the classifier's corpus, or have it trained anew"))
        made = {field: [*(() if field in withheld else (join(DRAFT, field),)), join(REVIEW, field)] for field in said}
        return Reviewed({field: NEUTRAL if field in withheld else text for field, text in texts.items()}, kept | made,
                        withheld)

    def _register(self) -> None:
        self._lib.register(DRAFT, _LABELS, owner="inference", family="C")
        self._lib.register(REVIEW, _LABELS, owner="assistant-safety", family="C")
