"""What serves is ended in order and to the end, whatever breaks off the program."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio
import pytest

from sim.stack.ending import finished, run, stopped


class Broken(Exception):
    pass


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, Broken])
def test_a_server_is_stopped_before_its_tasks_are_taken_away(error: type[BaseException]) -> None:
    """``asyncio.run`` cancels a server's tasks as well: its stop then raises CancelledError, the port stays open."""
    ports: list[int] = []
    ended: list[int] = []

    async def breaking() -> None:
        raise error

    async def main() -> None:
        servers = [grpc.aio.server(), grpc.aio.server()]
        try:
            for server in servers:
                ports.append(server.add_insecure_port("127.0.0.1:0"))
                await server.start()
            other = asyncio.create_task(breaking())
            await asyncio.wait((other,))
            await other
        finally:
            for port, server in zip(ports, servers, strict=True):
                await server.stop(0.1)
                ended.append(port)

    with pytest.raises(error):
        run(main())
    assert len(ports) == 2 and ended == ports
    for port in ports:
        with socket.socket() as caller:
            assert caller.connect_ex(("127.0.0.1", port)) != 0


def test_what_main_returns_is_returned_and_what_it_left_is_cancelled() -> None:
    left: list[asyncio.Task[bool]] = []

    async def main() -> str:
        left.append(asyncio.create_task(asyncio.Event().wait()))
        return "done"

    assert run(main()) == "done"
    assert left[0].cancelled()


def test_what_is_ended_is_not_cut_short() -> None:
    """Cancelled twice in the middle of it: it goes on to its end, and the cancellation comes after."""
    told: list[str] = []

    async def work() -> str:
        told.append("begun")
        await proceed.wait()
        told.append("ended")
        return "result"

    async def waiting() -> None:
        try:
            await finished(work())
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    async def main() -> None:
        nonlocal proceed
        proceed = asyncio.Event()
        task = asyncio.create_task(waiting())
        for _ in range(2):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.sleep(0)
        assert told == ["begun"]
        proceed.set()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert await finished(work()) == "result"

    proceed = asyncio.Event()
    run(main())
    assert told == ["begun", "ended", "cancelled", "begun", "ended"]


@pytest.mark.parametrize("failing", [[], [0], [1], [0, 2], [0, 1, 2]])
def test_each_is_stopped_whatever_becomes_of_the_one_before(failing: list[int]) -> None:
    told: list[int] = []

    def one(number: int) -> Callable[[], Awaitable[Any]]:
        async def stop() -> None:
            told.append(number)
            if number in failing:
                raise Broken(number)

        return stop

    async def main() -> None:
        await stopped(map(one, range(3)))

    if failing:
        with pytest.raises(Broken):
            run(main())
    else:
        run(main())
    assert told == [0, 1, 2]
