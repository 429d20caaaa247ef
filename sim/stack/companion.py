"""The companion app, composed like a node: its PrivacyLib, its tap, its HTTP client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from lineage.enforce.guard import Guard
from lineage.enforce.rules import Rules
from lineage.model import Label
from lineage.privacylib import CollectorSink, PrivacyLib
from lineage.privacylib.contract import labels_of
from lineage.privacylib.mediation import Watch
from protos import web_pb2
from sim.stack.config import NodeConfig
from sim.stack.injected import Seams
from sim.stack.node import library, watching
from sim.stack.store import LocalStore
from sim.stack.wire import TappedTransport
from sim.world.app import CompanionApp

# Seconds for one question, there and back.
DEADLINE = 15.0


@dataclass
class Companion:
    app: CompanionApp
    _sink: CollectorSink
    _seams: Seams
    _watch: Watch | None = None

    async def drain(self) -> dict[str, int]:
        """Delivers what was recorded; the account."""
        await asyncio.to_thread(self._sink.flush, 5.0)
        self._seams.flush()
        return self._sink.account

    def hits(self) -> list[int]:
        return self._seams.hits()

    def audit(self) -> dict[str, Any] | None:
        """What a watch saw of the app's I/O; None where none was set."""
        return self._watch.account() if self._watch is not None else None


@asynccontextmanager
async def companion(config: NodeConfig, seams: Seams, web: str) -> AsyncIterator[Companion]:
    """``web``: "host:port" of the web service's HTTP server."""
    sink = CollectorSink("app", config.addresses["collector"], spool=config.data / "spool")
    guard = Guard(Rules(config.deployment.load_requirements()))
    watch = watching("app", config) if seams.watched else None
    lib = (seams.library or library)("app", sink, watch.over(guard) if watch else guard, seams.extensions)
    if watch is not None:
        watch.start(lib)
    _register(lib)
    transport = TappedTransport(httpx.AsyncHTTPTransport(), seams.tap)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{web}", timeout=DEADLINE) as client:
        try:
            app = CompanionApp(lib, client, LocalStore(config.data, seams.tap), seams.tap)
            yield Companion(app, sink, seams, watch)
        finally:
            if watch is not None:
                watch.close()
            await asyncio.to_thread(sink.flush, 5.0)
            await asyncio.to_thread(sink.close)


def _register(lib: PrivacyLib) -> None:
    """The glasses hold what the request's contract names, and the answer that comes back."""
    request = labels_of(web_pb2.AskRequest.DESCRIPTOR)
    response = labels_of(web_pb2.AskResponse.DESCRIPTOR)
    captured: dict[str, Label] = {**request, "answer": response["answer"]}
    lib.register("device:glasses", captured, owner="glasses")
    lib.register("app:ask", request, owner="app")
    lib.register("web:ask", request, owner="web")
    lib.register("response:ask", response, owner="web")
