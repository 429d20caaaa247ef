"""The words that every message about a scenario file shares: places, values, suggestions.

Serves all four stages; reads no file and judges nothing.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_LONGEST = 60

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = _LONGEST
_repr.maxlevel = 3


def place(path: Path | str, line: int = 0) -> str:
    """``scenarios/05_x.yaml:12``: from the repository's root, else from here, else absolute.

    The root goes first, so that a message does not depend on the folder it was asked from.
    """
    full = Path(path).resolve()
    for base in (ROOT, Path.cwd()):
        if full.is_relative_to(base):
            full = full.relative_to(base)
            break
    return f"{full.as_posix()}:{line}" if line else full.as_posix()


def shown(value: Any) -> str:
    """A value as the file would say it, cut where it is long.

    >>> shown(True), shown(None), shown("NO")
    ('true', 'nothing', "'NO'")
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _repr.repr(value)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message: the closest known word, or all of them.

    >>> did_you_mean("wearer", ["wearers", "question"])
    "; did you mean 'wearers'?"
    >>> did_you_mean("colour", ["wearers", "question"])
    '; known are question, wearers'
    """
    names = sorted(known)
    folded = {name.lower().replace("_", "-"): name for name in names}
    close = get_close_matches(word[:_LONGEST].lower().replace("_", "-"), folded, 1)
    if close:
        return f"; did you mean {folded[close[0]]!r}?"
    return f"; known are {', '.join(names)}" if names else "; none is known"
