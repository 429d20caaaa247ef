"""All five services together, over real gRPC, with the real guard and policy service: the whole way round."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from lineage import dsse
from lineage.enforce.guard import Guard
from lineage.enforce.models import ModelPermission
from lineage.enforce.pes import PolicyService
from lineage.enforce.requirement import load
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Signer, Verifier
from lineage.enforce.wps import WarehousePermission
from lineage.errors import PolicyDenied
from lineage.privacylib import PrivacyLib
from lineage.privacylib.asgi import Route
from lineage.privacylib.contract import labels_of
from lineage.pseudonyms import Pseudonyms
from protos import (
    inference_pb2,
    inference_pb2_grpc,
    logger_pb2,
    logger_pb2_grpc,
    policy_pb2,
    policy_pb2_grpc,
    training_pb2,
    training_pb2_grpc,
    warehouse_pb2,
    warehouse_pb2_grpc,
    web_pb2,
)
from services import checkpoint as checkpoints
from services.errors import from_rpc
from services.inference.service import InferenceService
from services.logger.service import LoggerService
from services.training.reader import corpus_files
from services.training.service import TrainingService
from services.warehouse.service import WarehouseService
from services.web.service import WebService
from tests.services.fakes import KEYS, META, TRAINING, FakeClock, FakeStore, Recorder, picture, serving, stub

ROOT = Path(__file__).parents[2]
REQUIREMENT = ROOT / "scenarios/requirements/glasses-interaction-purpose.yaml"
ROUTE = Route("web:ask", "response:ask", labels_of(web_pb2.AskRequest.DESCRIPTOR),
              labels_of(web_pb2.AskResponse.DESCRIPTOR), "assistance")
NAMES = Pseudonyms(b"round")
STUBS: dict[str, Any] = {
    "policy": policy_pb2_grpc.PolicyStub, "warehouse": warehouse_pb2_grpc.WarehouseStub,
    "logger": logger_pb2_grpc.LoggerStub, "inference": inference_pb2_grpc.InferenceStub,
    "training": training_pb2_grpc.TrainingStub}


class Round:
    """Starts each service when its callees are there; ``seen`` has what each one's PrivacyLib saw."""

    def __init__(self, folder: Path, stack: AsyncExitStack, rules: Rules) -> None:
        self.rules, self.signer = rules, Signer("1")
        self.store, self.clock = FakeStore(folder), FakeClock()
        self.seen: dict[str, Recorder] = {}
        self.plain: dict[str, Any] = {}
        self._libs: dict[str, PrivacyLib] = {}
        self._addresses: dict[str, str] = {}
        self._stack = stack

    def lib(self, name: str) -> PrivacyLib:
        self.seen[name] = Recorder()
        verifier = Verifier(self.signer.public_key) if name == "warehouse" else None
        self._libs[name] = PrivacyLib(name, [self.seen[name], Guard(self.rules, verifier)])
        return self._libs[name]

    async def stub(self, caller: str, callee: str) -> Any:
        return await self._stack.enter_async_context(
            stub(STUBS[callee], self._addresses[callee], self._libs.get(caller)))

    async def up(self, service: Any) -> None:
        lib = self._libs[service.name]
        self._addresses[service.name] = await self._stack.enter_async_context(
            serving(lambda server: service.register(lib.server(server))))
        await service.start()
        self._stack.push_async_callback(service.stop)
        self.plain[service.name] = await self.stub("", service.name)

    async def start(self) -> None:
        for path, data in corpus_files().items():
            self.store.write(path, data)
        store, clock = self.store, self.clock
        await self.up(PolicyService(self.lib("policy"), self.rules, self.signer, store, pseudonym=NAMES.of))
        lib = self.lib("warehouse")
        permission = WarehousePermission(lib, self.rules, Verifier(self.signer.public_key))
        await self.up(WarehouseService(lib, store, clock, await self.stub("warehouse", "policy"),
                                       permission=permission, names=NAMES))
        lib = self.lib("logger")
        await self.up(LoggerService(lib, store, clock, await self.stub("logger", "warehouse")))
        lib = self.lib("inference")
        await self.up(InferenceService(lib, store, clock, keys=KEYS, policy=await self.stub("inference", "policy"),
                                       permission=ModelPermission(lib, self.rules)))
        lib = self.lib("training")
        await self.up(TrainingService(lib, store, clock, policy=await self.stub("training", "policy"),
                                      warehouse=await self.stub("training", "warehouse"),
                                      inference=await self.stub("training", "inference"), sign=TRAINING.attest,
                                      keys=KEYS, code="0" * 64, permission=ModelPermission(lib, self.rules)))
        lib = self.lib("web")
        web = WebService(lib, clock, inference=await self.stub("web", "inference"),
                         logger=await self.stub("web", "logger"))
        await web.start()
        transport = httpx.ASGITransport(lib.asgi(web.app, {("POST", "/v1/ask"): ROUTE}))
        self._client = await self._stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://web"))

    async def ask(self, number: int, location: str, region: str = "NO") -> dict[str, str]:
        response = await self._client.post(
            "/v1/ask", files={"photo": ("p.jpg", picture())},
            data={"utterance": "What is that building?", "location": location, "wearer": f"w{number}", "region": region,
                  "device": "g1", "asked_at": "2026-03-01T09:30:00+01:00"},
            headers={"traceparent": f"00-{number:032x}-b7ad6b7169203331-01"})
        assert response.status_code == 200, response.text
        return response.json()

    async def call(self, service: str, method: str, request: Any) -> Any:
        try:
            return await getattr(self.plain[service], method)(request, metadata=META, timeout=20)
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error, service) from None

    async def train(self, name: str, purpose: str = "") -> Any:
        manifest = (ROOT / f"services/training/manifests/{name}.yaml").read_text()
        return await self.call("training", "Train", training_pb2.TrainRequest(manifest=manifest, purpose=purpose))


@asynccontextmanager
async def going_round(folder: Path, rules: Rules | None = None) -> AsyncIterator[Round]:
    async with AsyncExitStack() as stack:
        made = Round(folder, stack, rules or Rules([load(REQUIREMENT)]))
        await made.start()
        yield made


async def test_the_whole_way_round(tmp_path: Path) -> None:
    async with going_round(tmp_path) as r:
        await r.train("assistant_base")
        places = ["59.9075,10.7531", "37.8199,-122.4783", "27.1751,78.0421"]
        before = [await r.ask(number, place) for number, place in enumerate(places, 1)]
        assert (await r.call("logger", "Flush", logger_pb2.FlushRequest())).delivered == 3
        assert (await r.call("warehouse", "RunJob", warehouse_pb2.JobRequest(job="daily_sessions"))).rows == 3
        made = await r.train("assistant_eval")
        assert (made.checkpoint, made.rows, made.serving) == ("assistant@2", 3, True)
        after = [await r.ask(number, place) for number, place in enumerate(places, 11)]
        assert {answer["checkpoint"] for answer in after} == {"assistant@2"}
        assert [answer["answer"] for answer in after] == [answer["answer"] for answer in before]
        keys = tuple(f"{number:032x}" for number in (1, 2, 3))
        assert r.seen["training"].of("write", "checkpoint:assistant@2")[0].keys == keys
        assert all(not seen.of("gap") for name, seen in r.seen.items()), "no context was lost on the way"


async def test_a_forbidden_use_is_stopped_before_a_row_moves_and_at_the_boundary(tmp_path: Path) -> None:
    async with going_round(tmp_path) as r:
        await r.train("assistant_base")
        await r.ask(1, "")
        await r.call("logger", "Flush", logger_pb2.FlushRequest())
        await r.call("warehouse", "RunJob", warehouse_pb2.JobRequest(job="daily_sessions"))
        for name, purpose in (("ads_ranker", ""), ("assistant_eval", "ads_ranking")):
            with pytest.raises(PolicyDenied) as caught:
                await r.train(name, purpose)
            assert caught.value.code == "PAI301"
        assert not r.seen["warehouse"].of("read", "warehouse:core.daily_sessions")
        assert not r.store.exists("checkpoints/ads_ranker@1/weights.safetensors")
        # Who comes to the warehouse without a token, saying that it is the run that was admitted, gets nothing.
        request = warehouse_pb2.ReadRequest(table="core.daily_sessions", columns=["utterance"],
                                            activity="training:assistant_eval")
        with pytest.raises(PolicyDenied):
            await r.call("warehouse", "Read", request)
        assert not r.seen["warehouse"].of("read", "warehouse:core.daily_sessions")


async def test_a_job_may_not_take_governed_data_to_a_column_without_the_annotation(tmp_path: Path) -> None:
    sql = ("-- job: leak\n-- owner: o\n-- purpose: assistance\n-- output: core.leak\n"
           "CREATE TABLE core.leak (\n  what TEXT  -- operational:note\n);\n"
           "INSERT INTO core.leak SELECT utterance FROM core.sessions;")
    async with going_round(tmp_path) as r:
        with pytest.raises(PolicyDenied) as caught:
            await r.call("warehouse", "RunJob", warehouse_pb2.JobRequest(sql=sql))
        assert caught.value.code == "PAI302" and "core.leak#what" in caught.value.what
        assert not r.seen["warehouse"].of("read", "warehouse:core.sessions")


async def test_rows_that_were_read_for_a_purpose_without_consent_answer_nobody_for_one_that_needs_it(
        tmp_path: Path) -> None:
    async with going_round(tmp_path) as r:
        await r.train("assistant_base")
        await r.ask(1, "")
        await r.call("logger", "Flush", logger_pb2.FlushRequest())
        await r.call("warehouse", "RunJob", warehouse_pb2.JobRequest(job="daily_sessions"))
        text = (ROOT / "services/training/manifests/assistant_eval.yaml").read_text()
        other = training_pb2.TrainRequest(manifest=text.replace("purpose: assistance", "purpose: safety"))
        assert (await r.call("training", "Train", other)).checkpoint == "assistant@2"
        with pytest.raises(AssertionError, match="PAI335"):
            await r.ask(2, "")
        await r.train("assistant_eval")
        assert (await r.ask(3, ""))["checkpoint"] == "assistant@3"


async def test_a_withdrawal_of_who_need_not_be_asked_changes_nothing(tmp_path: Path) -> None:
    rules = Rules([replace(load(REQUIREMENT), consent=(), consent_by_origin={"EEA": ("assistance",)})])

    async def withdraw(number: int) -> None:
        await r.call("policy", "Consent", policy_pb2.ConsentRequest(wearer=f"w{number}", purpose="assistance"))

    def whose(version: int) -> Any:
        said = dsse.opened(r.store.read(checkpoints.manifest_path(f"assistant@{version}")), KEYS)
        return next(one["subjects"] for one in said["predicate"]["inputs"] if one["asset"].startswith("warehouse:"))

    async with going_round(tmp_path, rules) as r:
        await r.train("assistant_base")
        for number, region in ((1, "US"), (2, "NO"), (3, "US")):
            await r.ask(number, "", region)
        await r.call("logger", "Flush", logger_pb2.FlushRequest())
        await r.call("warehouse", "RunJob", warehouse_pb2.JobRequest(job="daily_sessions"))
        await withdraw(1)
        made = await r.train("assistant_eval")
        assert (made.checkpoint, made.rows, whose(2)) == ("assistant@2", 3, [NAMES.of("w2")])
        await withdraw(3)
        assert await r.call("inference", "Load", inference_pb2.LoadRequest(checkpoint="assistant@2"))
        await withdraw(2)  # she is asked
        with pytest.raises(PolicyDenied, match="1 of the wearers"):
            await r.call("inference", "Load", inference_pb2.LoadRequest(checkpoint="assistant@2"))
        assert ((await r.train("assistant_eval")).rows, whose(3)) == (2, [])
        await withdraw(4)  # that it is nobody's who was asked is known
        assert await r.call("inference", "Load", inference_pb2.LoadRequest(checkpoint="assistant@3"))


async def test_a_table_that_changes_while_it_is_read_gives_no_row(tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """The warehouse has looked whether it is as it was admitted, and asks who has withdrawn before it reads."""
    changing: list[Any] = []
    real = PolicyService.Withdrawn

    async def withdrawn(self: PolicyService, request: Any, context: Any) -> Any:
        if changing:
            await changing.pop()()
        return await real(self, request, context)

    monkeypatch.setattr(PolicyService, "Withdrawn", withdrawn)
    async with going_round(tmp_path) as r:
        async def job() -> None:
            await r.call("warehouse", "RunJob", warehouse_pb2.JobRequest(job="daily_sessions"))

        await r.train("assistant_base")
        await r.ask(1, "")
        await r.call("logger", "Flush", logger_pb2.FlushRequest())
        await job()
        await r.ask(2, "")
        await r.call("logger", "Flush", logger_pb2.FlushRequest())
        changing.append(job)
        with pytest.raises(PolicyDenied) as caught:
            await r.train("assistant_eval")
        assert caught.value.code == "PAI332" and not changing
        assert not r.store.exists("checkpoints/assistant@2")
        assert (await r.train("assistant_eval")).rows == 2
