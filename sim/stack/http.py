"""Serves an ASGI app over HTTP/1.1 with uvicorn, inside this process and its event loop.

app → PrivacyLib (``lib.asgi``) → tap (``wire.asgi``) → uvicorn.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import uvicorn

from lineage.errors import RunError
from lineage.privacylib import PrivacyLib
from lineage.privacylib.asgi import WEBSOCKET, Route
from lineage.privacylib.contract import labels_of
from protos import web_pb2
from services.seams import Tap
from services.web import body, speech
from sim.stack import wire


def _said(message: Mapping[str, Any]) -> tuple[str, ...]:
    return body.held(message.get("text") or message.get("bytes"), speech.KINDS)


ROUTES = {
    ("POST", "/v1/ask"): Route(
        "web:ask", "response:ask", labels_of(web_pb2.AskRequest.DESCRIPTOR),
        labels_of(web_pb2.AskResponse.DESCRIPTOR), purpose="assistance"),
    ("POST", "/v1/overlay"): Route(
        "web:overlay", "response:overlay", labels_of(web_pb2.OverlayRequest.DESCRIPTOR),
        labels_of(web_pb2.OverlayResponse.DESCRIPTOR), purpose="assistance"),
    ("POST", "/v1/profile"): Route(
        "web:profile", "response:profile", labels_of(web_pb2.ProfileRequest.DESCRIPTOR),
        labels_of(web_pb2.ProfileResponse.DESCRIPTOR), purpose="assistance"),
    (WEBSOCKET, "/v1/converse"): Route(
        "web:converse", "response:converse", labels_of(web_pb2.ConverseMessage.DESCRIPTOR),
        labels_of(web_pb2.ConverseReply.DESCRIPTOR), purpose="assistance", held=_said)}


# Seconds for which an idle connection stays open.
KEEP_ALIVE = 600


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the process, not to one of its servers."""
        yield


class HttpServer:
    """``address``: "127.0.0.1:4243", as bound."""

    def __init__(self, server: _Server, task: asyncio.Task[None], address: str) -> None:
        self._server = server
        self._task = task
        self.address = address

    @classmethod
    async def start(cls, app: Any, address: str, lib: PrivacyLib, tap: Tap) -> HttpServer:
        """Raises RunError (PAI030) when the address cannot be used."""
        host, _, port = address.rpartition(":")
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, int(port)))
        except OSError as error:
            listener.close()
            raise RunError("PAI030", f"web cannot listen at {address}: {error.strerror}", where="web",
                           next="SIGHTLINE_HTTP=127.0.0.1:0 sightline node web") from error
        instrumented: Any = wire.asgi(lib.asgi(app, ROUTES), tap)
        # A client whose machine is busy may be silent for longer than the usual five seconds, and would then send its
        # next request into a connection that is being closed.
        server = _Server(uvicorn.Config(instrumented, lifespan="off", log_level="critical", access_log=False,
                                        ws="wsproto", timeout_keep_alive=KEEP_ALIVE))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            if task.done():
                raise RunError("PAI030", f"web cannot serve at {address}", where="web")
            await asyncio.sleep(0.005)
        bound = listener.getsockname()
        return cls(server, task, f"{'127.0.0.1' if bound[0] == '0.0.0.0' else bound[0]}:{bound[1]}")

    async def stop(self) -> None:
        self._server.should_exit = True
        await self._task
