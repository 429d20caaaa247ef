"""Builds each service with what it needs: its stubs, its store, and what else the composition root gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc.aio

from lineage.enforce.models import ModelPermission
from lineage.enforce.principal import Principals
from lineage.enforce.rulebook import Rulebook
from lineage.enforce.tokens import Signer, Verifier
from lineage.enforce.wps import WarehousePermission
from lineage.errors import RunError
from lineage.privacylib import PrivacyLib
from lineage.pseudonyms import Pseudonyms, secret_of
from protos import inference_pb2_grpc, logger_pb2_grpc, policy_pb2, policy_pb2_grpc, warehouse_pb2_grpc
from sim.stack.bypass import Overruled
from sim.stack.code import training_code
from sim.stack.config import NodeConfig
from sim.stack.hiding import HidingStore
from sim.stack.injected import Seams
from sim.stack.interleaved import Interleaved
from sim.stack.mapping import TappedMapping
from sim.stack.pool import Pool
from sim.stack.store import LocalStore
from sim.stack.vouching import public_keys
from sim.stack.wire import TappedChannel, TappedTransport

if TYPE_CHECKING:
    from services.inference.remote import Remote

_STUBS: dict[str, Any] = {
    "policy": policy_pb2_grpc.PolicyStub, "warehouse": warehouse_pb2_grpc.WarehouseStub,
    "logger": logger_pb2_grpc.LoggerStub, "inference": inference_pb2_grpc.InferenceStub}
OPTIONS = (("grpc.max_receive_message_length", 32 << 20), ("grpc.max_send_message_length", 32 << 20),
            ("grpc.so_reuseport", 0))


class Builder:
    """Makes each service with what it needs.

    A service is imported when it is built: a process of its own holds no other's libraries.
    """

    def __init__(self, lib: PrivacyLib, config: NodeConfig, seams: Seams, stopping: list[Callable[[], Any]],
                 book: Rulebook, principals: Principals | None = None) -> None:
        self._lib = lib
        self._config = config
        self._seams = seams
        self._stopping = stopping
        self._book = book
        self._principals = principals
        # Services that the node offers beside its own; each is started before the node listens.
        self.beside: list[Any] = []
        self.vouches: Any = None
        self.verifier: Verifier | None = None
        self.pool: Pool | None = None

    @property
    def _names(self) -> Pseudonyms:
        """Of people: the warehouse tells whose rows are read by them, and the policy service who has withdrawn."""
        return Pseudonyms(secret_of(str(self._config.seed)))

    async def service(self, name: str) -> tuple[Any, str | None]:
        """The service, and the address of its HTTP server where it has one."""
        if name == "web":
            return await self._web()
        reading, seams = self._seams.reading, self._seams
        store = (LocalStore(self._config.data, seams.tap, seams.breaks) if reading is None
                 else HidingStore(self._config.data, seams.tap, reading))
        self._stopping.append(_closing(store))
        build: Callable[[LocalStore], Any] = getattr(self, f"_{name}")
        return build(store), None

    async def policy_key(self) -> bytes:
        """The policy service's public key.  Raises RunError (PAI305) when it does not answer."""
        with self._lib.scope(principal=self._lib.service):
            try:
                answer = await self._stub("policy").Key(policy_pb2.KeyRequest(), sources={}, timeout=10,
                                                        wait_for_ready=True)
            except grpc.aio.AioRpcError as error:
                raise RunError("PAI305", "the policy service did not give its key", where="warehouse") from error
        return bytes(answer.public_key)

    def _policy(self, store: LocalStore) -> Any:
        from lineage.enforce.pes import PolicyService
        from lineage.enforce.principals import PrincipalService
        from lineage.enforce.requiring import RulebookService

        self.beside.append(RulebookService(self._lib, self._book, self._config.deployment.requirement_texts(), store,
                                           principals=self._principals))
        signer, now = Signer(str(self._config.seed)), self._seams.now
        service = PolicyService(self._lib, self._book, signer, store, now, self._principals, self._seams.today,
                                self._names.of)
        self.vouches = PrincipalService(self._config.deployment.load_principals(), public_keys(self._config), signer,
                                        lambda: service.epoch, now)
        return service

    def _warehouse(self, store: LocalStore) -> Any:
        from lineage.enforce.reviewed.releases import Releases
        from services.warehouse.service import WarehouseService

        deployment, verifier = self._config.deployment, self.verifier
        permission = WarehousePermission(self._lib, self._book, verifier, self._seams.now) if verifier else None
        return WarehouseService(self._lib, store, self._seams.clock, policy=self._stub("policy"),
                                tables=deployment.tables, jobs=deployment.running_jobs, exports=deployment.exports,
                                permission=permission, workers=self.pool,
                                releases=Releases(self._lib, self._book, store, f"releases/{self._config.seed}"),
                                engine=self._spark if self._config.engine == "spark" else None,
                                names=self._names)

    def _spark(self, catalog: Any) -> Any:
        from sim.stack import spark

        spark.check(self._config.spark or spark.LOCAL)  # before the engine imports what may be missing
        from services.warehouse.spark import SparkEngine

        return SparkEngine(spark.TappedSpark(self._config.data, self._seams.tap, self._config.spark or spark.LOCAL),
                           catalog)

    def _logger(self, store: LocalStore) -> Any:
        from services.logger.service import LoggerService

        # A simulated run is not batched by the clock on the wall: a full batch or a flush sends the events.
        service = LoggerService(self._lib, store, self._seams.clock, warehouse=self._stub("warehouse"),
                                categories=self._config.deployment.running_categories, delay=86_400,
                                seed=self._config.seed, enforced=self._book.enforced)
        self._book.listen(lambda rules: service.enforce(self._book.enforced))
        return service

    def _inference(self, store: LocalStore) -> Any:
        from services.inference.service import InferenceService

        return InferenceService(self._lib, store, self._seams.clock, keys=self._signers(), answers=self._answers(),
                                policy=self._stub("policy"), permission=ModelPermission(self._lib, self._book),
                                memory=self._config.memory, remote=self._remote())

    def _remote(self) -> Remote | None:
        """The model that somebody else runs, where one is deployed."""
        endpoint = self._config.deployment.endpoint
        if endpoint is None:
            return None
        import httpx

        from services.inference.remote import Remote

        transport = TappedTransport(httpx.AsyncHTTPTransport(), self._seams.tap)
        return Remote(self._lib, endpoint, self._lib.http(transport, dict([endpoint.route])))

    def _answers(self) -> TappedMapping | None:
        """Where inference keeps its answers: in memory, the least used thrown out first, for a simulated hour."""
        if not self._config.answers:
            return None
        from cachetools import TTLCache

        clock = self._seams.clock
        return TappedMapping(TTLCache(self._config.answers, 3600, timer=lambda: clock.now().timestamp()),
                             "inference/answers", self._seams.tap)

    def _training(self, store: LocalStore) -> Any:
        from services.training.reader import corpus_files
        from services.training.service import TrainingService

        # The bundled corpora are part of the deployment, not data that a service moved.
        for path, content in corpus_files().items():
            target = self._config.data / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return TrainingService(self._lib, store, self._seams.clock, warehouse=self._stub("warehouse"),
                               policy=self._stub("policy"), inference=self._stub("inference"),
                               sign=Signer(str(self._config.seed), "training").attest, keys=self._signers(),
                               code=training_code(), permission=ModelPermission(self._lib, self._book))

    def _signers(self) -> dict[str, bytes]:
        """Training signs what it has made; nobody else's signature counts."""
        return {"training": Signer(str(self._config.seed), "training").public_key}

    async def _web(self) -> tuple[Any, str]:
        from services.web.memory import Recall
        from services.web.service import WebService
        from sim.stack.http import HttpServer

        recall = None
        if self._config.memory:
            recall = Recall(self._lib, self._stub("warehouse"), self._stub("policy"))
        store = LocalStore(self._config.data, self._seams.tap, self._seams.breaks)
        self._stopping.append(_closing(store))
        service = WebService(self._lib, self._seams.clock, inference=self._stub("inference"),
                             logger=self._stub("logger"), recall=recall, store=store)
        server = await HttpServer.start(service.app, self._config.http, self._lib, self._seams.tap)
        self._stopping.append(server.stop)
        return service, server.address

    def _stub(self, name: str) -> Any:
        channel = grpc.aio.insecure_channel(self._config.addresses[name], options=OPTIONS)
        self._stopping.append(channel.close)
        tapped: Any = TappedChannel(channel, self._seams.tap, self._seams.wire)
        if name == "policy" and (ignores := self._seams.bypasses(self._lib.service)):
            tapped = Overruled(tapped, ignores)
        if (happen := self._seams.meanwhile(self._lib.service)) is not None:
            tapped = Interleaved(tapped, lambda method: happen(method, self._config))
        return _STUBS[name](self._lib.channel(tapped))


def _closing(store: LocalStore) -> Callable[[], Any]:
    async def close() -> None:
        store.close()

    return close
