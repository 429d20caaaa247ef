"""[D] Feature extraction: what a checkpoint says of each row is a column of features, beside the row's name.

A model makes this column, so it has the labels of the model's weights and of the row; and whoever uses it uses both.
"""

from __future__ import annotations

import json

from services.model import Model
from services.training import asking
from services.training.executed import Run
from services.training.output import Output
from services.training.reader import Material


def made(run: Run, model: Model, material: Material) -> Output:
    """One line of JSON a row: ``row`` and the column that the manifest names in ``to``."""
    manifest = run.manifest
    asked = asking.ask(model, material)
    lines = [json.dumps({"row": one.row, manifest.learn_to: one.answer}, ensure_ascii=False) for one in asked]
    return Output("extract", manifest.output, "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass"),
                  asking.labels(("row", manifest.learn_to), run.inputs),
                  {manifest.learn_to: asking.sources(run, manifest.learn_from),
                   "row": asking.sources(run, (manifest.row,))[1:]}, len(asked))
