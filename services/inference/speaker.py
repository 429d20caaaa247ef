"""[C] What answers in words: a model that training made here, or one that somebody else runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from services.model import Model


class Speaker(Protocol):
    def words(self, prompt: str, hints: Sequence[str], sources: Sequence[str]) -> AsyncGenerator[str, None]:
        """The answer word by word, each made when it is asked for; none where it knows no answer.  To be closed.

        ``hints``: texts beside the question (a place, a scene); ``sources``: what all of that is made of.
        """


class Learnt:
    """A model in this process: what it is told goes nowhere."""

    def __init__(self, model: Model) -> None:
        self._model = model

    async def words(self, prompt: str, hints: Sequence[str], sources: Sequence[str]) -> AsyncGenerator[str, None]:
        for word in self._model.words(prompt, hints):
            yield word


async def answer(speaker: Speaker, prompt: str, hints: Sequence[str], sources: Sequence[str]) -> str:
    return " ".join([word async for word in speaker.words(prompt, hints, sources)])
