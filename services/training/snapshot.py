"""[D] The digest of the rows that a run has read: the same rows give the same one, in whatever order they came.

Over what was read, after the warehouse has withheld what may not be seen: it says nothing of the table as a whole.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence

from services.rows import Cell


def digest(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """SHA-256, in hex, of the columns' names on the first line and one line a row, sorted.

    >>> digest(["a"], [["x"], [None]]) == digest(["a"], [[None], ["x"]])
    True
    >>> digest(["a"], [["1"]]) == digest(["a"], [[1]])
    False
    """
    lines = sorted(_line([_plain(cell) for cell in row]) for row in rows)
    return hashlib.sha256("\n".join([_line(list(columns)), *lines, ""]).encode()).hexdigest()


def _line(cells: Sequence[object]) -> str:
    return json.dumps(cells, sort_keys=True, separators=(",", ":"))


def _plain(cell: Cell) -> object:
    """Bytes are told apart from a text that is spelled like them."""
    return {"blob": base64.b64encode(cell).decode()} if isinstance(cell, bytes) else cell
