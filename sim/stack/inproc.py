"""The default topology: every node in this process, over real gRPC on free loopback ports.

But for what a fault kills: that is a process of its own here, too, as nothing less can be killed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import TracebackType

from lineage.errors import InputError
from sim.stack.config import SERVICES, NodeConfig
from sim.stack.ending import stopped
from sim.stack.injected import Seams
from sim.stack.node import Node, serve
from sim.stack.processes import ProcessStack
from sim.stack.topology import Apart


class InprocStack:
    """``async with InprocStack(config, seams) as stack``; ``seams`` makes those of one service, ``apart`` the process
    of one that has its own."""

    def __init__(self, config: NodeConfig, seams: Callable[[str], Seams], apart: Apart | None = None) -> None:
        self._config = config
        self._seams = seams
        self._apart = apart or {}
        self._nodes: dict[str, Node | ProcessStack] = {}

    async def __aenter__(self) -> InprocStack:
        try:
            for name in SERVICES:
                addresses = {other: str(one["grpc"]) for other, one in self.addresses.items()}
                if name in self._apart:
                    self._nodes[name] = await self._apart[name](addresses).__aenter__()
                else:
                    config = replace(self._config, addresses=addresses)
                    self._nodes[name] = await serve(name, config, self._seams(name))
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.stop()

    @property
    def addresses(self) -> dict[str, dict[str, str | None]]:
        found: dict[str, dict[str, str | None]] = {}
        for name, node in self._nodes.items():
            at = node.addresses[name] if isinstance(node, ProcessStack) else {"grpc": node.grpc, "http": node.http}
            found[name] = {"grpc": at["grpc"], "http": at["http"]}
        return found

    async def check(self) -> None:
        """Raises RunError (PAI031) when a process has died by itself; within this one nothing can die alone."""
        for node in self._nodes.values():
            if isinstance(node, ProcessStack):
                await node.check()

    async def restart(self, name: str) -> None:
        """Raises InputError (PAI010) for what is no process, RunError (PAI031)."""
        node = self._nodes[name]
        if not isinstance(node, ProcessStack):
            raise InputError("PAI010", f"{name} is no process of its own here")
        await node.restart(name)

    async def stop(self) -> None:
        """In reverse order, so that the collector outlives those who report to it; each whatever befalls another."""
        nodes = [self._nodes.pop(name) for name in reversed(list(self._nodes))]
        await stopped(node.stop for node in nodes)
