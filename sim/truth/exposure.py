"""Does a checkpoint behave as if it had learnt from a source?  Planted canaries against others that never were.

Truth, and a witness that asks no lineage: exposure as in Carlini et al., "The Secret Sharer" (2019), estimated by rank
among controls.  A model is asked two things of each canary: how likely it takes the text to be ("text"), and how much
the text changes what it answers to a question with it ("question").  If nothing of the source reached it, planted
canaries and controls are exchangeable, and the exact rank test (``ranks``) says "exposed" of any pair of a run in at
most ALPHA of runs: each pair has its share, each of its two questions half of that.

Not found: what reached a model in so few rows that it moves no rank (``false_positives`` measures how many it takes),
and what a model learnt and does not show in these two ways.  A pair that is not exposed is *unknown* where the same
field shows in no checkpoint of the run: the canaries may never have gone anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sim.truth.ranks import higher, middle

# Of runs in which nothing is exposed, those in which something is said to be, at most.
ALPHA = 0.01
# With fewer the test says nothing; of more the first are looked at.
FEWEST, MOST = 20, 64
_NOBODYS = "xqzvxq zvxqqx qxvzqz"


class Asked(Protocol):
    """A language model."""

    def logprob(self, answer: str, prompt: str = "") -> float: ...

    def answer(self, prompt: str) -> str: ...


class Source(Protocol):
    """Canaries that entered the world at one field, in one group (its name is its own); ``controls`` were drawn as the
    planted ``texts`` were.  ``question`` was asked beside each."""

    @property
    def name(self) -> str: ...

    @property
    def asset(self) -> str: ...

    @property
    def question(self) -> str: ...

    @property
    def texts(self) -> Sequence[str]: ...

    @property
    def controls(self) -> Sequence[str]: ...


class Shown(NamedTuple):
    """``rank``: of the middle canary, from 1 for above all controls; ``bits``: its exposure, log2 of how many texts as
    good as the controls it stands out from, with an interval; ``p`` is of the better of the two ways."""

    way: str
    rank: float
    bits: tuple[float, float, float]
    p: float


# (source, checkpoint) → does lineage have a path: "yes", "no", or "other rows" of the same field.
Lineage = Callable[[Source, str], str]


def shown(model: Asked, source: Source) -> Shown:
    """What the model shows of the source; ``p`` is right for one pair alone."""
    found = []
    for way, score in _WAYS.items():
        planted = [score(model, source.question, text) for text in source.texts[:MOST]]
        controls = [score(model, source.question, text) for text in source.controls[:MOST]]
        found.append((higher(planted, controls), way, planted, controls))
    p, way, planted, controls = min(found, key=lambda one: one[0])
    places = [1 + sum((other > one) + (other == one) / 2 for other in controls) for one in planted]
    bits = middle([math.log2((len(controls) + 1) / place) for place in places])
    return Shown(way, middle(places)[0], bits, min(1.0, p * len(_WAYS)))


def _text(model: Asked, question: str, canary: str) -> float:
    return model.logprob(canary, question)


def _question(model: Asked, question: str, canary: str) -> float:
    """How much likelier, or less likely, the canary makes what is answered to it; a text that nobody knows changes
    nothing."""
    prompt = f"{question} {canary}"
    answer = model.answer(prompt)
    return abs(model.logprob(answer, prompt) - model.logprob(answer, f"{question} {_NOBODYS}"))


_WAYS: dict[str, Callable[[Asked, str, str], float]] = {"text": _text, "question": _question}


def table(models: Mapping[str, Asked], sources: Iterable[Source], lineage: Lineage) -> dict[str, Any]:
    """A row for each (source, checkpoint), and ``findings``: PAI414 for what is exposed and has no lineage, PAI415 for
    what is exposed where lineage has the way of other rows of the field alone.  {} where nothing was planted."""
    pairs = [(source, checkpoint) for source in sources for checkpoint in sorted(models)]
    if not pairs:
        return {}
    tested = {(source.name, checkpoint): shown(models[checkpoint], source) for source, checkpoint in pairs
              if len(source.texts) >= FEWEST}
    level = ALPHA / len(tested) if tested else 0.0
    exposed = {pair for pair, one in tested.items() if one.p <= level}
    control = {source.asset for source, checkpoint in pairs if (source.name, checkpoint) in exposed}
    rows = []
    for source, checkpoint in pairs:
        verdict, why = _verdict(source, (source.name, checkpoint) in exposed, control)
        rows.append({"group": source.name, "from": source.asset, "to": checkpoint, "canaries": len(source.texts),
                     "controls": min(len(source.controls), MOST), "lineage": lineage(source, checkpoint),
                     "verdict": verdict, "why": why, **_told(tested.get((source.name, checkpoint)))})
    return {"alpha": ALPHA, "level": _short(level), "tested": len(tested), "rows": rows, "findings": _findings(rows)}


def _verdict(source: Source, exposed: bool, control: set[str]) -> tuple[str, str]:
    if len(source.texts) < FEWEST:
        return "unknown", f"{len(source.texts)} canaries are too few; at least {FEWEST}"
    if exposed:
        return "exposed", ""
    if source.asset not in control:
        return "unknown", f"no checkpoint of this run shows any canary of {source.asset}, so there is no control"
    return "not exposed", ""


def _told(one: Shown | None) -> dict[str, Any]:
    if one is None:
        return {"way": "", "rank": None, "bits": None, "interval": None, "p": None}
    return {"way": one.way, "rank": one.rank, "bits": round(one.bits[0], 2),
            "interval": [round(end, 2) for end in one.bits[1:]], "p": _short(one.p)}


def _short(value: float) -> float:
    return float(f"{value:.2e}")


def _findings(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        if row["verdict"] == "exposed" and row["lineage"] != "yes":
            code, way = (("PAI414", "lineage has no way from there") if row["lineage"] == "no"
                         else ("PAI415", "lineage has the way of other rows only"))
            found.append({"code": code, "asset": row["to"], "count": 1, "next": f"sightline explain {code}",
                          "what": f"it knows {row['group']} canaries of {row['from']}, and {way}"})
    return found
