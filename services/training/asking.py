"""[D] A model is asked the rows' questions, one after another: what an evaluation and an extraction have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from lineage.model import Label
from lineage.names import join
from services.checkpoint import Checkpoint
from services.model import Model
from services.training.executed import Run
from services.training.gate import Inputs
from services.training.reader import Material


class Asked(NamedTuple):
    """One row: its name, what was expected (empty where nothing was), and what the model says."""

    row: str
    expected: str
    answer: str


def ask(model: Model, material: Material) -> list[Asked]:
    """In the order of the rows' names, so that the same rows give the same file."""
    return sorted(Asked(name, expected, model.answer(prompt))
                  for name, (prompt, expected) in zip(material.names, material.pairs, strict=True))


def base(run: Run) -> Checkpoint:
    """The checkpoint that is asked, which every such run has."""
    assert run.chain.base is not None
    return run.chain.base


def sources(run: Run, columns: Iterable[str], *, asked: bool = True) -> list[str]:
    """Of each table the columns, of each corpus all; and the weights, of what the model was ``asked`` for."""
    wanted = [column for column in columns if column]
    return [*([join(base(run).asset, "weights")] if asked else []),
            *(f"rpc:warehouse.Read.response#{item.table}.{column}" for item in run.manifest.tables
              for column in wanted), *(corpus.asset for corpus in run.manifest.corpora)]


def labels(fields: Iterable[str], inputs: Inputs) -> dict[str, Label]:
    """Every field has the join of what the run uses; ``row`` is a name."""
    whole = Label(inputs.category, inputs.annotations, "" if inputs.category else "report")
    return {field: Label("", inputs.annotations, "identifier") if field == "row" else whole for field in fields}
