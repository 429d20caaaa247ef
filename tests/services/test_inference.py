"""Pictures are really looked at, checkpoints are served only with their digest, answers say where they come from."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from cachetools import LRUCache
from hypothesis import given
from hypothesis import strategies as st

from lineage import dsse
from lineage.enforce.tokens import Signer
from lineage.errors import InputError, SightlineError
from lineage.privacylib import PrivacyLib
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc
from services import checkpoint as checkpoints
from services import glyphs
from services import model as models
from services.checkpoint import Checkpoint
from services.errors import from_rpc
from services.inference import scene
from services.inference.service import InferenceService
from services.training import characters
from services.training.reader import CORPUS, parse_corpus
from sim.world.photo import draw
from sim.world.places import PLACES
from tests.services.fakes import (
    GATED,
    KEYS,
    META,
    FakeClock,
    FakeStore,
    Recorder,
    picture,
    serving,
    signed,
    stub,
)

WEIGHTS = models.train(parse_corpus((CORPUS / "landmarks.tsv").read_bytes(), "c")).dumps()
MADE = Checkpoint("assistant", 1, checkpoints.digest(WEIGHTS), 25, "training:assistant_base", "assistance", "o",
                  True, ("GLASSES_INTERACTION",), "user")

READER = glyphs.train(parse_corpus(characters.corpus(), "c")).dumps()
READS = Checkpoint("sign_reader", 1, checkpoints.digest(READER), 380, "training:sign_reader_base", "assistance", "o",
                   True, kind="signs")


@pytest.mark.parametrize(("colour", "words"), [
    ((90, 140, 230), "bright blue"), ((20, 20, 90), "dark blue"), ((250, 250, 250), "bright grey"),
    ((200, 20, 20), "dark red"), ((250, 230, 40), "bright yellow"), ((60, 220, 80), "bright green"),
])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_pixels_decide_the_words(colour: tuple[int, int, int], words: str, kind: str) -> None:
    assert scene.look(picture(colour, kind=kind), "").words == words


def test_the_nearest_landmark_within_reach() -> None:
    assert scene.nearest(59.91, 10.74) == "Oslo Opera House"
    assert scene.nearest(-33.9, 151.2) == "Sydney Opera House" and scene.nearest(0, -30) == ""
    assert scene.look(b"", "48.8584,2.2945") == scene.Scene("", "Eiffel Tower")


@given(st.text(max_size=30))
def test_any_location_is_a_position_or_an_input_error(text: str) -> None:
    try:
        latitude, longitude = scene.position(text)
        assert abs(latitude) <= 90 and abs(longitude) <= 180
    except InputError as error:
        assert error.code == "PAI004"


@pytest.mark.parametrize("image", [b"x", picture()[:200], b"\xff\xd8\xff" * 30, b"GIF89a" + bytes(40)])
def test_what_is_no_picture_is_refused(image: bytes) -> None:
    with pytest.raises(InputError) as caught:
        scene.look(image, "")
    assert caught.value.code == "PAI002"


class Bench:
    def __init__(self, stub: Any, service: InferenceService, seen: Recorder) -> None:
        self._stub, self.service, self.seen = stub, service, seen

    async def __call__(self, method: str, request: Any) -> Any:
        try:
            return await getattr(self._stub, method)(request, metadata=META, timeout=5)
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error, "inference") from None


def put(folder: Path, made: Checkpoint = MADE, weights: bytes = WEIGHTS) -> FakeStore:
    store = FakeStore(folder)
    store.write(checkpoints.weights_path(made.id), weights)
    store.write(checkpoints.manifest_path(made.id), signed(made))
    return store


@asynccontextmanager
async def bench(store: FakeStore, answers: MutableMapping[Any, Any] | None = None) -> AsyncIterator[Bench]:
    seen = Recorder()
    lib = PrivacyLib("inference", [seen])
    service = InferenceService(lib, store, FakeClock(), **GATED, answers=answers)
    async with serving(lambda s: service.register(lib.server(s))) as own:
        async with stub(inference_pb2_grpc.InferenceStub, own) as inference:
            await service.start()
            yield Bench(inference, service, seen)


async def test_nothing_is_answered_before_a_checkpoint_is_served(tmp_path: Path) -> None:
    async with bench(FakeStore(tmp_path)) as b:
        assert b.seen.seen == [op for op in b.seen.seen if op.kind == "asset"], "an empty store is not read"
        with pytest.raises(SightlineError) as caught:
            await b("Generate", pb.GenerateRequest(model="assistant", prompt="What?"))
        assert caught.value.code == "PAI031" and "no checkpoint" in caught.value.what


async def test_an_answer_names_what_it_is_made_from(tmp_path: Path) -> None:
    async with bench(FakeStore(tmp_path)) as b:
        put(tmp_path)
        assert (await b("Load", pb.LoadRequest(checkpoint="assistant@1", digest=MADE.digest))).serving == "assistant@1"
        answer = await b("Generate", pb.GenerateRequest(model="assistant", prompt="What is that building?",
                                                        image=picture(), location="59.9,10.75"))
        assert answer.answer.startswith("That is the Oslo Opera House") and answer.checkpoint == "assistant@1"
        assert answer.scene == "Oslo Opera House"
        links = dict(b.seen.of("write", "rpc:inference.Generate.response")[0].links)
        assert links["answer"] == (*(f"rpc:inference.Generate.request#{f}" for f in ("prompt", "image", "location")),
                                   "checkpoint:assistant#weights@1")
        assert [op.fields for op in b.seen.of("read", "checkpoint:assistant@1")] == [("manifest",), ("weights",)]
        assert b.service._lib.label("checkpoint:assistant@1", "weights").annotations == ("GLASSES_INTERACTION",)


async def test_what_is_written_on_the_picture_is_read_by_a_checkpoint_of_its_own(tmp_path: Path) -> None:
    put(tmp_path)
    put(tmp_path, READS, READER)
    asked = pb.GenerateRequest(model="assistant", prompt="What does the sign say?",
                               image=draw(PLACES[0], 1, "x", sign="pw: hunter2"))
    async with bench(FakeStore(tmp_path)) as b:
        assert (await b("Generate", asked)).answer == "The sign says: pw: hunter2"
        links = dict(b.seen.of("write", "rpc:inference.Generate.response")[0].links)
        assert links["answer"] == ("rpc:inference.Generate.request#prompt", "rpc:inference.Generate.request#image",
                                   "checkpoint:sign_reader#weights@1", "checkpoint:assistant#weights@1")
        unsigned = pb.GenerateRequest(model="assistant", prompt=asked.prompt, image=draw(PLACES[0], 1, "x"))
        assert (await b("Generate", unsigned)).answer == "I see no sign that I can read."


async def test_without_a_reader_of_signs_none_is_read(tmp_path: Path) -> None:
    put(tmp_path)
    async with bench(FakeStore(tmp_path)) as b:
        await b("Generate", pb.GenerateRequest(model="assistant", prompt="What?",
                                               image=draw(PLACES[0], 1, "x", sign="pw: hunter2")))
        links = dict(b.seen.of("write", "rpc:inference.Generate.response")[0].links)
        assert not [name for name in links["answer"] if "sign_reader" in name]


async def test_a_reader_of_signs_does_not_answer_questions(tmp_path: Path) -> None:
    put(tmp_path, READS, READER)
    async with bench(FakeStore(tmp_path)) as b:
        with pytest.raises(SightlineError) as caught:
            await b("Generate", pb.GenerateRequest(model="sign_reader", prompt="What?"))
        assert caught.value.code == "PAI004" and "kind signs" in caught.value.what


async def test_a_kept_answer_is_told_to_who_asks_the_same_at_the_same_place(tmp_path: Path) -> None:
    """With the words about the first one's picture: the second one's is not even looked at."""
    def ask(prompt: str, colour: tuple[int, int, int] = (20, 20, 90), location: str = "") -> pb.GenerateRequest:
        return pb.GenerateRequest(model="assistant", prompt=prompt, image=picture(colour), location=location)

    put(tmp_path)
    async with bench(FakeStore(tmp_path), LRUCache(2)) as b:
        first = await b("Generate", ask("What is that building?", location="59.9,10.75"))
        again = await b("Generate", ask("what is  that building?", (250, 250, 250), "59.91,10.74"))
        assert again == first and first.scene == "Oslo Opera House"
        made, told = b.seen.of("write", "rpc:inference.Generate.response")
        assert "rpc:inference.Generate.request#image" in dict(made.links)["answer"]
        assert dict(told.links)["answer"] == ("rpc:inference.Generate.request#prompt",
                                              "rpc:inference.Generate.request#location", "inference:answers#answer")
        [kept] = b.seen.of("write", "inference:answers")
        assert dict(kept.links)["place"] == ("rpc:inference.Generate.request#location",)
        assert dict(kept.links)["answer"] == dict(made.links)["answer"]
        assert [op.rows for op in b.seen.of("read", "inference:answers")] == [0, 1]

        await b("Generate", ask("What is that building?"))  # elsewhere: another entry
        await b("Generate", ask("Who built it?"))           # and a third, for which the first has to go
        assert [op.rows for op in b.seen.of("read", "inference:answers")] == [0, 1, 0, 0]
        await b("Generate", ask("What is that building?", location="59.9,10.75"))
        assert [op.rows for op in b.seen.of("read", "inference:answers")][-1] == 0


async def test_no_answer_is_kept_for_a_bad_question_or_without_a_cache(tmp_path: Path) -> None:
    put(tmp_path)
    kept: dict[Any, Any] = {}
    async with bench(FakeStore(tmp_path), kept) as b:
        for bad in (pb.GenerateRequest(model="assistant", prompt="x", location="nowhere"),
                    pb.GenerateRequest(model="assistant", prompt="x", image=b"no picture")):
            with pytest.raises(InputError):
                await b("Generate", bad)
    async with bench(FakeStore(tmp_path)) as b:
        await b("Generate", pb.GenerateRequest(model="assistant", prompt="x"))
        assert not [op for op in b.seen.seen if op.asset == "inference:answers"]
    assert kept == {}


async def test_it_serves_again_after_a_restart_what_is_meant_to_be_served(tmp_path: Path) -> None:
    put(tmp_path)
    put(tmp_path, replace(MADE, version=2, serve=False))
    async with bench(FakeStore(tmp_path)) as b:
        assert b.service.registry.find("assistant", models.Model).checkpoint.version == 1


SIGNED = signed(MADE)
FORGED = signed(MADE, Signer("1", "ads-ranking"))


@pytest.mark.parametrize(("manifest", "weights", "request_", "code", "what"), [
    (SIGNED, WEIGHTS, pb.LoadRequest(checkpoint="assistant@1", digest="0" * 64), "PAI331", "has the digest"),
    (SIGNED, WEIGHTS[:-1] + b"\0", pb.LoadRequest(checkpoint="assistant@1"), "PAI331", "has the digest"),
    (SIGNED, WEIGHTS[:-9], pb.LoadRequest(checkpoint="assistant@1"), "PAI331", "has the digest"),
    (SIGNED, READER, pb.LoadRequest(checkpoint="assistant@1"), "PAI331", "has the digest"),
    (signed(replace(MADE, version=3)), WEIGHTS, pb.LoadRequest(checkpoint="assistant@1"), "PAI331", "assistant@3"),
    (FORGED, WEIGHTS, pb.LoadRequest(checkpoint="assistant@1"), "PAI330", "not of this statement"),
    (json.dumps(MADE.statement()).encode(), WEIGHTS, pb.LoadRequest(checkpoint="assistant@1"), "PAI330", "no envelope"),
    (SIGNED[:200], WEIGHTS, pb.LoadRequest(checkpoint="assistant@1"), "PAI330", "not JSON"),
    (b"", WEIGHTS, pb.LoadRequest(checkpoint="assistant@1"), "PAI330", "not JSON"),
    (SIGNED, WEIGHTS, pb.LoadRequest(checkpoint="assistant@2"), "PAI004", "has no checkpoint"),
    (SIGNED, WEIGHTS, pb.LoadRequest(checkpoint="../../etc@1"), "PAI004", "names no checkpoint"),
    (signed(replace(MADE, digest=checkpoints.digest(b"junk"))), b"junk", pb.LoadRequest(checkpoint="assistant@1"),
     "PAI004", "not a model"),
    (signed(replace(MADE, digest=checkpoints.digest(READER))), READER, pb.LoadRequest(checkpoint="assistant@1"),
     "PAI004", "not a model"),
])
async def test_a_checkpoint_that_is_not_what_it_says_is_refused(tmp_path: Path, manifest: bytes, weights: bytes,
                                                                request_: pb.LoadRequest, code: str, what: str) -> None:
    async with bench(FakeStore(tmp_path)) as b:
        store = put(tmp_path, MADE, weights)
        store.write(checkpoints.manifest_path("assistant@1"), manifest)
        with pytest.raises(InputError) as caught:
            await b("Load", request_)
        assert caught.value.code == code and what in caught.value.what
        with pytest.raises(SightlineError, match="no checkpoint"):
            await b("Generate", pb.GenerateRequest(model="assistant", prompt="What?"))


async def test_what_was_served_before_is_still_served(tmp_path: Path) -> None:
    put(tmp_path)
    async with bench(FakeStore(tmp_path)) as b:
        put(tmp_path, replace(MADE, version=2), WEIGHTS[:-1] + b"\0")
        with pytest.raises(InputError):
            await b("Load", pb.LoadRequest(checkpoint="assistant@2"))
        answer = await b("Generate", pb.GenerateRequest(model="assistant", prompt="What is that building?"))
        assert answer.checkpoint == "assistant@1"


@given(st.sampled_from(["cut", "flip", "text"]), st.integers(0, len(SIGNED) - 1), st.binary(max_size=60))
def test_a_damaged_manifest_is_never_another_one(how: str, at: int, text: bytes) -> None:
    """Whatever becomes of its bytes: it says what was signed, or it is refused."""
    data = {"cut": SIGNED[:at], "flip": SIGNED[:at] + bytes([SIGNED[at] ^ 1]) + SIGNED[at + 1:], "text": text}[how]
    try:
        assert checkpoints.stated(dsse.opened(data, KEYS), "x") == MADE
    except InputError as error:
        assert error.code == "PAI330"


@given(st.integers(0, len(WEIGHTS) - 1), st.booleans())
def test_damaged_weights_are_a_model_or_an_input_error(at: int, cut: bool) -> None:
    """Those whose digest nobody asked for: a file that ends early, or a byte that is another."""
    try:
        models.loads(WEIGHTS[:at] if cut else WEIGHTS[:at] + bytes([WEIGHTS[at] ^ 0x55]) + WEIGHTS[at + 1:])
    except InputError as error:
        assert error.code == "PAI004"


_PLAIN = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                      lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner,
                                                                                  max_size=2), max_leaves=4)


@given(st.sampled_from(["subject", "predicate", "predicateType", "annotations", "kind", "rows", "serve", "run"]),
       _PLAIN)
def test_a_statement_of_another_form_is_refused(key: str, value: Any) -> None:
    statement = MADE.statement()
    (statement if key in statement else statement["predicate"])[key] = value
    try:
        checkpoints.stated(statement, "x")
    except InputError as error:
        assert error.code == "PAI330"


def test_a_manifest_comes_back() -> None:
    assert checkpoints.stated(dsse.opened(SIGNED, KEYS), "x") == MADE
    for key in ("subject", "predicate", "predicateType"):
        with pytest.raises(InputError):
            checkpoints.stated({name: value for name, value in MADE.statement().items() if name != key}, "x")
