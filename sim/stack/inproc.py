"""The default topology: every node in this process, over real gRPC on free loopback ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import TracebackType

from sim.stack.config import SERVICES, NodeConfig
from sim.stack.ending import stopped
from sim.stack.injected import Seams
from sim.stack.node import Node, serve


class InprocStack:
    """``async with InprocStack(data, seed, seams) as stack``; ``seams`` makes those of one service."""

    def __init__(self, config: NodeConfig, seams: Callable[[str], Seams]) -> None:
        self._config = config
        self._seams = seams
        self._nodes: dict[str, Node] = {}

    async def __aenter__(self) -> InprocStack:
        try:
            for name in SERVICES:
                addresses = {other: node.grpc for other, node in self._nodes.items()}
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
        return {name: {"grpc": node.grpc, "http": node.http} for name, node in self._nodes.items()}

    async def check(self) -> None:
        """Raises when a node has died; here nothing can die alone."""

    async def stop(self) -> None:
        """In reverse order, so that the collector outlives those who report to it; each whatever befalls another."""
        nodes = [self._nodes.pop(name) for name in reversed(list(self._nodes))]
        await stopped(node.stop for node in nodes)
