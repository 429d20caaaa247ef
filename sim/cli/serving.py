"""Runs one node as an OS process: says where it listens, then serves until SIGTERM.

With SIGHTLINE_PARENT_PIPE=1 it also ends when its standard input closes, so that no node
outlives the launcher that started it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from dataclasses import replace

from lineage.errors import InputError, RunError
from sim.scenario import (  # noqa: F401  enter their faults
    attacks,
    drift_faults,
    hidden_flow,
    identity_faults,
    killing,
    logger_faults,
    side_channel,
    training_faults,
)
from sim.scenario.faults import Armed
from sim.scenario.schema import FaultSpec
from sim.stack import ending
from sim.stack.config import NodeConfig, from_environment
from sim.stack.injected import Seams
from sim.stack.node import Node, serve
from sim.truth.journal import Journal
from sim.world.clock import SimClock


def serve_until_stopped(service: str, listen: str | None) -> None:
    config = from_environment()
    if listen is not None:
        config = replace(config, listen=from_environment({"SIGHTLINE_LISTEN": listen}).listen)
    missing = [name for name in _NEEDS[service] if name not in config.addresses]
    if missing:
        raise InputError("PAI030", f"{service} needs the address of {', '.join(missing)}",
                         next=f"SIGHTLINE_{missing[0].upper()}=127.0.0.1:7001 sightline node {service}")
    try:
        config.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError("PAI033", f"the data folder cannot be made: {error.strerror}", where=str(config.data),
                       next=f"SIGHTLINE_DATA=/tmp/data sightline node {service}") from error
    ending.run(_serve(service, config))


_NEEDS = {"collector": (), "policy": ("collector",), "warehouse": ("collector", "policy"),
          "logger": ("collector", "policy", "warehouse"), "inference": ("collector", "policy"),
          "training": ("collector", "policy", "warehouse", "inference"),
          "web": ("collector", "policy", "inference", "logger")}


async def _serve(service: str, config: NodeConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if os.environ.get("SIGHTLINE_PARENT_PIPE"):  # before anything is waited for
        threading.Thread(target=_watch_parent, args=(loop, stop), daemon=True).start()
    tap = Journal(config.data / "journal" / f"{service}.db", service)
    armed = Armed(_faults(os.environ.get("SIGHTLINE_FAULTS", "[]")))
    mortal = _Mortal(service, config, armed, tap)
    starting = asyncio.create_task(serve(
        service, config, Seams(SimClock(), tap, armed, armed.extensions, armed.hits, flush=tap.flush, fate=armed.fate,
                               watched=bool(os.environ.get("SIGHTLINE_WATCHED")), now=armed.now(service),
                               bypasses=armed.bypasses, reading=armed.reading, meanwhile=armed.meanwhile,
                               breaks=mortal.breaks)))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait((starting,))  # it ends what it has begun
    if starting.cancelled():
        return
    node = mortal.node = starting.result()
    sys.stdout.write(json.dumps({"service": service, "grpc": node.grpc, "http": node.http}) + "\n")
    sys.stdout.flush()
    await stop.wait()
    await node.stop()
    tap.close()


class _Mortal:
    """A service of which a fault may make an end while it writes a file."""

    def __init__(self, service: str, config: NodeConfig, armed: Armed, tap: Journal) -> None:
        self.node: Node | None = None
        self._service = service
        self._armed = armed
        self._tap = tap
        self._seen = config.data / "faults" / f"{service}.json"
        if self._seen.is_file():
            armed.resume(json.loads(self._seen.read_text()))

    def breaks(self, path: str) -> bool:
        """Of its store; does not return where it is killed."""
        if self._armed.kills(self._service, path):
            self._seen.parent.mkdir(exist_ok=True)
            self._seen.write_text(json.dumps(self._armed.seen()))
            # What a scenario says of a run has to be the same each time: it hangs on no signal that was under way.
            self._tap.flush()
            if self.node is not None and self.node.sink is not None:
                self.node.sink.flush(5.0)
            os.kill(os.getpid(), signal.SIGKILL)
        return self._armed.breaks(path)


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not sys.stdin: a thread blocked in its buffer aborts Python at shutdown.
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def _faults(text: str) -> list[FaultSpec]:
    return [FaultSpec(one["kind"], one["given"]) for one in json.loads(text)]
