"""The processes topology: every process of the compose file on this machine, on free loopback ports.

What a node does is none of its business: it starts commands, tells each where the others really
listen, notices when one dies, and stops them in an order that lets the last signals through.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from lineage.errors import InputError, RunError
from sim.stack.child import Address, Child
from sim.stack.compose import ProcessSpec

START_SECONDS = 30.0
STOP_SECONDS = 10.0
PROGRAM = (sys.executable, "-m", "sim.cli.main")

_LISTEN = {"SIGHTLINE_LISTEN": "grpc", "SIGHTLINE_HTTP": "http"}


class ProcessStack:
    """Every process of ``specs``, started on entry and stopped on exit of an ``async with``.

    ``logs`` and ``data`` are folders, made when missing; ``environment`` is added to that of each
    process and wins over the compose file.  ``sightline`` in a command is replaced by ``program``.
    ``start_seconds`` and ``stop_seconds`` are per process.  ``mortal``: those whose end by SIGKILL is no
    trouble; ``elsewhere``: name → gRPC address of what somebody else has started.
    """

    def __init__(self, specs: Sequence[ProcessSpec], *, logs: Path, data: Path,
                 environment: Mapping[str, str] | None = None, program: Sequence[str] = PROGRAM,
                 start_seconds: float = START_SECONDS, stop_seconds: float = STOP_SECONDS,
                 mortal: Collection[str] = (), elsewhere: Mapping[str, str] | None = None) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._logs = logs.absolute()
        self._data = data.absolute()
        self._environment = dict(environment or {})
        self._program = tuple(program)
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._children: dict[str, Child] = {}
        self._mortal = frozenset(mortal)
        self._elsewhere = dict(elsewhere or {})
        self._restarts = 0
        self.addresses: dict[str, Address] = {}

    async def __aenter__(self) -> Self:
        """Raises RunError (PAI031) for a process that ends, or takes too long, before it listens."""
        for folder in (self._logs, self._data):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise RunError("PAI033", f"the folder cannot be made: {error.strerror}", where=str(folder)) from error
        starts: dict[str, asyncio.Task[None]] = {}
        for name, spec in self._specs.items():
            before = [starts[other] for other in spec.depends_on if other in starts]
            starts[name] = asyncio.create_task(self._start(spec, before), name=f"start of {name}")
        try:
            await asyncio.gather(*starts.values())
        except BaseException:
            for task in starts.values():
                task.cancel()
            await asyncio.gather(*starts.values(), return_exceptions=True)
            await self.stop()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.stop()

    async def _start(self, spec: ProcessSpec, before: Sequence[asyncio.Task[None]]) -> None:
        # Shielded: when this start is cancelled, theirs are cancelled by whoever cancels them all.
        await asyncio.gather(*map(asyncio.shield, before))
        await self._launch(spec, self._resolve(spec), self._logs / f"{spec.name}.log")

    async def _launch(self, spec: ProcessSpec, environment: Mapping[str, str], log: Path) -> None:
        command = [*self._program, *spec.command[1:]] if spec.command[0] == "sightline" else spec.command
        child = self._children[spec.name] = await Child.start(spec.name, command, environment, log)
        self.addresses[spec.name] = await child.listening(self._start_seconds)

    def _resolve(self, spec: ProcessSpec) -> dict[str, str]:
        """The environment of one process: real addresses for names, free ports, the data folder."""
        resolved = {key: value for key, value in os.environ.items() if not key.startswith("SIGHTLINE_")}
        resolved |= {"PYTHONUNBUFFERED": "1", "SIGHTLINE_PARENT_PIPE": "1"}
        for key, value in spec.environment.items():
            if key in _LISTEN:
                resolved[key] = "127.0.0.1:0"
            elif key == "SIGHTLINE_DATA":
                resolved[key] = str(self._data)
            else:
                resolved[key] = self._real(spec, key, value)
        return resolved | self._environment

    def _real(self, spec: ProcessSpec, key: str, value: str) -> str:
        """``value``, or the real address of the process that it names by name and port."""
        name, colon, port = value.rpartition(":")
        if name in self._elsewhere:
            return self._elsewhere[name]
        if not colon or name not in self._specs or not port.isdecimal():
            return value
        other = self._specs[name].environment
        kinds = [kind for at, kind in _LISTEN.items() if other.get(at, "").rpartition(":")[2] == port]
        if not kinds:
            raise InputError("PAI022", f"{key} of {spec.name!r} is {value!r}, but {name!r} does not listen on {port}")
        if name not in spec.depends_on:
            raise InputError("PAI022", f"{spec.name!r} calls {name!r} ({key}) and does not depend on it",
                             next=f"add {name} to depends_on of {spec.name} in docker-compose.yml")
        address = self.addresses[name]
        found = address["grpc"] if kinds[0] == "grpc" else address["http"]
        if found is None:
            raise RunError("PAI031", f"{name!r} was to serve HTTP on {value!r}, and reported no such address",
                           where=str(self._children[name].log))
        return found

    def pid(self, name: str) -> int:
        return self._children[name].process.pid

    def kill(self, name: str) -> None:
        """SIGKILL, on purpose: ``check`` does not report it."""
        child = self._children[name]
        child.expected = True
        if child.alive:
            child.process.kill()

    async def restart(self, name: str) -> None:
        """Starts it again after its end, at the address it had: those who call it need not be told.

        Its log is a file of its own, so that the earlier one stays.  Raises RunError (PAI031).
        """
        spec, address, ended = self._specs[name], self.addresses[name], self._children[name]
        ended.expected = True
        await ended.reap()
        environment = self._resolve(spec)
        for variable, kind in _LISTEN.items():
            bound = address["grpc"] if kind == "grpc" else address["http"]
            if variable in environment and bound is not None:
                environment[variable] = bound
        self._restarts += 1
        await self._launch(spec, environment, self._logs / f"{name}-again-{self._restarts}.log")

    async def check(self) -> None:
        """Raises RunError (PAI031) when a process has ended by itself; does not wait for one."""
        for child in self._children.values():
            killed = child.name in self._mortal and child.process.returncode == -signal.SIGKILL
            if not child.alive and not child.expected and not killed:
                raise await child.ended()

    async def stop(self) -> None:
        """SIGTERM to each, those first that nothing else depends on; time for a last flush; SIGKILL.

        May be called twice; leaves no process, however it is left.
        """
        left = dict(self._children)
        try:
            while left:
                needed = {other for name in left for other in self._specs[name].depends_on}
                await self._terminate([left.pop(name) for name in list(left) if name not in needed])
        finally:
            for child in self._children.values():
                if child.alive:
                    child.process.kill()
            await asyncio.gather(*(child.reap() for child in self._children.values()))

    async def _terminate(self, wave: Sequence[Child]) -> None:
        ends = []
        for child in wave:
            child.expected = True
            if child.alive:
                child.process.terminate()
                ends.append(asyncio.create_task(child.process.wait()))
        if ends:
            await asyncio.wait(ends, timeout=self._stop_seconds)
        for child in wave:
            if child.alive:
                child.process.kill()
