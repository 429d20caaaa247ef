"""One OS process of the processes topology: its start, its log, and how it ended.

A node is a command that prints one JSON line when it listens,
``{"service": "web", "grpc": "127.0.0.1:4242", "http": "127.0.0.1:4243"}`` (``http`` is null where
there is none), and ends when its standard input does.  Standard input is how no orphan stays
behind: it closes with this process, however this process ends.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self, TypedDict

from lineage.errors import RunError

TAIL_LINES = 20
TAIL_WIDTH = 400


class Address(TypedDict):
    """Where a process really listens, ``host:port``; ``http`` is None where it serves none."""

    grpc: str
    http: str | None


class Child:
    """A process that was started.  ``expected`` says that its end is: it was stopped or killed on purpose."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log
        self.expected = False
        self._address: asyncio.Future[Address] = asyncio.get_running_loop().create_future()
        self._copying = asyncio.create_task(self._copy(), name=f"log of {name}")

    @classmethod
    async def start(cls, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Self:
        """Raises RunError: PAI033 when the log cannot be written, PAI031 when there is no such program."""
        try:
            errors = _new_log(log)
        except OSError as error:
            raise RunError("PAI033", f"the log of {name!r} cannot be written: {error.strerror}",
                           where=str(log)) from error
        with errors:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command, env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                    stderr=errors,
                    start_new_session=True)  # a Ctrl-C is our business: it stops the processes in order
            except OSError as error:
                raise RunError("PAI031", f"the process {name!r} cannot be started: {error}",
                               where=str(log)) from error
        return cls(name, process, log)

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def listening(self, seconds: float) -> Address:
        """Waits for the address line.  Raises RunError (PAI031) at the process's end, or after ``seconds``."""
        either: list[asyncio.Future[Any]] = [self._address, self._copying]
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._address.done():
            return self._address.result()
        if self._copying.done():  # its output is at its end, and so, most likely, is the process
            try:
                raise await asyncio.wait_for(self.ended(), 1)
            except TimeoutError:
                raise self._error("closed its output before it listened") from None
        raise self._error(f"did not listen within {seconds:g} s")

    async def ended(self) -> RunError:
        """Waits for the end of the process; the error that says how it ended."""
        code = await self.process.wait()
        await self.logged()
        return self._error(f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}")

    async def logged(self) -> None:
        """Waits until its output is in the log; not for long, as a grandchild may hold the pipe open."""
        await asyncio.wait([self._copying], timeout=1)

    async def reap(self) -> None:
        """SIGKILL if it still runs; nothing of it is left afterwards."""
        if self.alive:
            self.process.kill()
        await self.process.wait()
        await self.logged()
        self._copying.cancel()
        await asyncio.wait([self._copying])

    def _error(self, what: str) -> RunError:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        shown = "".join(f"\n    {line[:TAIL_WIDTH]}" for line in lines)
        tail = f"; its log ends:{shown}" if lines else "; its log is empty"
        return RunError("PAI031", f"the process {self.name!r} {what}{tail}",
                        where=str(self.log))

    async def _copy(self) -> None:
        """Standard output up to its end: the address line is kept, everything else goes to the log."""
        stdout = self.process.stdout
        assert stdout is not None
        pending = b""
        with self.log.open("ab", buffering=0) as log:
            while chunk := await stdout.read(65_536):
                pending += chunk
                while not self._address.done() and b"\n" in pending:
                    line, newline, pending = pending.partition(b"\n")
                    address = _read_address(self.name, line)
                    if address is None:
                        log.write(line + newline)
                    else:
                        self._address.set_result(address)
                if self._address.done():
                    log.write(pending)
                    pending = b""
            log.write(pending)


def _new_log(log: Path) -> BinaryIO:
    """Empty, and appended to, as the copy of standard output is: neither overwrites the other."""
    log.write_bytes(b"")
    return log.open("ab")


def _read_address(name: str, line: bytes) -> Address | None:
    """The address that ``line`` reports for ``name``, or None when it is any other line."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("service") != name or not isinstance(said.get("grpc"), str):
        return None
    http = said.get("http")
    return Address(grpc=said["grpc"], http=http if isinstance(http, str) else None)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
