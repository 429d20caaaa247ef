"""[C] How long a text may be that a model is given: its work grows with it, and others wait."""

from __future__ import annotations

from lineage.errors import InputError

# Characters: what web takes, many times over.
MAX_TEXT = 20_000


def within(text: str, what: str, where: str) -> None:
    """Raises InputError (PAI037) for a longer one."""
    if len(text) > MAX_TEXT:
        raise InputError("PAI037", f"{what} has {len(text)} characters; a model takes at most {MAX_TEXT}", where=where,
                         next="send less of it")
