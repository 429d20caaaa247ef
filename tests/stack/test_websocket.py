"""The companion app's WebSocket: messages there and back over a real server, each seen by the tap, and every end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, WebSocket

from lineage.errors import RunError
from lineage.privacylib import PrivacyLib
from sim.stack.http import HttpServer
from sim.stack.websocket import connect
from sim.world.app import HungUp
from tests.stack.test_wire import Heard

PATH = "/v1/echo"


def echo() -> FastAPI:
    app = FastAPI()

    @app.websocket(PATH)
    async def talk(socket: WebSocket) -> None:
        if socket.headers.get("x-refuse"):
            await socket.close()
            return
        await socket.accept()
        await socket.send_text(socket.headers.get("traceparent", ""))
        async for text in socket.iter_text():
            if text.startswith("bye"):
                await socket.close(1008, text[4:])
                return
            await socket.send_text(text)

    return app


@asynccontextmanager
async def server() -> AsyncIterator[tuple[str, Heard]]:
    taps = Heard()
    made = await HttpServer.start(echo(), "127.0.0.1:0", PrivacyLib("web"), taps)
    try:
        yield made.address, taps
    finally:
        await made.stop()


async def test_messages_there_and_back() -> None:
    async with server() as (address, taps):
        own = Heard()
        async with connect(address, PATH, {"traceparent": "00-1"}, own) as socket:
            assert await socket.receive() == "00-1"
            for text in ("Hva er det?", "", "x" * 200_000):
                await socket.send(text)
                assert await socket.receive() == text
        sizes = [len(text.encode()) for text in ("Hva er det?", "", "x" * 200_000)]
        assert [size for direction, part, _, size in own.bodies if (direction, part) == ("sent", "request")] == sizes
        assert [size for direction, part, _, size in own.bodies if direction == "received"] == [4, *sizes]
        # The server's tap saw the same.
        assert [size for direction, _, _, size in taps.bodies if direction == "received"] == sizes


async def test_a_close_says_why() -> None:
    async with server() as (address, _):
        async with connect(address, PATH, {}, Heard()) as socket:
            await socket.receive()
            await socket.send("bye PAI302: no")
            with pytest.raises(HungUp) as caught:
                await socket.receive()
            assert (caught.value.code, caught.value.reason) == (1008, "PAI302: no")
            with pytest.raises(HungUp):
                await socket.send("Still there?")


async def test_both_directions_at_once() -> None:
    async with server() as (address, _):
        async with connect(address, PATH, {}, Heard()) as socket:
            await socket.receive()

            async def all_of_it() -> list[str]:
                return [await socket.receive() for _ in range(200)]

            reading = asyncio.create_task(all_of_it())
            for number in range(200):
                await socket.send(str(number))
            assert await reading == [str(number) for number in range(200)]


@pytest.mark.parametrize(("path", "headers"), [("/v1/none", {}), (PATH, {"x-refuse": "yes"})])
async def test_who_does_not_take_it(path: str, headers: dict[str, str]) -> None:
    async with server() as (address, _):
        with pytest.raises(RunError) as caught:
            async with connect(address, path, headers, Heard()):
                pass
        assert caught.value.code == "PAI031" and "403" in caught.value.what


async def test_nobody_there() -> None:
    with pytest.raises(RunError) as caught:
        async with connect("127.0.0.1:1", PATH, {}, Heard()):
            pass
    assert caught.value.code == "PAI031"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"nonsense\r\n\r\n",
                                  b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])
async def test_what_is_no_websocket(said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(RunError) as caught:
            async with connect(f"127.0.0.1:{port}", PATH, {}, Heard()):
                pass
    assert caught.value.code == "PAI031"
