"""The companion app, composed like a node: its PrivacyLib, its tap, its HTTP client.

Beside it what the wearer wears, where that is to do something by itself: a PrivacyLib and a tap of its own,
emitter and process ``glasses``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from lineage.model import Label
from lineage.privacylib import Capture, CollectorSink, PrivacyLib
from lineage.privacylib.contract import labels_of
from lineage.privacylib.mediation import Watch
from protos import web_pb2
from sim.stack.bypass import Bypassed
from sim.stack.config import NodeConfig
from sim.stack.ending import finished, stopped
from sim.stack.following import following
from sim.stack.injected import Seams
from sim.stack.node import ends, library
from sim.stack.store import LocalStore
from sim.stack.vouching import vouching
from sim.stack.watching import watching
from sim.stack.websocket import connect
from sim.stack.wire import TappedTransport
from sim.world.app import CompanionApp
from sim.world.device import GLASSES, LABELS, OnDevice, Port

# What the app sends to web, and what comes back.
ROUTES: tuple[tuple[str, Any, Any], ...] = (
    ("ask", web_pb2.AskRequest, web_pb2.AskResponse), ("converse", web_pb2.ConverseMessage, web_pb2.ConverseReply),
    ("overlay", web_pb2.OverlayRequest, web_pb2.OverlayResponse),
    ("profile", web_pb2.ProfileRequest, web_pb2.ProfileResponse))
# Seconds for one question, there and back.
DEADLINE = 15.0


@dataclass
class Companion:
    app: CompanionApp
    # Of the app, and of the glasses where they do something by themselves.
    _parts: dict[str, tuple[CollectorSink, Seams]]
    _watch: Watch | None = None

    async def drain(self) -> dict[str, int]:
        """Delivers what was recorded; the app's account."""
        return (await self.drain_all())["app"]

    async def drain_all(self) -> dict[str, dict[str, int]]:
        """Delivers what was recorded; the account of each emitter."""
        for sink, seams in self._parts.values():
            await asyncio.to_thread(sink.flush, 5.0)
            seams.flush()
        return {name: sink.account for name, (sink, _) in self._parts.items()}

    def hits(self) -> list[int]:
        """Per fault of the scenario, in its order."""
        return [sum(each) for each in zip(*(seams.hits() for _, seams in self._parts.values()), strict=True)]

    def audit(self) -> dict[str, Any] | None:
        """What a watch saw of the app's I/O; None where none was set."""
        return self._watch.account() if self._watch is not None else None


@asynccontextmanager
async def companion(config: NodeConfig, seams: Seams, web: str, glasses: Seams | None = None,
                    ) -> AsyncIterator[Companion]:
    """``web``: "host:port" of the web service's HTTP server; ``glasses``: of the device's own processing."""
    parts: dict[str, tuple[CollectorSink, Seams]] = {}
    stopping: list[Callable[[], Any]] = []
    watch: Watch | None = None
    transport = TappedTransport(httpx.AsyncHTTPTransport(), seams.tap)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{web}", timeout=DEADLINE) as client:
        try:
            parts["app"] = _sink("app", config), seams
            book = seams.rulebook(config.deployment.load_requirements())
            guard = seams.guard("app", book)
            ignores = seams.bypasses("app")
            standing = Bypassed(guard, ignores) if ignores else guard
            watch = watching("app", config) if seams.watched else None
            lib = (seams.library or library)("app", parts["app"][0], watch.over(standing) if watch else standing,
                                             seams.extensions)
            if watch is not None:
                watch.start(lib)
            _register(lib)
            await vouching(lib, config, seams, stopping)
            await following(lib, book, config, stopping)
            device = None
            if glasses is not None:
                parts["glasses"] = (_sink("glasses", config), glasses)
                own = PrivacyLib("glasses", [Capture(parts["glasses"][0]), *glasses.extensions], family="A")
                device = OnDevice(Port(own, glasses.tap))
            yield Companion(CompanionApp(lib, client, LocalStore(config.data, seams.tap), seams.tap, device=device,
                                         dial=lambda path, headers: connect(web, path, headers, seams.tap)),
                            parts, watch)
        finally:
            sinks = [stop for sink, _ in parts.values() for stop in ends(None, sink, 5.0)]
            await finished(stopped([*stopping, *ends(watch, None, 0), *sinks]))


def _sink(emitter: str, config: NodeConfig) -> CollectorSink:
    return CollectorSink(emitter, config.addresses["collector"], spool=config.data / "spool")


def _register(lib: PrivacyLib) -> None:
    """The app holds what the requests' contracts name; so does what it takes from the glasses."""
    lib.register(f"device:{GLASSES}", LABELS[GLASSES], owner="glasses")
    for route, request, response in ROUTES:
        held: dict[str, Label] = labels_of(request.DESCRIPTOR)
        lib.register(f"app:{route}", held, owner="app")
        lib.register(f"web:{route}", held, owner="web")
        lib.register(f"response:{route}", labels_of(response.DESCRIPTOR), owner="web")
