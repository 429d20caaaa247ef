"""18 · Discover, in Python: four worker processes write the parts of one output.

The warehouse exports a table (services/warehouse/exports/daily_answers.yaml).  Each worker is a process of
its own, with its own PrivacyLib; the scope of the request goes along as baggage: its correlation key, its
purpose, and the token by which the worker's guard lets it read.  So the output is one asset, with one edge
from each column, made under one key, and every part is counted.

Each part says which of how many it is.  When a worker dies, its part is missing, and that is a finding: what
lineage says of this output is not all there is to say.  A part that is written twice is still one part.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sim.scenario.schema import Scenario, expect, fault, step

OUTPUT = "file:exports/daily_answers"
COLUMNS = ("ds", "utterance", "answer")


def written(parts: int) -> list[Any]:
    return [expect("discover", "edge", from_=f"warehouse:core.daily_sessions#{column}", to=f"{OUTPUT}#{column}",
                   count=1, parts=parts) for column in COLUMNS]


def listed(parts: int) -> Any:
    """The list of parts is made of a read of each: the read of the whole is linked to all of them."""
    return expect("discover", "edge", from_=f"{OUTPUT}#answer", to=f"{OUTPUT}/manifest.json#digests", count=1,
                  parts=parts)


COMPLETE = expect("discover", "complete", operations=1.0, invented=0)
WHOLE = Scenario(
    name="partitioned-export",
    stage="discover",
    seed=18,
    about="Four workers write one output under one correlation key; every part is counted.",
    steps=(step("ask", wearers="all", question="What is that building?", times=3), step("batch", job="daily_sessions"),
           step("export", export="daily_answers")),
    expect=(
        *written(4), listed(4), COMPLETE,
        expect("discover", "path", from_="device:glasses#utterance", to=f"{OUTPUT}#utterance"),
        expect("discover", "path", from_="warehouse:core.daily_sessions", to=OUTPUT, state="declared"),
        # Who asked is not exported.
        expect("discover", "no_path", from_="warehouse:core.daily_sessions#wearer", to=OUTPUT),
        expect("enforce", "decision", job="job:daily_answers", is_="allowed"),
        expect("demonstrate", "finding", code="PAI206", asset=OUTPUT, count=0),
        expect("demonstrate", "finding", code="PAI402", count=0),
        expect("demonstrate", "evidence", zone="glasses-interactions", verdict="holds"),
    ),
)

SCENARIOS = [
    WHOLE,
    replace(
        WHOLE,
        name="partitioned-export-worker-dies",
        about="One of four workers dies before it writes: the hole is reported, and the zone's evidence says unknown.",
        faults=(fault("worker", part=2, does="dies"),),
        expect=(
            *written(3), listed(3), COMPLETE,  # what did happen was seen
            expect("discover", "gap", at=OUTPUT, code="PAI206"),
            expect("demonstrate", "finding", code="PAI206", asset=OUTPUT, count=1),
            expect("demonstrate", "evidence", zone="glasses-interactions", verdict="unknown"),
        ),
    ),
    replace(
        WHOLE,
        name="partitioned-export-written-twice",
        about="One part of four is written by two workers, one after the other: it is one part, and none is missing.",
        faults=(fault("worker", part=1, does="repeats"),),
        expect=(
            *written(4), listed(4), COMPLETE,
            expect("demonstrate", "finding", code="PAI206", asset=OUTPUT, count=0),
        ),
    ),
]
