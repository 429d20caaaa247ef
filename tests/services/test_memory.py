"""The feedback loop: a wearer's own features, read back by web; and her profile, on its way in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.enforce.guard import Guard
from lineage.enforce.pes import PolicyService
from lineage.enforce.requirement import load
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Signer, Verifier
from lineage.enforce.wps import WarehousePermission
from lineage.errors import InputError, PolicyDenied
from lineage.privacylib import PrivacyLib
from protos import policy_pb2, policy_pb2_grpc, warehouse_pb2, warehouse_pb2_grpc
from protos.inference_pb2 import GenerateRequest, Memory
from services import rows as typed
from services.errors import calling
from services.inference import remembered
from services.inference.scene import Scene
from services.warehouse.service import WarehouseService
from services.web import memory, profile
from services.web.memory import ACTIVITY, Recall
from services.web.service import WebService
from sim.stack.http import ROUTES
from tests.services.fakes import META, TRACEPARENT, FakeClock, FakeStore, Recorder, serving, stub

BUNDLED = Path(__file__).parents[2] / "scenarios/requirements/glasses-interaction-purpose.yaml"
COLUMNS = ("wearer", "sessions", "last_place", "last_asked", "language", "asked_at")
FEATURES = [("w1", 2, "Big Ben", "How high is it?", "en", "2026-01-05T09:00:00Z"),
            ("w2", 1, None, "Who built it?", "nb", "2026-01-05T09:00:00Z")]


class Loop:
    """A policy service and a warehouse with two wearers' features; ``web`` reads them by ``recall``."""

    def __init__(self, **parts: Any) -> None:
        self.recall: Recall = parts["recall"]
        self.lib: PrivacyLib = parts["lib"]
        self.policy, self.warehouse = parts["policy"], parts["warehouse"]
        self.seen: dict[str, Recorder] = parts["seen"]
        self.at: list[float] = parts["at"]

    async def of(self, wearer: str) -> Memory | None:
        with self.lib.scope(traceparent=TRACEPARENT):
            found = await self.recall.of(wearer)
        return found.memory if found else None

    async def consent(self, wearer: str, granted: bool) -> None:
        await self.policy.Consent(policy_pb2.ConsentRequest(wearer=wearer, purpose="assistance", granted=granted),
                                  metadata=META)

    def count(self, service: str, kind: str, asset: str) -> int:
        return len(self.seen[service].of(kind, asset))


@asynccontextmanager
async def loop(folder: Path, *requirements: Path) -> AsyncIterator[Loop]:
    rules, signer, store, at = Rules([load(path) for path in (BUNDLED, *requirements)]), Signer("1"), FakeStore(
        folder), [1_000_000.0]
    seen = {name: Recorder() for name in ("policy", "warehouse", "web")}
    verifier = Verifier(signer.public_key)

    def now() -> float:
        return at[0]

    libs = {name: PrivacyLib(name, [seen[name], Guard(rules, verifier if name == "warehouse" else None)])
            for name in seen}
    policy = PolicyService(libs["policy"], rules, signer, store, now)
    async with AsyncExitStack() as stack:
        asked = await stack.enter_async_context(serving(lambda s: policy.register(libs["policy"].server(s))))
        await policy.start()
        warehouse = WarehouseService(
            libs["warehouse"], store, FakeClock(),
            await stack.enter_async_context(stub(policy_pb2_grpc.PolicyStub, asked, libs["warehouse"])),
            permission=WarehousePermission(libs["warehouse"], rules, verifier, now))
        held = await stack.enter_async_context(serving(lambda s: warehouse.register(libs["warehouse"].server(s))))
        await warehouse.start()
        to_warehouse, to_policy, plain, consents = [
            await stack.enter_async_context(stub(*one)) for one in (
                (warehouse_pb2_grpc.WarehouseStub, held, libs["web"]), (policy_pb2_grpc.PolicyStub, asked, libs["web"]),
                (warehouse_pb2_grpc.WarehouseStub, held, None), (policy_pb2_grpc.PolicyStub, asked, None))]
        await plain.Append(warehouse_pb2.AppendRequest(rows=typed.make(
            "feature.assistant", COLUMNS, [("", row) for row in FEATURES])), metadata=META)
        yield Loop(recall=Recall(libs["web"], to_warehouse, to_policy, now), lib=libs["web"], policy=consents,
                   warehouse=to_warehouse, seen=seen, at=at)


async def test_a_wearer_gets_her_own_features_by_one_token(tmp_path: Path) -> None:
    async with loop(tmp_path) as one:
        assert await one.of("w1") == Memory(last_place="Big Ben", last_asked="How high is it?", language="en")
        assert await one.of("w2") == Memory(last_asked="Who built it?", language="nb")
        assert await one.of("w3") is None
        assert one.count("web", "call", "rpc:policy.Judge") == 1
        reads = one.seen["warehouse"].of("read", "warehouse:feature.assistant")
        assert [read.rows for read in reads] == [1, 1, 0]
        assert all(read.context.activity == ACTIVITY and "wearer" in read.fields for read in reads)


async def test_who_was_asked_for_decides_what_flows(tmp_path: Path) -> None:
    async with loop(tmp_path) as one:
        await one.of("w1")
        await one.of("w3")
        told, nothing = (dict(op.links) for op in one.seen["warehouse"].of("write", "rpc:warehouse.Read.response"))
        # The policy service judges the flow from this column, too, as every table's whose rows are looked up by it.
        assert told["feature.assistant.last_place"] == (
            "warehouse:feature.assistant#last_place", "rpc:warehouse.Read.request#subject",
            "warehouse:feature.assistant#wearer")
        assert not any(nothing.values())


async def test_a_withdrawal_holds_at_once_whatever_token_is_kept(tmp_path: Path) -> None:
    async with loop(tmp_path) as one:
        assert await one.of("w1")
        await one.consent("w1", False)
        assert await one.of("w1") is None
        assert await one.of("w2") is not None
        assert one.count("web", "call", "rpc:policy.Judge") == 2
        refused = [op.detail for op in one.seen["warehouse"].of("decision") if op.detail["verdict"] == "blocked"]
        assert [(one["activity"], one["code"]) for one in refused] == [(ACTIVITY, "PAI303")]
        told = one.seen["warehouse"].of("read", "warehouse:feature")[-2].detail["consent"]
        assert (told["checked"], told["withheld"]) == (1, 1) and told["ns"] > 0
        await one.consent("w1", True)
        assert await one.of("w1")


async def test_a_token_that_has_ended_is_asked_for_anew(tmp_path: Path) -> None:
    async with loop(tmp_path) as one:
        await one.of("w1")
        one.at[0] += 61
        assert await one.of("w1")
        assert one.count("web", "call", "rpc:policy.Judge") == 2
        assert not [op for op in one.seen["warehouse"].of("decision") if op.detail["verdict"] == "blocked"]


async def test_where_the_flow_into_the_prompt_is_not_permitted_nothing_is_read(tmp_path: Path) -> None:
    """The features carry the profile's annotation, the prompt does not: a requirement on profiles keeps them apart."""
    profiles = tmp_path / "profiles.yaml"
    profiles.write_text(BUNDLED.read_text().replace("glasses-interaction-purpose", "profiles").replace(
        "glasses-interactions", "profiles").replace("[GLASSES_INTERACTION]", "[WEARER_PROFILE]"))
    async with loop(tmp_path, profiles) as one:
        assert await one.of("w1") is None
        assert one.count("warehouse", "read", "warehouse:feature.assistant") == 0
        (decision,) = {op.detail["id"]: op.detail for op in one.seen["policy"].of("decision")}.values()
        assert (decision["activity"], decision["verdict"]) == (ACTIVITY, "blocked")


async def test_a_memory_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    lib = PrivacyLib("web")
    async with (stub(warehouse_pb2_grpc.WarehouseStub, "127.0.0.1:1", lib) as nobody,
                stub(policy_pb2_grpc.PolicyStub, "127.0.0.1:1", lib) as no_policy):
        with lib.scope(traceparent=TRACEPARENT):
            assert await Recall(lib, nobody, no_policy).of("w1") is None


async def test_a_subject_is_a_value_and_needs_a_table_of_subjects(tmp_path: Path) -> None:
    async with loop(tmp_path) as one:
        for hostile in ("w1' OR '1'='1", "w1\"; --", "%", "w\u0000", "wearer", "ẅ1"):
            assert await one.of(hostile) is None
        assert await one.of("w1")
        request = warehouse_pb2.ReadRequest(table="core.daily_activity", columns=["ds"], subject="w1")
        with one.lib.scope(traceparent=TRACEPARENT), pytest.raises(InputError, match="whose a row is"), calling("w"):
            await one.warehouse.Read(request, sources={})


async def test_without_a_token_a_subject_gives_nobody_her_row(tmp_path: Path) -> None:
    async with loop(tmp_path) as one:
        request = warehouse_pb2.ReadRequest(table="feature.assistant", columns=["language"], subject="w1")
        with one.lib.scope(traceparent=TRACEPARENT), pytest.raises(PolicyDenied) as refused, calling("w"):
            await one.warehouse.Read(request, sources={})
        assert refused.value.code == "PAI303"


def test_the_answer_says_what_is_remembered_in_the_wearers_language() -> None:
    here, nowhere = Scene("bright blue", "Eiffel Tower"), Scene("bright blue", "")
    known = Memory(last_place="Big Ben", last_asked="What?", language="nb")
    assert remembered.place(known, nowhere) == "Big Ben"
    assert remembered.place(known, here) == remembered.place(None, nowhere) == ""
    assert remembered.said(known, "A bell.") == "Sist spurte du om Big Ben. A bell."
    assert remembered.said(Memory(last_asked="What?", language="xx"), "A bell.") == "You last asked: What? A bell."
    assert remembered.said(Memory(language="nb"), "A bell.") == remembered.said(None, "A bell.") == "A bell."
    assert not GenerateRequest().HasField("memory")


class Logger:
    """A stub that keeps what it is given."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    async def Append(self, request: Any, **options: Any) -> None:
        self.given.append(request)


TOLD = {"wearer": "w1", "name": "Åse Öst", "language": "nb", "region": "NO", "updated_at": "2026-01-05T09:00:00Z"}


async def enrolled(body: Any) -> tuple[httpx.Response, Logger, Recorder]:
    seen, logger = Recorder(), Logger()
    lib = PrivacyLib("web", [seen], family="A")
    web = WebService(lib, FakeClock(), inference=None, logger=logger)
    await web.start()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(lib.asgi(web.app, ROUTES)), base_url="http://web",
                                 headers={"traceparent": TRACEPARENT}) as client:
        sent = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await client.post("/v1/profile", **sent), logger, seen


async def test_a_profile_goes_to_the_logger_with_its_sources() -> None:
    response, logger, seen = await enrolled(TOLD)
    assert (response.status_code, response.json()) == (200, {"stored": True})
    ((request,),) = [logger.given]
    assert request.events.schema == "wearer_profile"
    assert dict(zip(request.events.columns, typed.cells(request.events)[0], strict=True)) == TOLD
    assert {op.asset for op in seen.of("probe")} == {"web:enrolment"}
    assert profile.SENT["wearer_profile.name"] == ["web:enrolment#name"]


@pytest.mark.parametrize(("changed", "where"), [
    ({"language": "Norwegian"}, "web:profile#language"), ({"language": ""}, "web:profile#language"),
    ({"name": ""}, "web:profile#name"), ({"name": "a\nb"}, "web:profile#name"), ({"wearer": " "}, "web:profile#wearer"),
    ({"region": "no"}, "web:profile#region"), ({"updated_at": "today"}, "web:profile#updated_at"),
    ({"email": "a@example.org"}, "web:profile"), ({"name": 7}, "web:profile#name")])
async def test_a_profile_that_is_none_is_refused_and_not_logged(changed: dict[str, Any], where: str) -> None:
    response, logger, _ = await enrolled({**TOLD, **changed})
    told = response.json()
    assert (response.status_code, told["code"], told["where"]) == (422, "PAI004", where)
    assert not logger.given


@given(st.one_of(st.binary(max_size=200), st.dictionaries(st.sampled_from([*TOLD, "x"]), st.text(max_size=20))))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_body_is_a_profile_or_an_input_error(body: Any) -> None:
    response, logger, _ = await enrolled(body)
    assert (response.status_code == 200 and len(logger.given) == 1) or (
        response.json()["code"] == "PAI004" and not logger.given)


def test_only_the_columns_of_the_memory_are_asked_for() -> None:
    assert set(memory.COLUMNS) == set(Memory.DESCRIPTOR.fields_by_name)
