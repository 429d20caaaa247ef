"""A checkpoint that is served and refused when it is loaded again does not go on answering."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from lineage.errors import PolicyDenied, SightlineError
from lineage.privacylib import PrivacyLib
from services import checkpoint as checkpoints
from services.inference import traffic
from services.inference.registry import Registry
from services.model import Model
from tests.services.fakes import FakeStore, Recorder, signed
from tests.services.test_ancestry import MINE, Ruled, code
from tests.services.test_inference import MADE, put

T = "core.sessions"


def learnt(folder: Path, version: int, whose: Iterable[str]) -> FakeStore:
    """A checkpoint that has learnt these wearers' rows."""
    made = replace(MADE, version=version)
    store = put(folder, made)
    request = {"purpose": "assistance", "inputs": [
        {"asset": f"warehouse:{T}#said", "annotations": ["GLASSES_INTERACTION"], "annotated": True}]}
    store.write(checkpoints.manifest_path(made.id), signed(
        made, inputs=[{"asset": f"warehouse:{T}", "rows": 1, "subjects": list(whose)}],
        admission={"request": request, "origins": [], "consenting": [T], "unasked": []}))
    return store


def answers(registry: Registry, model: str = "assistant") -> str:
    """Who does, or the refusal."""
    try:
        return registry.find(model, Model).checkpoint.id
    except SightlineError as error:
        assert "taken out of service" in error.what
        return error.code


async def test_what_was_served_before_it_answers_as_far_as_that_may_be(tmp_path: Path) -> None:
    for version, whose in ((1, ["w-1"]), (2, ["w-2", "w-3"]), (3, ["w-3"])):
        store = learnt(tmp_path, version, whose)
    ruled, seen = Ruled(MINE), Recorder()
    lib = PrivacyLib("inference", [seen])
    registry = ruled.registry(store, lib)
    with lib.scope(purpose="assistance"):
        for version in (1, 2, 3):
            await registry.load(f"assistant@{version}")
        await ruled.withdraw("w-2")
        assert await code(registry.load("assistant@2")) == "PAI334"
        assert (answers(registry), answers(registry, "assistant@2")) == ("assistant@3", "PAI031")
        await ruled.withdraw("w-3")
        assert await code(registry.load("assistant@3")) == "PAI334"
        assert answers(registry) == answers(registry, "assistant@1") == "assistant@1"
        assert answers(registry, "assistant@3") == "PAI031" and not registry.lost("assistant")
        await ruled.withdraw("w-1")
        assert await code(registry.load("assistant@1")) == "PAI334"
        assert answers(registry) == answers(registry, "assistant@1") == "PAI031" and registry.lost("assistant")
        assert await code(registry.roll_out("assistant@2", 0.5)) == "PAI036", "beside nothing"
        learnt(tmp_path, 4, ["w-9"])
        assert await code(registry.load("assistant@4")) == "" and answers(registry) == "assistant@4"
    assert [one.detail["asset"] for one in seen.of("finding") if "taken out" in one.detail["what"]] == [
        f"checkpoint:assistant@{version}" for version in (2, 3, 1)]


async def test_a_roll_out_that_is_refused_ends_the_candidate_and_is_kept(tmp_path: Path) -> None:
    learnt(tmp_path, 1, ["w-1"])
    store = learnt(tmp_path, 2, ["w-2"])
    ruled, lib = Ruled(MINE), PrivacyLib("inference")
    registry = ruled.registry(store, lib)

    def kept() -> list[str]:
        said = json.loads((tmp_path / traffic.path("assistant")).read_text())
        return [said["serving"], said["candidate"], *said["before"]]

    with lib.scope(purpose="assistance"):
        await registry.load("assistant@1")
        await registry.roll_out("assistant@2", 1 - 1e-9)
        assert (answers(registry), kept()) == ("assistant@2", ["assistant@1", "assistant@2"])
        await ruled.withdraw("w-2")
        assert await code(registry.roll_out("assistant@2", 0.5)) == "PAI334"
        assert (answers(registry), kept()) == ("assistant@1", ["assistant@1", ""])
        learnt(tmp_path, 3, ["w-3"])
        await registry.roll_out("assistant@3", 1)
        await ruled.withdraw("w-1")
        assert await code(registry.roll_back("assistant")) == "PAI334", "it was served, and may not be any more"
        assert (answers(registry), answers(registry, "assistant@1")) == ("assistant@3", "PAI031")
        await ruled.withdraw("w-3")
        assert await code(registry.load("assistant@3")) == "PAI334"
        assert (answers(registry), kept()[0]) == ("PAI031", "assistant@3"), "a restart asks about it again"


async def test_nobody_has_refused_it_where_nobody_can_be_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ruled, lib = Ruled(MINE), PrivacyLib("inference")
    registry = ruled.registry(learnt(tmp_path, 1, ["w-1"]), lib)

    async def nobody(*given: object) -> None:
        raise PolicyDenied("PAI305", "it cannot be asked", where="policy")

    with lib.scope(purpose="assistance"):
        await registry.load("assistant@1")
        monkeypatch.setattr("services.inference.registry.all_still", nobody)
        assert await code(registry.load("assistant@1")) == "PAI305" and answers(registry) == "assistant@1"
