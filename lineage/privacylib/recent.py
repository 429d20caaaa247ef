"""[A] How common a value is within the emitter's recent values, in bounded memory.

A match says little where every other request has the same value.  A value counts once a request,
however many components it passes.

>>> recent = Recent(size=8)
>>> for request in range(4):
...     recent.add([b"assistant-default", b"something else %d" % request])
>>> recent.common(b"assistant-default"), recent.common(b"something else 1")
(True, False)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from threading import Lock

SIZE = 4096
# Common: in at least so many of the requests remembered, and so large a share of the values.
COUNT = 4
SHARE = 0.01


class Recent:
    """The last ``size`` values, as hashes of this process: no payload is kept."""

    def __init__(self, size: int = SIZE) -> None:
        self._order: deque[int] = deque()
        self._counts: dict[int, int] = {}
        self._size = size
        self._lock = Lock()

    def add(self, values: Iterable[bytes]) -> None:
        """The values of one request, each once."""
        with self._lock:
            for value in values:
                mark = hash(value)
                self._order.append(mark)
                self._counts[mark] = self._counts.get(mark, 0) + 1
            while len(self._order) > self._size:
                self._forget(self._order.popleft())

    def common(self, value: bytes) -> bool:
        count = self._counts.get(hash(value), 0)
        return count >= COUNT and count >= SHARE * len(self._order)

    def __len__(self) -> int:
        return len(self._order)

    def _forget(self, mark: int) -> None:
        left = self._counts[mark] - 1
        if left:
            self._counts[mark] = left
        else:
            del self._counts[mark]
