"""A WebSocket client on asyncio and wsproto, small and tapped: each message is witnessed as it leaves or arrives.

For the companion app's conversations.  Text messages only, one connection per conversation, no compression.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import ProtocolError

from lineage.errors import RunError
from services.seams import Tap
from sim.world.app import HungUp

# Seconds without a byte from the other side.
PATIENCE = 60.0
_CHUNK = 65_536
_LOST = 1006


class Socket:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, tap: Tap) -> None:
        self._reader = reader
        self._writer = writer
        self._path = path
        self._tap = tap
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._events: deque[Event] = deque()

    async def send(self, text: str) -> None:
        """Raises HungUp when the other side has, which then says why."""
        if self._protocol.state is not ConnectionState.OPEN:
            await self.receive()
        data = text.encode()
        self._tap.http("sent", "request", self._path, len(data), data)
        await self._put(TextMessage(text))

    async def receive(self) -> str:
        """The next message.  Raises HungUp."""
        parts: list[str] = []
        while True:
            event = await self._event()
            if isinstance(event, TextMessage):
                parts.append(event.data)
                if event.message_finished:
                    text = "".join(parts)
                    self._tap.http("received", "response", self._path, len(text.encode()))
                    return text
            elif isinstance(event, CloseConnection):
                if self._protocol.state is ConnectionState.REMOTE_CLOSING:
                    with suppress(OSError):
                        await self._put(event.response())
                raise HungUp(event.code, event.reason or "")

    async def open(self, host: str, headers: Mapping[str, str]) -> None:
        """Raises RunError (PAI031) when the other side does not take the connection."""
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._put(Request(host=host, target=self._path, extra_headers=extra))
        why = ""
        try:
            event = await self._event()
            if isinstance(event, AcceptConnection):
                return
            if isinstance(event, RejectConnection):
                why = f": HTTP {event.status_code}"
        except HungUp as ended:
            why = f": {ended.reason}"
        raise RunError("PAI031", f"the web service did not take the conversation{why}", where="web:converse")

    async def close(self) -> None:
        with suppress(OSError, ProtocolError):
            if self._protocol.state is ConnectionState.OPEN:
                await self._put(CloseConnection(code=1000))
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _event(self) -> Event:
        while not self._events:
            try:
                data = await asyncio.wait_for(self._reader.read(_CHUNK), PATIENCE)
            except (OSError, TimeoutError):
                data = b""
            try:
                self._protocol.receive_data(data or None)
            except ProtocolError as error:
                raise HungUp(_LOST, str(error)) from None
            for event in self._protocol.events():
                if isinstance(event, Ping):
                    await self._put(event.response())
                else:
                    self._events.append(event)
            if not data and not self._events:
                raise HungUp(_LOST, "the connection ended")
        return self._events.popleft()

    async def _put(self, event: Event) -> None:
        self._writer.write(self._protocol.send(event))
        await self._writer.drain()


@asynccontextmanager
async def connect(address: str, path: str, headers: Mapping[str, str], tap: Tap) -> AsyncIterator[Socket]:
    """``address``: "127.0.0.1:4243"; ``path``: "/v1/converse".  Raises RunError (PAI031)."""
    host, _, port = address.rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
    except OSError as error:
        raise RunError("PAI031", f"the web service did not answer: {error.strerror}", where="web:converse") from None
    socket = Socket(reader, writer, path, tap)
    try:
        await socket.open(address, headers)
        yield socket
    finally:
        await socket.close()
