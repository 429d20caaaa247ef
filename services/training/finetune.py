"""[D] A model from rows: a new one, or a base's that goes on learning, whose counts stay and whose labels join; or an
index, which begins with an embedder."""

from __future__ import annotations

from typing import Any

from lineage.names import join
from services.kinds import KINDS, Trained
from services.training.executed import Run
from services.training.reader import Material
from services.training.runs import FINE_TUNE, RUNS


def learnt(run: Run, base: Any, material: Material) -> Trained:
    """``base``: the loaded model, or None.  The weights that it goes on from are a source of those that it makes.

    Raises InputError (PAI020) where there are no rows.
    """
    kind, parameters, edge = KINDS[run.manifest.kind], run.manifest.parameters, RUNS[run.manifest.run].edge
    if run.chain.base is not None:
        source = join(run.chain.base.asset, "weights")
        material.sources.append(source)
        material.kinds[source] = FINE_TUNE
    if edge:
        material.kinds |= dict.fromkeys(material.sources, edge)
    if run.chain.base is None or kind.tune is None:
        return kind.train(material.pairs, **parameters)
    return kind.tune(base, material.pairs, **parameters)
