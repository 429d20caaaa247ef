"""[B] The logger: events of configured categories in, durable when acknowledged, on to the warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lineage.errors import InputError
from lineage.model import Label
from lineage.privacylib import PrivacyLib
from protos.logger_pb2 import FlushRequest, FlushResponse, LogRequest, LogResponse
from protos.logger_pb2_grpc import LoggerServicer, add_LoggerServicer_to_server
from services.errors import reported
from services.logger.category import Category, load
from services.logger.ingester import POSITION, Ingester
from services.logger.queue import Event, Queue
from services.seams import Clock, Store

CATEGORIES = Path(__file__).with_name("categories")


class LoggerService(LoggerServicer):
    """``warehouse``: a WarehouseStub.  ``batch``: events; ``delay``: seconds that an event waits at most."""

    name = "logger"

    def __init__(self, lib: PrivacyLib, store: Store, clock: Clock, warehouse: Any, *, categories: Path = CATEGORIES,
                 batch: int = 64, delay: float = 60.0) -> None:
        self._lib = lib
        self.categories = load(categories)
        self._queues = {name: Queue(store, name) for name in self.categories}
        self._ingesters = {name: Ingester(lib, category, self._queues[name], warehouse, batch=batch, delay=delay)
                           for name, category in self.categories.items()}

    def register(self, server: Any) -> None:
        add_LoggerServicer_to_server(self, server)

    async def start(self) -> None:
        """Registers the categories' labels, and takes up what an earlier process left queued."""
        for name, category in self.categories.items():
            labels = {**category.labels, POSITION: Label(operational="position")}
            self._lib.register(category.asset, labels, category.owner)
            queue = self._queues[name]
            if queue.exists():
                with self._lib.scope(family="B"), self._lib.read(category.asset, fields=tuple(category.fields)) as op:
                    queue.recover()
                    op.rows = queue.acknowledged
            self._ingesters[name].start()
            self._ingesters[name].notice()

    async def stop(self) -> None:
        for ingester in self._ingesters.values():
            await ingester.stop()

    async def Append(self, request: LogRequest, context: Any) -> LogResponse:
        async with reported(context, self.name):
            category = self._category(request.events.schema)
            events = category.events(request.events)
            keys = [row.key or self._lib.context.key for row in request.events.rows]
            if events:
                self._append(category, list(map(Event, keys, events)), tuple(request.events.columns))
            self._lib.respond({"accepted": []})
            return LogResponse(accepted=len(events))

    async def Flush(self, request: FlushRequest, context: Any) -> FlushResponse:
        async with reported(context, self.name):
            delivered = sum([await ingester.flush() for ingester in self._ingesters.values()])
            self._lib.respond({"delivered": []})
            return FlushResponse(delivered=delivered)

    def _append(self, category: Category, events: list[Event], fields: tuple[str, ...]) -> None:
        sources = {field: [f"rpc:logger.Append.request#{category.name}.{field}"] for field in fields}
        with self._lib.write(category.asset, fields=fields, sources=sources, rows=len(events),
                             keys=[event.key for event in events]):
            self._queues[category.name].append(events)
        self._ingesters[category.name].notice()

    def _category(self, name: str) -> Category:
        if name not in self.categories:
            raise InputError("PAI004", f"no log category {name!r}; there are {', '.join(self.categories)}",
                             where="logger", next="ls services/logger/categories")
        return self.categories[name]
