"""Training: strict manifests, admission before anything is read, and a checkpoint that carries its labels."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from lineage import dsse
from lineage.errors import InputError, RunError, SightlineError
from lineage.privacylib import PrivacyLib
from protos import (
    inference_pb2,
    inference_pb2_grpc,
    policy_pb2_grpc,
    training_pb2,
    training_pb2_grpc,
    warehouse_pb2_grpc,
)
from protos import warehouse_pb2 as wb
from services import checkpoint as checkpoints
from services import model as models
from services import rows as typed
from services import versions
from services.errors import abort, from_rpc
from services.training import snapshot
from services.training.manifest import CorpusInput, TableInput, parse
from services.training.reader import corpus_files, parse_corpus
from services.training.service import TrainingService
from tests.services.fakes import (
    KEYS,
    META,
    TRAINING,
    FakeClock,
    FakePolicy,
    FakeStore,
    Permits,
    Recorder,
    serving,
    stub,
)

MANIFESTS = Path(__file__).parents[2] / "services/training/manifests"
EVAL = (MANIFESTS / "assistant_eval.yaml").read_text()
BASE = (MANIFESTS / "assistant_base.yaml").read_text()
ADS = (MANIFESTS / "ads_ranker.yaml").read_text()
TABLE = "core.daily_sessions"
GOVERNED = {"utterance": "user.utterance", "answer": "user.answer", "wearer": "user.identifier",
            "region": "operational:region", "_key": "operational:correlation_key"}


class FakeWarehouse(warehouse_pb2_grpc.WarehouseServicer):
    def __init__(self, count: int = 2) -> None:
        self.count = count
        self.read: list[tuple[wb.ReadRequest, bytes]] = []
        # By pseudonym, of the rows in their order, where it has to ask for consent.
        self.whose: list[str] = []

    async def Describe(self, request: wb.DescribeRequest, context: Any) -> wb.DescribeResponse:
        if request.table != TABLE:
            await abort(context, InputError("PAI020", f"no table {request.table}", where="warehouse"))
        return wb.DescribeResponse(table=TABLE, columns=[
            wb.Column(name=name, type="TEXT", category=category, annotations=["GLASSES_INTERACTION"])
            for name, category in GOVERNED.items()])

    async def Read(self, request: wb.ReadRequest, context: Any) -> wb.ReadResponse:
        self.read.append((request, dict(context.invocation_metadata())["sightline-policy-bin"]))
        columns = (*request.columns, *(["wearer"] if self.whose and request.pseudonyms else []))
        return wb.ReadResponse(rows=typed.make(request.table, columns, [
            (f"{n:032x}", tuple(self.whose[n] if column == "wearer" and self.whose else f"{column} {n}"
                                for column in columns)) for n in range(self.count)]))


class FakeInference(inference_pb2_grpc.InferenceServicer):
    """``answering``: which checkpoint says that it has answered, where it is not the one that was asked."""

    def __init__(self, answering: str = "") -> None:
        self.loaded: list[inference_pb2.LoadRequest] = []
        self.asked: list[inference_pb2.GenerateRequest] = []
        self._answering = answering

    async def Load(self, request: inference_pb2.LoadRequest, context: Any) -> inference_pb2.LoadResponse:
        self.loaded.append(request)
        return inference_pb2.LoadResponse(serving=request.checkpoint)

    async def Generate(self, request: inference_pb2.GenerateRequest, context: Any) -> inference_pb2.GenerateResponse:
        self.asked.append(request)
        return inference_pb2.GenerateResponse(answer=f"{request.prompt}, says the teacher",
                                              checkpoint=self._answering or request.model)


class Bench:
    def __init__(self, stub: Any, store: FakeStore, policy: FakePolicy, warehouse: FakeWarehouse,
                 inference: FakeInference, seen: Recorder, service: TrainingService) -> None:
        self.service = service
        self._stub, self.store, self.policy, self.seen = stub, store, policy, seen
        self.warehouse, self.inference = warehouse, inference

    async def train(self, manifest: str, purpose: str = "") -> training_pb2.TrainResponse:
        request = training_pb2.TrainRequest(manifest=manifest, purpose=purpose)
        try:
            return await self._stub.Train(request, metadata=META, timeout=10)
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error, "training") from None

    async def refused(self, manifest: str, purpose: str = "") -> SightlineError:
        with pytest.raises(SightlineError) as caught:
            await self.train(manifest, purpose)
        return caught.value


@asynccontextmanager
async def bench(folder: Path, *, policy_away: bool = False, rows: int = 2, answering: str = "",
                judge: Any = None) -> AsyncIterator[Bench]:
    """``judge``: the policy service, in the place of one that allows nearly everything."""
    policy, warehouse, inference = judge or FakePolicy("ads_ranking"), FakeWarehouse(rows), FakeInference(answering)
    store, seen = FakeStore(folder), Recorder()
    for path, data in corpus_files().items():
        store.write(path, data)
    store.touched.clear()
    lib = PrivacyLib("training", [seen])
    registers = (policy.register,
                 lambda s: warehouse_pb2_grpc.add_WarehouseServicer_to_server(warehouse, s),
                 lambda s: inference_pb2_grpc.add_InferenceServicer_to_server(inference, s))
    async with serving(*registers) as address, stub(warehouse_pb2_grpc.WarehouseStub, address, lib) as to_warehouse:
        async with stub(policy_pb2_grpc.PolicyStub, "127.0.0.1:1" if policy_away else address, lib) as to_policy:
            async with stub(inference_pb2_grpc.InferenceStub, address, lib) as to_inference:
                service = TrainingService(lib, store, FakeClock(), policy=to_policy, warehouse=to_warehouse,
                                          inference=to_inference, sign=TRAINING.attest, keys=KEYS,
                                          code="0" * 64, permission=Permits())
                async with serving(lambda s: service.register(lib.server(s))) as own:
                    async with stub(training_pb2_grpc.TrainingStub, own) as training:
                        yield Bench(training, store, policy, warehouse, inference, seen, service)


def executed(folder: Path, made: str) -> checkpoints.Checkpoint:
    """By the manifest beside the weights, which has to be genuine."""
    data = (folder / checkpoints.manifest_path(made)).read_bytes()
    return checkpoints.stated(dsse.opened(data, KEYS), made)


def test_the_bundled_manifests_are_read() -> None:
    found = {path.stem: parse(path.read_text(), str(path)) for path in MANIFESTS.glob("*.yaml")}
    assert {manifest.name for manifest in found.values()} == set(found) == {"assistant_base", "assistant_eval",
                                                                            "ads_ranker", "sign_reader_base"}
    assert found["assistant_base"].corpora[0] == CorpusInput("landmarks", f"{MANIFESTS}/assistant_base.yaml:8")
    assert found["assistant_eval"].tables[0] == TableInput(TABLE, ("utterance", "answer"),
                                                           f"{MANIFESTS}/assistant_eval.yaml:8")
    assert {name: manifest.kind for name, manifest in found.items() if manifest.kind != "text"} == {
        "sign_reader_base": "signs"}
    assert found["ads_ranker"].purpose == "ads_ranking" and not found["ads_ranker"].serve


@pytest.mark.parametrize(("old", "new", "line", "what"), [
    ("purpose:", "porpose:", 5, "did you mean 'purpose'"), ("version: 1", "version: 0", 3, "whole number"),
    ("serve: true", "serve: yes", 11, "true or false"), ("columns:", "colums:", 8, "did you mean 'columns'"),
    ("core.daily_sessions", "daily", 8, "not a table"), ("[utterance, answer]", "[a, a]", 8, "given twice"),
    ("to: answer", "to: wearer", 9, "no input of"), ("output: assistant", "output: ../x", 10, "lower-case"),
    ("learn: {from: [utterance], to: answer}", "", 2, "says what it learns"),
    ("owner: assistant-quality", "", 2, "'owner' is missing"),
    ("region: EU", "region: EU\nmodel: sings", 7, "no model 'sings'; there are text, signs"),
])
def test_a_malformed_manifest_is_refused_with_its_line(old: str, new: str, line: int, what: str) -> None:
    assert old in EVAL
    with pytest.raises(InputError) as caught:
        parse(EVAL.replace(old, new, 1), "m.yaml")
    assert caught.value.code == "PAI020" and caught.value.where == f"m.yaml:{line}" and what in caught.value.what


@pytest.mark.parametrize("data", [b"", b"a\tb\n", b"question\tanswer\nonly\n", b"question\tanswer\na\t\xff\n"])
def test_a_malformed_corpus_is_refused(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_corpus(data, "c.tsv")
    assert caught.value.code == "PAI020"


async def test_a_run_is_admitted_then_reads_with_its_token_and_serves_what_it_made(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        made = await b.train(EVAL)
        assert (made.checkpoint, made.rows, made.serving) == ("assistant@1", 2, True)
        (admitted,) = b.policy.admitted
        assert (admitted.activity, admitted.purpose, admitted.principal, admitted.region) == (
            "training:assistant_eval", "assistance", "training", "EU")
        assert [item.asset for item in admitted.inputs] == [
            f"warehouse:{TABLE}#{column}" for column in ("utterance", "answer", "_key")]
        assert all(item.annotated and item.annotations == ["GLASSES_INTERACTION"] for item in admitted.inputs)
        ((request, token),) = b.warehouse.read
        assert request.activity == "training:assistant_eval" and token == b"token"
        assert [(r.checkpoint, r.digest) for r in b.inference.loaded] == [("assistant@1", made.digest)]
        weights = (tmp_path / checkpoints.weights_path("assistant@1")).read_bytes()
        assert checkpoints.digest(weights) == made.digest
        assert models.loads(weights).answer("utterance 1") == "answer 1"


async def test_the_checkpoint_says_what_it_was_made_from(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        made = await b.train(EVAL)
        weights, manifest = b.seen.of("write", "checkpoint:assistant@1")
        assert weights.fields == ("weights",) and manifest.fields == ("manifest",)
        assert dict(weights.links)["weights"] == tuple(
            f"rpc:warehouse.Read.response#{TABLE}.{column}" for column in ("utterance", "answer"))
        assert weights.keys == (f"{0:032x}", f"{1:032x}")
        assert weights.context.activity == "training:assistant_eval" and weights.context.purpose == "assistance"
        (load,) = b.seen.of("call", "rpc:inference.Load")
        assert load.context.activity == "", "serving is no use by the run"
        said = executed(tmp_path, "assistant@1")
        assert said.labels["weights"].annotations == ("GLASSES_INTERACTION",)
        assert said.labels["weights"].category == "user"
        (table,) = said.executed["inputs"]
        assert table["asset"] == f"warehouse:{TABLE}" and table["columns"] == ["utterance", "answer"]
        rows = [["utterance 0", "answer 0"], ["utterance 1", "answer 1"]]
        assert (table["rows"], table["sha256"]) == (2, snapshot.digest(table["columns"], rows))
        assert table["labels"]["answer"] == {"category": "user.answer", "annotations": ["GLASSES_INTERACTION"]}
        assert said.executed["manifest"]["sha256"] == hashlib.sha256(EVAL.encode()).hexdigest()
        assert (said.digest, said.purpose, said.executed["region"]) == (made.digest, "assistance", "EU")


@pytest.mark.parametrize(("manifest", "purpose"), [(ADS, ""), (EVAL, "ads_ranking")])
async def test_a_refused_run_reads_nothing_and_leaves_nothing(tmp_path: Path, manifest: str, purpose: str) -> None:
    async with bench(tmp_path) as b:
        error = await b.refused(manifest, purpose)
        assert error.code == "PAI301" and error.where == f"training:{parse(manifest).name}"
        assert b.warehouse.read == [] and b.inference.loaded == [] and b.store.touched == []
        assert not b.seen.of("call", "rpc:warehouse.Read") and not b.seen.of("write", "checkpoint:")


async def test_a_policy_service_that_is_away_refuses(tmp_path: Path) -> None:
    async with bench(tmp_path, policy_away=True) as b:
        assert (await b.refused(EVAL)).code == "PAI305" and b.warehouse.read == []


@pytest.mark.parametrize(("old", "new", "what"), [
    (TABLE, "core.none", "no table core.none"),
    ("[utterance, answer]", "[utterance, answer, nose]", "no column 'nose'"),
])
async def test_an_input_that_is_not_there_is_named_with_its_line(tmp_path: Path, old: str, new: str, what: str) -> None:
    async with bench(tmp_path) as b:
        error = await b.refused(EVAL.replace(old, new, 1))
        assert error.code == "PAI020" and error.where == "manifest:8" and what in error.what
        assert b.policy.admitted == []


async def test_versions_count_up_and_a_corpus_is_an_input_like_any_other(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        first, second = await b.train(BASE), await b.train(BASE)
        assert (first.checkpoint, second.checkpoint) == ("assistant@1", "assistant@2")
        assert first.digest == second.digest, "the same rows give the same weights"
        weights = b.seen.of("write", "checkpoint:assistant@1")[0]
        assert dict(weights.links)["weights"] == ("file:corpus/landmarks.tsv",) and weights.keys == ()
        (item,) = b.policy.admitted[0].inputs
        assert (item.asset, item.annotated, list(item.annotations)) == ("file:corpus/landmarks.tsv", True, [])
        assert (await b.refused(BASE.replace("corpus: landmarks", "corpus: none"))).code == "PAI020"


async def test_an_empty_table_teaches_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path, rows=0) as b:
        assert (await b.refused(EVAL)).code == "PAI020"
        assert not (tmp_path / "checkpoints").exists()


async def test_a_withdrawal_while_it_learns_leaves_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.warehouse.whose = ["w-1", "w-2"]
        b.policy.withdrawn = ["w-3"]
        await b.train(EVAL)
        (asked,) = b.policy.rechecked
        assert asked.at == "registration" and asked.admitted.activity == "training:assistant_eval"
        assert executed(tmp_path, "assistant@1").subjects == ["w-1", "w-2"]
        assert executed(tmp_path, "assistant@1").labels["manifest"].category == "user.identifier"
        b.policy.withdrawn = ["w-2"]
        assert (await b.refused(EVAL)).code == "PAI334"
        assert not b.seen.of("write", "checkpoint:assistant@2") and not b.store.exists("checkpoints/assistant@2")
        assert len(b.warehouse.read) == 2, "it was read, and learnt"


def full_at_the_manifest(store: Any, monkeypatch: pytest.MonkeyPatch, *, in_place: bool = False) -> None:
    """The store has room for what a run makes, and none for the manifest that comes last; ``in_place``: it says so
    when the manifest is there already, as a disk does that cannot sync the folder."""
    real = store.write

    def write(path: str, data: bytes) -> None:
        if path.endswith("manifest.json"):
            if in_place:
                real(path, data)
            raise RunError("PAI033", "no space", where=path)
        real(path, data)

    monkeypatch.setattr(store, "write", write)


@pytest.mark.parametrize("in_place", [False, True])
async def test_a_run_that_fails_while_it_writes_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                               in_place: bool) -> None:
    async with bench(tmp_path) as b:
        full_at_the_manifest(b.store, monkeypatch, in_place=in_place)
        assert (await b.refused(EVAL)).code == "PAI033"
        assert list((tmp_path / "checkpoints/assistant@1").iterdir()) == []
        monkeypatch.undo()
        assert (await b.train(EVAL)).checkpoint == "assistant@1", "its version is free"
        b.store.remove(checkpoints.manifest_path("assistant@1"))
        full_at_the_manifest(b.store, monkeypatch, in_place=in_place)
        assert (await b.refused(EVAL)).code == "PAI033"
        assert b.store.names("checkpoints/assistant@1") == ["weights.safetensors"], "another version is not its own"
        assert b.store.names("checkpoints/assistant@2") == []


async def test_a_checkpoint_whose_manifest_is_gone_is_not_written_over(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.train(EVAL)
        await b.train(EVAL)
        b.store.remove(checkpoints.manifest_path("assistant@1"))
        assert (await b.train(EVAL)).checkpoint == "assistant@3"
        b.store.remove(checkpoints.manifest_path("assistant@3"))
        assert (await b.train(EVAL)).checkpoint == "assistant@4"
        assert versions.newest(b.store, "checkpoints", "assistant") == 4


async def test_what_a_killed_run_left_behind_goes_at_the_next_start(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.train(EVAL)
        b.store.write(checkpoints.weights_path("assistant@2"), b"half of a model")
        assert versions.newest(b.store, "checkpoints", "assistant") == 1, "weights alone are no checkpoint"
        # As the store leaves it that is killed over a file.
        b.store.write("checkpoints/assistant@2/.writing-1", b"half of a manifest")
        b.store.write("checkpoints/assistant@3/.writing-2", b"half of a model")
        b.store.write("checkpoints/assistant@1/.writing-3", b"half of a manifest that was to be written anew")
        # A checkpoint whose manifest somebody has taken away.
        b.store.write(checkpoints.weights_path("other@1"), b"a whole model")
        await b.service.start()
        assert b.store.names("checkpoints/assistant@2") == b.store.names("checkpoints/assistant@3") == []
        assert versions.free(b.store, "checkpoints", "assistant") == 2
        assert b.store.names("checkpoints/assistant@1") == ["manifest.json", "weights.safetensors"]
        assert b.store.names("checkpoints/other@1") == ["weights.safetensors"]
