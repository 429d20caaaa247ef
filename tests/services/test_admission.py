"""What an executed manifest says of whom was asked for consent, and what that is worth by the rules of now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lineage.enforce.requirement import Requirement
from lineage.errors import PolicyDenied
from lineage.privacylib import PrivacyLib
from services import checkpoint as checkpoints
from services.admission import Asked, Unasked, asked
from services.ancestry import Link
from services.model import Model
from tests.services.fakes import signed
from tests.services.test_ancestry import Ruled
from tests.services.test_inference import MADE, put

G = "GLASSES_INTERACTION"
T = "warehouse:core.sessions"


def link(purpose: str, consenting: list[str], **more: Any) -> Link:
    request = {"purpose": purpose, "inputs": [{"asset": f"{T}#said", "annotations": ["A"]}, {"asset": "corpus:x"}],
               "origins": [{"asset": f"{T}#region", "annotations": ["B"]}, {"asset": "warehouse:core.other#region"}]}
    return Link(replace(MADE, executed={"admission": {"request": request, "consenting": consenting, **more}}), ())


def test_whom_a_run_on_the_way_back_did_not_ask_is_told() -> None:
    everybody, some = (link("assistance", ["core.sessions"], unasked=unasked, origins=["warehouse:core.sessions=-US"])
                       for unasked in ([], [f"{T}=-EEA"]))
    assert asked([everybody]) == Asked("assistance") and asked([]) == Asked()
    assert asked([link("safety", ["core.sessions"]), some]) == Asked(
        "safety", (Unasked(("A", "B"), "-EEA", "-US"),))
    assert asked([some, link("assistance", [])]) == Asked()


async def test_a_rule_that_comes_later_and_asks_more_ends_what_is_served(tmp_path: Path) -> None:
    some = Requirement("mine", 1, "o", "z", "enforcement", frozenset({G}), frozenset({"assistance"}),
                       consent_by_origin={"EEA": ("assistance",)})
    request = {"purpose": "assistance", "inputs": [{"asset": f"{T}#said", "annotations": [G], "annotated": True}],
               "origins": [{"asset": f"{T}#region", "annotations": [G], "annotated": True}]}
    store = put(tmp_path)
    store.write(checkpoints.manifest_path(MADE.id), signed(MADE, admission={
        "request": request, "origins": [], "consenting": ["core.sessions"], "unasked": [f"{T}=-EEA"]}))
    ruled = Ruled(some)
    registry = ruled.registry(store, lib := PrivacyLib("inference"))
    with lib.scope(purpose="assistance"):
        await registry.load(MADE.id)
        assert registry.find("assistant", Model)
        ruled.book.replace([replace(some, version=2, consent=("assistance",), consent_by_origin={})])
        with pytest.raises(PolicyDenied, match="from anywhere but EEA, whom the run of") as caught:
            registry.find("assistant", Model)
        assert caught.value.code == "PAI335"
        with pytest.raises(PolicyDenied, match="fewer rows"):  # as it is judged when it is loaded
            await registry.load(MADE.id)
