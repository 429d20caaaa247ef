"""Several models at once: who answers what, roll-outs that outlive the process, vectors, and a classifier."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.errors import InputError, SightlineError
from protos import inference_pb2 as pb
from services import checkpoint as checkpoints
from services import embedding, safety
from services import model as models
from services.checkpoint import Checkpoint
from services.inference import embed, review, traffic
from services.inference.limits import MAX_TEXT
from services.inference.traffic import Traffic
from services.training.reader import CORPUS, parse_corpus
from tests.services.fakes import FakeStore, picture
from tests.services.test_inference import MADE, READER, READS, WEIGHTS, bench, put

ASKED = pb.GenerateRequest(model="assistant", prompt="What is that building?", location="59.9,10.75")
SIGNED = "rpc:inference.Generate.response"


def rows(*names: str) -> list[tuple[str, str]]:
    return [row for name in names for row in parse_corpus((CORPUS / f"{name}.tsv").read_bytes(), name)]


def made(name: str, weights: bytes, kind: str = "text", **more: Any) -> Checkpoint:
    return replace(MADE, name=name, digest=checkpoints.digest(weights), kind=kind, **more)


TEXTS = {name: models.train(rows(*corpora)).dumps() for name, corpora in (
    ("scene", ["scenes"]), ("personal", ["builders", "cards"]), ("overlay", ["cards"]))}
SAFETY = safety.train(rows("safety")).dumps()
EMBEDDER = embedding.train(rows("landmarks")).dumps()


def served(folder: Path, *names: str) -> FakeStore:
    put(folder)
    for name in names:
        kind, weights = {"safety": ("safety", SAFETY), "embedder": ("embedding", EMBEDDER)}.get(
            name, ("text", TEXTS.get(name, b"")))
        put(folder, made(name, weights, kind), weights)
    return FakeStore(folder)


# --- who answers what --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("change", "who", "says"), [
    ({}, "assistant@1", "That is the Oslo"), ({"image": picture()}, "scene@1", "In front of you stands the Oslo"),
    ({"image": picture(), "model": "assistant@1"}, "assistant@1", "That is the Oslo"),
    ({"memory": pb.Memory(last_place="Big Ben"), "image": picture(), "location": "", "prompt": "Who built it?"},
     "personal@1", "You last asked about Big Ben. Augustus Pugin")])
async def test_a_question_is_answered_by_the_model_made_for_it(tmp_path: Path, change: dict[str, Any], who: str,
                                                               says: str) -> None:
    request = pb.GenerateRequest()
    request.CopyFrom(ASKED)
    request.ClearField("location")
    request.MergeFrom(pb.GenerateRequest(**{"location": ASKED.location, **change}))
    async with bench(served(tmp_path, "scene", "personal")) as b:
        answer = await b("Generate", request)
        assert answer.checkpoint == who and answer.answer.startswith(says)
        [op] = b.seen.of("write", SIGNED)
        assert f"checkpoint:{who.replace('@', '#weights@')}" in dict(op.links)["answer"]
        told = op.detail
        assert told["gen_ai.request.model"] == request.model and told["gen_ai.response.model"] == who
        assert told["gen_ai.operation.name"] == "chat" and told["gen_ai.response.finish_reasons"] == ["stop"]
        assert told["gen_ai.usage.output_tokens"] == len(answer.answer.split()) > 0
        assert len(told["sightline.checkpoint.digest"]) == 64
        assert ("rpc:inference.Generate.request#memory" in dict(op.links)["answer"]) == ("memory" in change)


async def test_a_card_is_written_by_its_own_model_where_there_is_one(tmp_path: Path) -> None:
    where = pb.PlaceRequest(model="assistant", location="59.9,10.75")
    async with bench(served(tmp_path)) as b:
        assert (await b("Overlay", where)).checkpoint == "assistant@1"
    async with bench(served(tmp_path, "overlay")) as b:
        card = await b("Overlay", where)
        assert (card.checkpoint, card.text) == ("overlay@1", "Opera of 2008. Walk on its roof.")
        assert b.seen.of("write", "rpc:inference.Overlay.response")[0].detail["gen_ai.operation.name"] == (
            "generate_content")


# --- vectors -----------------------------------------------------------------------------------------------


async def test_each_vector_is_its_items(tmp_path: Path) -> None:
    items = [pb.EmbedItem(text=text, key=f"{number:032x}") for number, text in enumerate(["Oslo", "Paris", "oslo"], 1)]
    async with bench(served(tmp_path, "embedder")) as b:
        answer = await b("Embed", pb.EmbedRequest(model="embedder", items=items))
        assert [one.key for one in answer.vectors] == [one.key for one in items]
        first, second, third = (list(one.values) for one in answer.vectors)
        assert first == third != second and answer.checkpoint == "embedder@1"
        [op] = b.seen.of("write", embed.RESPONSE)
        assert dict(op.links)["vectors"] == (f"{embed.REQUEST}#items", "checkpoint:embedder#weights@1")
        assert op.keys == tuple(one.key for one in items) and op.rows == 3
        assert op.detail["gen_ai.embeddings.dimension.count"] == embedding.DIMENSIONS
        assert op.detail["gen_ai.usage.input_tokens"] == 3
        [read] = b.seen.of("read", embed.REQUEST)
        assert read.keys == op.keys, "lineage per item: the same keys on both sides"


@pytest.mark.parametrize(("items", "code", "what"), [
    ([], "PAI004", "no text"), (["a", " "], "PAI004", "text 2 is empty"), (["a" * (MAX_TEXT + 1)], "PAI037", "20001"),
    (["a"] * (embed.MAX_ITEMS + 1), "PAI037", "1001 texts")])
async def test_what_has_no_vector_is_refused(tmp_path: Path, items: list[str], code: str, what: str) -> None:
    async with bench(served(tmp_path, "embedder")) as b:
        with pytest.raises(InputError) as caught:
            await b("Embed", pb.EmbedRequest(model="embedder", items=[pb.EmbedItem(text=text) for text in items]))
        assert caught.value.code == code and what in caught.value.what
        with pytest.raises(InputError, match="kind embedding"):
            await b("Generate", pb.GenerateRequest(model="embedder", prompt="What?"))


async def test_a_version_that_was_made_again_is_not_answered_for_by_the_weights_of_before(tmp_path: Path) -> None:
    """Who asks for a version has read its manifest: a student has its teacher's labels."""
    pinned, named = (pb.GenerateRequest(model=model, prompt="What is that building?", location=ASKED.location)
                     for model in ("assistant@1", "assistant"))
    put(tmp_path)
    async with bench(FakeStore(tmp_path)) as b:
        asked = (await b("Generate", pinned)).answer
        assert asked
        again = replace(MADE, digest=checkpoints.digest(TEXTS["scene"]), annotations=(), category="")
        for made, weights in ((again, TEXTS["scene"]), (replace(MADE, purpose="safety"), WEIGHTS)):
            put(tmp_path, made, weights)
            with pytest.raises(InputError, match="loaded with another executed manifest") as caught:
                await b("Generate", pinned)
            assert caught.value.code == "PAI331"
            assert (await b("Generate", named)).checkpoint == "assistant@1", "whoever answers is asked"
            await b("Load", pb.LoadRequest(checkpoint="assistant@1"))
            assert (await b("Generate", pinned)).checkpoint == "assistant@1"
        FakeStore(tmp_path).remove(checkpoints.manifest_path("assistant@1"))
        with pytest.raises(InputError, match="the store has no checkpoint assistant@1"):
            await b("Generate", pinned)


# --- roll-outs ---------------------------------------------------------------------------------------------


async def test_a_roll_out_and_back_outlive_the_process(tmp_path: Path) -> None:
    put(tmp_path)
    put(tmp_path, replace(MADE, version=2, serve=False))
    out = pb.RollOutRequest(checkpoint="assistant@2", share=1e-9)
    async with bench(FakeStore(tmp_path)) as b:
        assert (await b("RollOut", out)).serving == "assistant@1"
        assert (await b("Generate", ASKED)).checkpoint == "assistant@1", "the share is that small"
        out.share = 1 - 1e-9
        assert (await b("RollOut", out)).serving == "assistant@1"
    async with bench(FakeStore(tmp_path)) as b:
        assert (await b("Generate", ASKED)).checkpoint == "assistant@2"
        assert (await b("RollBack", pb.RollBackRequest(model="assistant"))).serving == "assistant@1"
        assert (await b("Generate", ASKED)).checkpoint == "assistant@1"
        assert (await b("RollOut", pb.RollOutRequest(checkpoint="assistant@2", share=1))).serving == "assistant@2"
    async with bench(FakeStore(tmp_path)) as b:
        assert (await b("Generate", ASKED)).checkpoint == "assistant@2"
        assert (await b("RollBack", pb.RollBackRequest(model="assistant"))).serving == "assistant@1"
        put(tmp_path, replace(MADE, version=3))
        await b("Load", pb.LoadRequest(checkpoint="assistant@3"))
    async with bench(FakeStore(tmp_path)) as b:
        assert (await b("Generate", ASKED)).checkpoint == "assistant@3"


@pytest.mark.parametrize(("request_", "code", "what"), [
    (pb.RollOutRequest(checkpoint="assistant@2", share=2), "PAI036", "the share is 2"),
    (pb.RollOutRequest(checkpoint="assistant@2", share=float("nan")), "PAI036", "the share is nan"),
    (pb.RollOutRequest(checkpoint="assistant@1", share=0.5), "PAI036", "is what is served"),
    (pb.RollOutRequest(checkpoint="assistant@9", share=0.5), "PAI004", "has no checkpoint"),
    (pb.RollOutRequest(checkpoint="assistant@4", share=0.5), "PAI036", "of the kind signs"),
    (pb.RollOutRequest(checkpoint="assistant@5", share=0.5), "PAI331", "has the digest"),
    (pb.RollOutRequest(checkpoint="other@1", share=0.5), "PAI036", "served by nobody here"),
    (pb.RollOutRequest(checkpoint="../x", share=0.5), "PAI004", "names no checkpoint"),
    (pb.RollBackRequest(model="assistant"), "PAI036", "nothing was served before"),
    (pb.RollBackRequest(model="x" * 5000), "PAI036", "served by nobody here")])
async def test_what_cannot_be_rolled_out_changes_nothing(tmp_path: Path, request_: Any, code: str, what: str) -> None:
    put(tmp_path)
    put(tmp_path, replace(READS, name="assistant", version=4, serve=False), READER)
    put(tmp_path, replace(MADE, version=5, serve=False), WEIGHTS[:-9])
    async with bench(FakeStore(tmp_path)) as b:
        with pytest.raises(InputError) as caught:
            await b("RollOut" if isinstance(request_, pb.RollOutRequest) else "RollBack", request_)
        assert caught.value.code == code and what in caught.value.what
        assert (await b("Generate", ASKED)).checkpoint == "assistant@1"
        assert not (tmp_path / traffic.path("assistant")).exists()
        for pinned in ("assistant@4", "assistant@5"):
            with pytest.raises(SightlineError, match="no checkpoint"):
                await b("Generate", pb.GenerateRequest(model=pinned, prompt="What?"))


async def test_a_candidate_that_is_damaged_does_not_keep_the_other_one_from_serving(tmp_path: Path) -> None:
    put(tmp_path)
    put(tmp_path, replace(MADE, version=2, serve=False))
    async with bench(FakeStore(tmp_path)) as b:
        await b("RollOut", pb.RollOutRequest(checkpoint="assistant@2", share=1 - 1e-9))
    (tmp_path / checkpoints.weights_path("assistant@2")).write_bytes(WEIGHTS[:100])
    async with bench(FakeStore(tmp_path)) as b:
        assert (await b("Generate", ASKED)).checkpoint == "assistant@1"


@pytest.mark.parametrize("data", [b"no JSON", b"[]", Traffic("scene@1").dumps(), Traffic("../x").dumps()])
async def test_what_cannot_be_read_as_served_is_a_finding_and_the_newest_is_served(tmp_path: Path, data: bytes) -> None:
    store = served(tmp_path, "scene")
    store.write(traffic.path("assistant"), data)
    async with bench(store) as b:
        assert (await b("Generate", ASKED)).checkpoint == "assistant@1"
        [found] = b.seen.of("finding")
        assert (found.detail["code"], found.detail["asset"]) == ("PAI004", "file:serving/assistant.json")


async def test_a_restart_does_not_serve_what_was_rolled_back(tmp_path: Path) -> None:
    for version in (1, 2, 3):
        put(tmp_path, replace(MADE, version=version))
    (tmp_path / checkpoints.weights_path("assistant@2")).write_bytes(WEIGHTS[:100])
    FakeStore(tmp_path).write(traffic.path("assistant"), Traffic("assistant@2", before=("assistant@1",)).dumps())
    async with bench(FakeStore(tmp_path)) as b:  # 3 was rolled back
        assert (await b("Generate", ASKED)).checkpoint == "assistant@1"
    FakeStore(tmp_path).write(traffic.path("assistant"), Traffic("assistant@2", "assistant@3", 0.5).dumps())
    async with bench(FakeStore(tmp_path)) as b:
        with pytest.raises(SightlineError, match="no checkpoint"):
            await b("Generate", ASKED)


# --- the classifier ----------------------------------------------------------------------------------------


def telling(secret: str) -> bytes:
    return models.train([("What is on the note?", f"The note says: {secret}"), *rows("landmarks")]).dumps()


async def test_what_the_classifier_would_not_say_does_not_leave(tmp_path: Path) -> None:
    weights = telling("pw: hunter2")
    put(tmp_path, made("assistant", weights), weights)
    note = pb.GenerateRequest(model="assistant", prompt="What is on the note?")
    async with bench(FakeStore(tmp_path)) as b:  # the control: without a classifier it is said
        assert "hunter2" in (await b("Generate", note)).answer
    put(tmp_path, made("safety", SAFETY, "safety"), SAFETY)
    async with bench(FakeStore(tmp_path)) as b:
        assert (await b("Generate", note)).answer == review.NEUTRAL
        passed = await b("Generate", ASKED)
        assert passed.answer.startswith("That is the Oslo Opera House")
        withheld, let = b.seen.of("write", SIGNED)
        assert dict(withheld.links)["answer"] == ("inference:review#answer",)
        assert dict(let.links)["answer"] == ("inference:draft#answer", "inference:review#answer")
        assert withheld.detail["gen_ai.response.finish_reasons"] == ["content_filter"]
        drafts, decisions = b.seen.of("probe", "inference:draft"), b.seen.of("probe", "inference:review")
        assert "checkpoint:assistant#weights@1" in dict(drafts[0].links)["answer"]
        assert dict(decisions[0].links)["answer"] == ("inference:draft#answer", "checkpoint:safety#weights@1")
        assert [op.payload["answer"] for op in decisions] == ["withheld", "passed"]
        [found] = b.seen.of("finding")
        assert (found.detail["code"], found.detail["asset"]) == ("PAI217", f"{SIGNED}#answer")
        assert "hunter2" not in json.dumps(found.detail)


async def test_without_its_classifier_nothing_leaves_unread(tmp_path: Path) -> None:
    store = served(tmp_path, "safety")
    (tmp_path / checkpoints.weights_path("safety@1")).write_bytes(SAFETY[:100])
    async with bench(store) as b:
        with pytest.raises(SightlineError, match="nothing leaves unread") as caught:
            await b("Generate", ASKED)
        assert caught.value.code == "PAI031" and not b.seen.of("write", SIGNED)
        put(tmp_path, made("safety", SAFETY, "safety", version=2), SAFETY)
        await b("Load", pb.LoadRequest(checkpoint="safety@2"))
        assert (await b("Generate", ASKED)).answer.startswith("That is the Oslo")


async def test_a_classifier_without_its_manifest_is_lost_and_not_none(tmp_path: Path) -> None:
    store = served(tmp_path, "safety")
    store.remove(checkpoints.manifest_path("safety@1"))
    async with bench(store) as b:
        with pytest.raises(SightlineError, match="nothing leaves unread"):
            await b("Generate", ASKED)
    put(tmp_path, made("safety", SAFETY, "safety", version=2), SAFETY)  # it does not hide the one above it
    async with bench(store) as b:
        assert (await b("Generate", ASKED)).checkpoint == "assistant@1" and b.seen.of("probe", "inference:review")


async def test_a_classifier_of_which_nothing_is_left_is_lost_too(tmp_path: Path) -> None:
    store = served(tmp_path, "safety")
    async with bench(store) as b:
        await b("Load", pb.LoadRequest(checkpoint="safety@1"))
    shutil.rmtree(tmp_path / "checkpoints/safety@1")
    async with bench(store) as b:
        with pytest.raises(SightlineError, match="nothing leaves unread"):
            await b("Generate", ASKED)


async def test_going_back_to_a_checkpoint_asks_again_whether_it_may_be_served(tmp_path: Path) -> None:
    put(tmp_path)
    put(tmp_path, replace(MADE, version=2))
    async with bench(FakeStore(tmp_path)) as b:
        await b("Load", pb.LoadRequest(checkpoint="assistant@1"))
        (tmp_path / checkpoints.weights_path("assistant@2")).write_bytes(WEIGHTS[:100])
        with pytest.raises(InputError) as caught:
            await b("RollBack", pb.RollBackRequest(model="assistant"))
        assert caught.value.code == "PAI331" and (await b("Generate", ASKED)).checkpoint == "assistant@1"


async def test_what_was_overheard_is_read_apart_from_the_answer(tmp_path: Path) -> None:
    async with bench(served(tmp_path, "safety")) as b:
        heard = pb.GenerateRequest(model="assistant", prompt="What did she say?", overheard="my password is swordfish")
        answer = await b("Generate", heard)
        assert answer.aside == review.NEUTRAL and answer.answer != review.NEUTRAL
        links = dict(b.seen.of("write", SIGNED)[0].links)
        assert links["aside"] == ("inference:review#aside",) and "inference:review#aside" not in links["answer"]


async def test_an_answer_that_was_kept_is_read_again(tmp_path: Path) -> None:
    weights = telling("pw: hunter2")
    put(tmp_path, made("assistant", weights), weights)
    kept: dict[Any, Any] = {}
    note = pb.GenerateRequest(model="assistant", prompt="What is on the note?")
    async with bench(FakeStore(tmp_path), kept) as b:
        await b("Generate", note)
        assert len(kept) == 1
    put(tmp_path, made("safety", SAFETY, "safety"), SAFETY)
    async with bench(FakeStore(tmp_path), kept) as b:
        assert (await b("Generate", note)).answer == review.NEUTRAL


# --- bad input ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["prompt", "overheard"])
async def test_a_prompt_of_a_megabyte_is_refused_and_says_so(tmp_path: Path, field: str) -> None:
    async with bench(served(tmp_path, "safety")) as b:
        request = pb.GenerateRequest(model="assistant", prompt="What?")
        setattr(request, field, "ø " * 500_000)
        with pytest.raises(InputError) as caught:
            await b("Generate", request)
        assert caught.value.code == "PAI037" and "1000000 characters" in caught.value.what
        assert caught.value.where == f"rpc:inference.Generate.request#{field}" and caught.value.next
        assert (await b("Generate", ASKED)).answer.startswith("That is the Oslo Opera House")


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=200))
def test_a_prompt_in_any_script_is_answered_and_read(text: str) -> None:
    """By each local model that takes words; surrogates do not fit into a message."""
    assert isinstance(models.loads(WEIGHTS).answer(text, [text]), str)
    assert isinstance(safety.loads(SAFETY).unsafe(text), bool)


@pytest.mark.parametrize("text", ["ما هذا المبنى؟", "これは何ですか", "यह क्या है", "🏛️❓", "\u202eWhat is that?",
                                  "a\u0301" * 500, "ﬁ" * 100, "\x00\x01"])
async def test_a_prompt_in_any_script_gets_an_answer_from_the_service(tmp_path: Path, text: str) -> None:
    async with bench(served(tmp_path, "safety", "scene", "embedder")) as b:
        assert (await b("Generate", pb.GenerateRequest(model="assistant", prompt=text, image=picture()))).answer
        item = pb.EmbedItem(text=text)
        [vector] = (await b("Embed", pb.EmbedRequest(model="embedder", items=[item]))).vectors
        assert len(vector.values) == embedding.DIMENSIONS
