"""Streams, tapped: the journal and PrivacyLib count the same operations, however an RPC ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent import futures
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from lineage.errors import PolicyDenied
from lineage.privacylib import Capture, MemorySink, PrivacyLib
from sim.stack.wire import TappedChannel, TappedServer
from sim.truth.journal import Journal
from sim.truth.score import operations
from tests.privacylib import test_grpc_stream, test_grpc_sync
from tests.privacylib.talk import KEY, STYLES, Refuse, Said, TalkStub, add_to_server


class Witnessed:
    def __init__(self, folder: Path, *extensions: Any) -> None:
        self.sinks = {"web": MemorySink(), "inference": MemorySink()}
        self.client = PrivacyLib("web", [Capture(self.sinks["web"]), *extensions])
        self.server = PrivacyLib("inference", [Capture(self.sinks["inference"])])
        self.journals = [Journal(folder, "web"), Journal(folder, "inference")]

    def score(self) -> tuple[list[Any], list[Any], int]:
        for journal in self.journals:
            journal.flush()
        records = [record for journal in self.journals for record in Journal.read(journal.path)]
        signals = [(name, record.site.op, record.site.asset) for name, sink in self.sinks.items()
                   for record in sink.records if record.site.asset != "file:own"]
        score = operations(records, signals)
        return sorted(score.missed), sorted(score.invented), sum(score.truth.values())


async def until(condition: Callable[[], object]) -> None:
    for _ in range(300):
        if condition():
            return
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("end", ["whole", "cancelled", "refused", "aborted", "nobody"])
@pytest.mark.parametrize("name", STYLES)
async def test_aio(tmp_path: Path, name: str, end: str) -> None:
    seen = Witnessed(tmp_path, *([Refuse("call", "1")] if end == "refused" else []))
    server = grpc.aio.server()
    talk = test_grpc_stream.Talk(seen.server)
    add_to_server(talk, seen.server.server(TappedServer(server, seen.journals[1])))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{1 if end == 'nobody' else port}") as channel:
        stub = TalkStub(seen.client.channel(TappedChannel(channel, seen.journals[0])))
        with seen.client.scope(key=KEY), suppress(grpc.RpcError, PolicyDenied):
            if end == "cancelled" and name == "Converse":
                call = stub.Converse()
                await call.write(Said(text="1"))
                await call.read()
                call.cancel()
            elif end == "aborted" and name == "Converse":
                async for _ in stub.Converse([Said(text="abort")]):
                    pass
            else:
                await test_grpc_stream.use(stub, name)
        if end != "nobody" and name in ("Watch", "Converse"):
            await until(lambda: talk.ended)
        await asyncio.sleep(0.05)
    await server.stop(0.5)
    missed, invented, truth = seen.score()
    assert (missed, invented) == ([], [])
    assert truth


@pytest.mark.parametrize("end", ["whole", "cancelled", "refused", "nobody"])
@pytest.mark.parametrize("name", STYLES)
def test_sync(tmp_path: Path, name: str, end: str) -> None:
    seen = Witnessed(tmp_path, *([Refuse("call", "1")] if end == "refused" else []))
    server = grpc.server(futures.ThreadPoolExecutor(4))
    talk = test_grpc_sync.Talk(seen.server)
    add_to_server(talk, seen.server.server(TappedServer(server, seen.journals[1])))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{1 if end == 'nobody' else port}") as channel:
        stub = TalkStub(seen.client.channel(TappedChannel(channel, seen.journals[0])))
        with seen.client.scope(key=KEY), suppress(grpc.RpcError, PolicyDenied):
            if end == "cancelled" and name == "Watch":
                call = stub.Watch(Said(text="1000"))
                next(call)
                call.cancel()
                list(call)
            else:
                test_grpc_sync.use(stub, name)
        threading.Event().wait(0.1)
    server.stop(1).wait()
    missed, invented, truth = seen.score()
    assert invented == []
    # A sync server takes a message off the wire before the handler asks; an RPC that ends just then keeps it from it.
    lost = [("inference", "read", f"rpc:talk.{name}.request")] if end in ("cancelled", "refused") else []
    assert missed in ([], lost)
    assert truth
