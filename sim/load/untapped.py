"""Taps that see nothing: what the simulator's journal costs belongs to no arm."""

from __future__ import annotations

from typing import Any


class Untapped:
    """Implements ``services.seams.Tap``."""

    def began(self, *seen: Any) -> None: ...

    def message(self, *seen: Any) -> None: ...

    def http(self, *seen: Any) -> None: ...

    def statement(self, *seen: Any) -> None: ...

    def file(self, *seen: Any) -> None: ...

    def device(self, *seen: Any) -> None: ...
