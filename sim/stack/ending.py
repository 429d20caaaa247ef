"""The end of what serves: in order, to the end, and before the event loop takes its tasks away.

A gRPC server is not to lose its tasks while it serves.  Core writes each call that arrives into memory that
the task waiting for one holds; where that task is cancelled the memory is freed, the server's own ``stop``
fails, the port stays open, and the next call (a shipper's, say) is written where something else lies by now:
a segmentation fault, at any later time.  ``asyncio.run`` does so as soon as a KeyboardInterrupt leaves the
loop: it cancels all tasks at once.  So a program that serves is run by ``run``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """As ``asyncio.run``; but whatever breaks it off, ``main`` is cancelled first and alone, and ends what it began.

    A second interrupt, in the middle of that, is obeyed at once.
    """
    own: list[asyncio.Task[Any]] = []

    async def noted() -> T:
        task = asyncio.current_task()
        assert task is not None
        own.append(task)
        return await main

    with asyncio.Runner() as runner:
        try:
            return runner.run(noted())
        finally:
            if own and not own[0].done():
                own[0].cancel()
                runner.get_loop().run_until_complete(asyncio.wait(own))


async def finished(work: Coroutine[Any, Any, T]) -> T:
    """Awaits ``work`` to its end; where it is cancelled meanwhile, it is so afterwards."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled from task.exception()
    return task.result()


async def stopped(stops: Iterable[Callable[[], Awaitable[Any]]]) -> None:
    """Each of ``stops``, in their order and whatever becomes of the one before it; an error is raised at the end."""
    async with AsyncExitStack() as last:
        for stop in reversed([*stops]):
            last.push_async_callback(stop)
