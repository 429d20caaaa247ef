"""[B] Room for statements nested hundreds deep: parser and analysis call themselves once for each level.

A statement is first tried where it is.  One that needs more goes to a thread of its own with a larger stack, one at a
time, since Python has one limit of recursion for all threads.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from lineage.discover.sql_text import SqlFault

T = TypeVar("T")
_STACK = 512 * 1024 * 1024  # reserved, not used, until a statement needs it
_LIMIT = 30_000
_one_at_a_time = threading.Lock()


def deeply(work: Callable[[], T]) -> T:
    """The result of ``work``.  Raises SqlFault when no stack is large enough for it, and what ``work`` raises."""
    try:
        return work()
    except RecursionError:
        pass
    found: list[T] = []
    failed: list[BaseException] = []

    def attempt() -> None:
        try:
            found.append(work())
        except BaseException as error:
            failed.append(error)

    with _one_at_a_time:
        size, limit = threading.stack_size(_STACK), sys.getrecursionlimit()
        try:
            sys.setrecursionlimit(max(limit, _LIMIT))
            thread = threading.Thread(target=attempt, name="sightline-deep-sql")
            thread.start()
            thread.join()
        except RuntimeError:  # no room for such a stack
            failed.append(RecursionError())
        finally:
            sys.setrecursionlimit(limit)
            threading.stack_size(size)
    if not failed:
        return found[0]
    if isinstance(failed[0], RecursionError | MemoryError):
        raise SqlFault("the statement is nested too deeply")
    raise failed[0]
