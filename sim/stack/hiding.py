"""Storage that gives out more than was ever written through it: a flow that hides below everything that watches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from services.seams import Tap
from sim.stack.store import LocalStore

# What a file has more; its path is relative to the folder.
Reading = Callable[[str, Path], bytes]


class HidingStore(LocalStore):
    """The tap is told of what the file itself has."""

    def __init__(self, root: Path, tap: Tap, reading: Reading) -> None:
        super().__init__(root, tap)
        self._folder, self._reading = root.absolute(), reading

    def read(self, path: str, start: int = 0, size: int | None = None) -> bytes:
        data = super().read(path, start, size)
        return data if start or size is not None else data + self._reading(path, self._folder)
