"""The assistant looks up what was answered before, where an index is served: as its source, and word for word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lineage.errors import PolicyDenied
from protos import inference_pb2 as pb
from services import lookup
from services.inference.looked_up import INDEX
from tests.services.fakes import FakeStore
from tests.services.test_inference import bench, put
from tests.services.test_serving import SIGNED, made

WEIGHTS = lookup.train([("What does the sign say?", "The sign says: Gate 24")]).dumps()
SOURCE = f"checkpoint:{INDEX}#weights@1"


async def test_what_was_answered_before_is_quoted_and_is_a_source(tmp_path: Path) -> None:
    put(tmp_path)
    put(tmp_path, made(INDEX, WEIGHTS, "index"), WEIGHTS)
    async with bench(FakeStore(tmp_path)) as b:
        like = await b("Generate", pb.GenerateRequest(model="assistant", prompt="What does that sign say?"))
        assert like.answer == "I see no sign that I can read. Answered before: The sign says: Gate 24"
        other = await b("Generate", pb.GenerateRequest(model="assistant", prompt="Bananas?"))
        assert "Answered before" not in other.answer
        # Who asks for one checkpoint by its version is answered by that one alone: a student's teacher, for instance.
        pinned = await b("Generate", pb.GenerateRequest(model="assistant@1", prompt="What does that sign say?"))
        assert pinned.answer == "I see no sign that I can read."
        links = [dict(op.links)["answer"] for op in b.seen.of("write", SIGNED)]
        # To have looked is a use, whatever was found.
        assert [SOURCE in link for link in links] == [True, True, False]


async def test_without_an_index_nothing_is_looked_up(tmp_path: Path) -> None:
    put(tmp_path)
    async with bench(FakeStore(tmp_path)) as b:
        await b("Generate", pb.GenerateRequest(model="assistant", prompt="What does that sign say?"))
        [op] = b.seen.of("write", SIGNED)
        assert SOURCE not in dict(op.links)["answer"]


async def test_what_is_kept_is_not_told_after_the_index_that_it_was_made_of(tmp_path: Path,
                                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path)
    put(tmp_path, made(INDEX, WEIGHTS, "index"), WEIGHTS)
    ask = pb.GenerateRequest(model="assistant", prompt="What does that sign say?")
    kept: dict[Any, Any] = {}
    async with bench(FakeStore(tmp_path), kept) as b:
        first = await b("Generate", ask)
        assert "Gate 24" in first.answer and await b("Generate", ask) == first
        assert [op.rows for op in b.seen.of("read", "inference:answers")] == [0, 1]
        # Who names the checkpoint is told nothing that was looked up, kept or not.
        pinned = await b("Generate", pb.GenerateRequest(model="assistant@1", prompt=ask.prompt))
        assert "Gate 24" not in pinned.answer

        def refuse(asset: str, *of: object) -> None:
            if asset.startswith(f"checkpoint:{INDEX}"):
                raise PolicyDenied("PAI335", "not for this", where=asset)

        with monkeypatch.context() as patched:
            patched.setattr(b.service.registry._permission, "use", refuse)
            with pytest.raises(PolicyDenied):  # a hit, and a miss
                await b("Generate", ask)
        assert await b("Generate", ask) == first

        weights = lookup.train([("What does the sign say?", "The sign says: Gate 7")]).dumps()
        put(tmp_path, made(INDEX, weights, "index", version=2), weights)
        await b("Load", pb.LoadRequest(checkpoint=f"{INDEX}@2"))
        assert "Gate 7" in (await b("Generate", ask)).answer
