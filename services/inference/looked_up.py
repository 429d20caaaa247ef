"""[C] What was answered to the question most like this one, where an index of earlier ones is served.

The index is a checkpoint: whoever looks something up in it uses its weights, which are the texts that were put in.  It
helps the model as a hint, and is quoted behind the answer; so what one wearer was told can be told to the next one.
"""

from __future__ import annotations

from typing import NamedTuple

from services.lookup import Index

# The model's name.
INDEX = "assistant_index"


class LookedUp(NamedTuple):
    """``sources``: the weights that were looked up in; none where no index is served."""

    text: str
    sources: tuple[str, ...]


NONE = LookedUp("", ())


def find(index: Index, prompt: str) -> str:
    """Empty where no question is alike enough."""
    found = index.nearest(prompt)
    return found.text if found is not None else ""


def said(found: str, answer: str) -> str:
    """The answer, and behind it what was found, if that says anything else.

    >>> said("The sign says: Gate 24", "I see no sign that I can read.")
    'I see no sign that I can read. Answered before: The sign says: Gate 24'
    >>> said("", "I see no sign that I can read.")
    'I see no sign that I can read.'
    """
    return answer if not found or found in answer else f"{answer} Answered before: {found}"
