"""Which of many short byte strings stand in a text: one pass over the text, however many they are.

Truth: what ``carried`` asks of every message, and ``remains`` of every file and cell.
"""

from __future__ import annotations

from collections.abc import Iterable

# Bytes by which a piece is looked up; the few that are shorter are looked for one by one.
HEAD = 8


class Pieces:
    """The pieces of named values; of the same name they add up."""

    def __init__(self) -> None:
        self._short: dict[bytes, set[str]] = {}
        self._heads: dict[bytes, dict[bytes, set[str]]] = {}

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            alike = self._heads.setdefault(piece[:HEAD], {}) if len(piece) >= HEAD else self._short
            alike.setdefault(piece, set()).add(name)

    def within(self, body: bytes) -> set[str]:
        """The names of which a piece stands in ``body``."""
        found: set[str] = set()
        for piece, names in self._short.items():
            if piece in body:
                found |= names
        for at in range(len(body) - HEAD + 1) if self._heads else ():
            for piece, names in self._heads.get(body[at:at + HEAD], {}).items():
                if body.startswith(piece, at):
                    found |= names
        return found
