"""Overlays: a location becomes a card, and a gesture at a card another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import InputError
from lineage.privacylib import PrivacyLib
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc
from services import model as models
from services.inference import overlay, scene
from services.inference.service import InferenceService
from services.inference.speaker import Learnt
from services.web.service import WebService
from sim.stack.http import ROUTES
from tests.services.fakes import GATED, TRACEPARENT, FakeClock, FakeStore, Recorder, serving, stub
from tests.services.test_inference import WEIGHTS, put

NEW_YORK = "40.7484,-73.9857"
MODEL = Learnt(models.loads(WEIGHTS))


def card(location: str = NEW_YORK, gesture: str = "", shown: str = "") -> overlay.Card:
    asked = pb.PlaceRequest(model="assistant", location=location, gesture=gesture, shown=shown)
    return asyncio.run(overlay.card(asked, MODEL))


def test_a_glance_and_all_of_it() -> None:
    glance = card()
    assert glance == ("Empire State Building", "That is the Empire State Building: a tower …")
    assert card(gesture="pinch", shown=glance.title).text.endswith("finished in 1931.")


def test_swipes_go_through_every_place_once() -> None:
    seen = [card().title]
    while len(seen) <= len(scene.landmarks()):
        seen.append(card(gesture="swipe", shown=seen[-1]).title)
    assert seen[1] == "Statue of Liberty" and seen[-1] == seen[0]
    assert sorted(seen[:-1]) == sorted(place.name for place in scene.landmarks())


def test_where_nothing_is_near_the_card_is_empty() -> None:
    assert card("0,-30") == ("", "") == card("0,-30", "pinch", "A place that nobody knows")


@given(st.text(max_size=20), st.text(max_size=10), st.text(max_size=20))
def test_anything_is_a_card_or_an_input_error(location: str, gesture: str, shown: str) -> None:
    try:
        card(location, gesture, shown)
    except InputError as error:
        assert error.code == "PAI004" and error.where.startswith("rpc:inference.Overlay.request#")


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[tuple[httpx.AsyncClient, Recorder, Recorder]]:
    put(folder)
    seen, answering = Recorder(), Recorder()
    own, lib = PrivacyLib("inference", [answering]), PrivacyLib("web", [seen], family="A")
    inference = InferenceService(own, FakeStore(folder), FakeClock(), **GATED)
    async with serving(lambda s: inference.register(own.server(s))) as address:
        await inference.start()
        async with stub(inference_pb2_grpc.InferenceStub, address, lib) as to_inference:
            web = WebService(lib, FakeClock(), inference=to_inference, logger=None)
            await web.start()
            transport = httpx.ASGITransport(lib.asgi(web.app, ROUTES))
            async with httpx.AsyncClient(transport=transport, base_url="http://web",
                                         headers={"traceparent": TRACEPARENT}) as client:
                yield client, seen, answering


async def test_lineage_names_the_source_of_every_field(tmp_path: Path) -> None:
    async with bench(tmp_path) as (client, seen, answering):
        for given_, fields in (({}, ("location",)),
                               ({"gesture": "pinch", "shown": "Big Ben"}, ("location", "gesture", "shown"))):
            response = await client.post("/v1/overlay", json={"location": NEW_YORK, "region": "US", **given_})
            assert response.status_code == 200 and response.json()["checkpoint"] == "assistant@1"
            call, written = seen.of("call")[-1], seen.of("write", "response:overlay")[-1]
            assert dict(call.links) == {field: (f"web:place#{field}",) for field in fields}
            assert dict(written.links)["text"] == ("web:card#text",)
            made = dict(answering.of("write", "rpc:inference.Overlay.response")[-1].links)
            names = tuple(f"rpc:inference.Overlay.request#{field}" for field in fields)
            assert made["title"] == names and made["text"] == (*names, "checkpoint:assistant#weights@1")
        assert not seen.of("gap") and not answering.of("gap")


@pytest.mark.parametrize("wrong", [
    {"location": ""}, {"location": "there"}, {"region": "usa"}, {"gesture": "wave"}, {"question": "What?"},
    {"shown": 3}, {"location": None}])
async def test_bad_input_is_refused_with_its_place(tmp_path: Path, wrong: dict[str, Any]) -> None:
    async with bench(tmp_path) as (client, seen, _):
        response = await client.post("/v1/overlay", json={"location": NEW_YORK, "region": "US", **wrong})
        assert response.status_code == 422 and response.json()["code"] == "PAI004"
        assert response.json()["where"].startswith("web:overlay") and not seen.of("call")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'"x"', b"[" * 9000, b" " * 100_000])
async def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    async with bench(tmp_path) as (client, _, _):
        response = await client.post("/v1/overlay", content=content)
        assert response.status_code == 422 and response.json()["code"] == "PAI004"
