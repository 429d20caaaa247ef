"""The composition root: builds one service with its PrivacyLib, extensions, taps and stubs.

The one place that knows every part.  The order of wrapping is the design:
handler → PrivacyLib (``lib.server``) → tap (``TappedServer``) → gRPC.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc
import grpc.aio

from lineage.enforce.tokens import Verifier
from lineage.privacylib import Capture, CollectorSink, Extension, PrivacyLib, Probes
from lineage.privacylib.mediation import Watch
from protos import (
    collector_pb2_grpc,
    control_pb2_grpc,
    principals_pb2_grpc,
)
from sim.stack.builder import OPTIONS, Builder
from sim.stack.bypass import Bypassed
from sim.stack.config import NodeConfig
from sim.stack.control import Control
from sim.stack.ending import finished, stopped
from sim.stack.following import following
from sim.stack.injected import Seams
from sim.stack.listening import listen
from sim.stack.pool import Pool
from sim.stack.schemas import sent
from sim.stack.vouching import vouching
from sim.stack.watching import watching
from sim.stack.wire import TappedServer

# Which capture a service's own reads and writes belong to.
FAMILIES = {"app": "A", "web": "A", "logger": "B", "warehouse": "B", "inference": "C", "training": "D", "policy": "D"}


@dataclass
class Node:
    """A running service.  ``grpc`` and ``http`` are the addresses it really listens on."""

    name: str
    grpc: str
    http: str | None
    lib: PrivacyLib | None
    server: Any
    sink: CollectorSink | None
    stopping: list[Callable[[], Any]] = field(default_factory=list)
    watch: Watch | None = None

    async def stop(self, flush: float = 5.0) -> None:
        """Stops taking requests, lets the service finish, then ships what was recorded, for ``flush`` seconds."""
        await finished(stopped([partial(self.server.stop, 1), *self.stopping, *ends(self.watch, self.sink, flush)]))


async def serve(name: str, config: NodeConfig, seams: Seams) -> Node:
    """Builds and starts one node, or leaves nothing of it.

    Raises RunError (PAI030) when its address cannot be used.
    """
    node = Node(name, "", None, None, grpc.aio.server(options=OPTIONS), None)
    try:
        await (_begin_collector(node, config) if name == "collector" else _begin(node, config, seams))
    except BaseException:
        await node.stop(flush=0)
        raise
    return node


async def _begin(node: Node, config: NodeConfig, seams: Seams) -> None:
    name, server, stopping = node.name, node.server, node.stopping
    sink = node.sink = CollectorSink(name, config.addresses["collector"], spool=config.data / "spool")
    book = seams.rulebook(config.deployment.load_requirements())
    guard = seams.guard(name, book)
    guard.schemas = sent(name, config.deployment)
    ignores = seams.bypasses(name)
    standing = Bypassed(guard, ignores) if ignores else guard
    watch = watching(name, config) if seams.watched else None
    lib = node.lib = (seams.library or library)(name, sink, watch.over(standing) if watch else standing,
                                                seams.extensions)
    if watch is not None:
        watch.start(lib)
        node.watch = watch
    principals = await vouching(lib, config, seams, stopping)
    build = Builder(lib, config, seams, stopping, book, principals)
    if name == "warehouse":
        key = await build.policy_key()
        guard.verifier = build.verifier = Verifier(key)
    texts = await following(lib, book, config, stopping)
    if name == "warehouse":
        build.pool = Pool(name, config, key, seams.fate, requirements=texts)
    service, node.http = await build.service(name)
    instrumented = lib.server(TappedServer(server, seams.tap))
    service.register(instrumented)
    for one in build.beside:
        one.register(instrumented, server)
        await one.start()
    if build.vouches is not None:
        principals_pb2_grpc.add_PrincipalsServicer_to_server(build.vouches, server)
    control_pb2_grpc.add_ControlServicer_to_server(Control(sink, seams, watch, build.pool), server)
    node.grpc = await listen(server, config.listen, name)
    await service.start()
    stopping.insert(0, service.stop)


def ends(watch: Watch | None, sink: CollectorSink | None, flush: float) -> Iterator[Callable[[], Awaitable[Any]]]:
    """How a PrivacyLib ends, for ``stopped``: what it watches is let go, what was recorded is shipped."""
    async def let_go(watched: Watch) -> None:
        watched.close()

    if watch is not None:
        yield partial(let_go, watch)
    if sink is not None:
        yield partial(asyncio.to_thread, sink.flush, flush)
        yield partial(asyncio.to_thread, sink.close)


def library(name: str, sink: CollectorSink, guard: Extension, faults: Sequence[Extension]) -> PrivacyLib:
    """The service's PrivacyLib; a fault sits beside Capture, where it can hide what Capture would see."""
    extensions: list[Extension] = [Capture(sink), *faults]
    if name == "web":
        from lineage.understand.scan import IngestScan

        extensions += [Probes(), IngestScan(["web:ask"])]
    return PrivacyLib(name, [*extensions, guard], family=FAMILIES[name], incarnation=getattr(sink, "incarnation", ""))


async def _begin_collector(node: Node, config: NodeConfig) -> None:
    from lineage.discover.collector import Collector
    from lineage.discover.store import Store as LineageStore

    store = LineageStore(config.data / "lineage.db")

    async def close() -> None:
        store.close()

    node.stopping.append(close)
    collector_pb2_grpc.add_CollectorServicer_to_server(Collector(store), node.server)
    node.grpc = await listen(node.server, config.listen, "collector")
