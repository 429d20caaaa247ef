"""[D] An evaluation: a checkpoint is asked a table's questions, and a report says how often it was right, and where.

Figures: ``exact``, the share of rows that it answered word for word as expected; ``overlap``, the mean share of words
that the answer and what was expected have in common (Jaccard), of all rows.  What is said of a row names no more of it
than the manifest's ``row``; the answers themselves may be rows learnt by heart, so the report is labelled as they are.
"""

from __future__ import annotations

import json
import re

from services.model import Model
from services.training import asking
from services.training.asking import Asked
from services.training.executed import Run
from services.training.output import Output
from services.training.reader import Material

_WORD = re.compile(r"\w+")


def made(run: Run, model: Model, material: Material) -> Output:
    manifest, base = run.manifest, asking.base(run)
    asked = asking.ask(model, material)
    report = {
        "format": 1, "run": manifest.activity, "checkpoint": base.asset, "digest": base.digest,
        "figures": figures(asked),
        "rows": [{"row": one.row, "answer": one.answer, "right": one.answer == one.expected} for one in asked]}
    answers = asking.sources(run, manifest.learn_from)
    return Output("evaluate", manifest.output, _dumped(report),
                  asking.labels(("figures", "row", "answer"), run.inputs),
                  {"figures": [*answers, *asking.sources(run, (manifest.learn_to,))], "answer": answers,
                   "row": asking.sources(run, (manifest.row,))[1:]}, len(asked))


def figures(asked: list[Asked]) -> dict[str, float]:
    """Rounded to six digits; all 0 of no rows.

    >>> figures([Asked("a", "an iron tower", "an iron tower"), Asked("b", "a bridge", "a tower")])
    {'rows': 2, 'exact': 0.5, 'overlap': 0.666667}
    """
    count = len(asked)
    exact = sum(one.answer == one.expected for one in asked)
    overlap = sum(_overlap(one.answer, one.expected) for one in asked)
    return {"rows": count, "exact": round(exact / max(count, 1), 6), "overlap": round(overlap / max(count, 1), 6)}


def _overlap(answer: str, expected: str) -> float:
    said, meant = set(_WORD.findall(answer.lower())), set(_WORD.findall(expected.lower()))
    return len(said & meant) / len(said | meant) if said | meant else 1.0


def _dumped(report: dict[str, object]) -> bytes:
    return (json.dumps(report, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")
