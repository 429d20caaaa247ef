"""[D] The kinds of runs, and what a manifest says of each."""

from __future__ import annotations

from typing import Literal, NamedTuple

from services.kinds import INDEX


class Kind(NamedTuple):
    """``base``: whether it takes a checkpoint as an input; ``asks``: it asks a model and makes none; ``kind``: of the
    model that it makes, where the manifest does not say; ``edge``: the kind of training work that its edges are;
    ``makes``: what the name of what it makes begins with."""

    name: str
    base: Literal["", "may", "needed"]
    asks: bool = False
    kind: str = "text"
    edge: str = ""
    makes: str = "checkpoint:"

    @property
    def says(self) -> str:
        """The key under which the manifest says what is done with the columns."""
        return "ask" if self.asks else "learn"

    @property
    def does(self) -> str:
        return "asks" if self.asks else "learns"


RUNS = {run.name: run for run in (
    # A model, from nothing or from the weights of another one.
    Kind("train", "may"),
    # A report: what a model says to a table's questions, beside what was expected.
    Kind("evaluate", "needed", asks=True, edge="evaluation", makes="file:reports/"),
    # A column of features: what a model says of each row.
    Kind("extract", "needed", asks=True, edge="feature_extraction", makes="feature:"),
    # Vectors of texts, to be looked up: with the embedder that it begins from, or one of its own.
    Kind("index", "may", kind=INDEX, edge="embedding_index"),
)}
# Of the weights that a run goes on from, and of a teacher's answers.
FINE_TUNE, DISTILLATION = "fine_tune", "distillation"
