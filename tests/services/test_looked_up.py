"""The assistant looks up what was answered before, where an index is served: as its source, and word for word."""

from __future__ import annotations

from pathlib import Path

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
