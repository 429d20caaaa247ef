"""11 · Discover, in Python: one request with k independent flows gives k edges.

Within one scope k files are read, and then k files are written, each from one of those read.  With
`sources=` each write says which; lineage has k edges, all of them right, for k up to 50.  Without it a
write derives from all that its scope has read before: k × k edges of LOW confidence, of which k are right.

The step (sim/scenario/flows.py) works on the companion app's storage, so that the journal sees it too.
"""

from __future__ import annotations

from typing import Any

from sim.scenario.flows import INDEPENDENT_FLOWS
from sim.scenario.schema import Scenario, World, expect, step

SIZES = (1, 2, 5, 20, 50)


def between(folder: str, *, to: str = "out-*#value", **expected: Any) -> Any:
    return expect("discover", "flows", from_=f"file:{folder}/in-*#value", to=f"file:{folder}/{to}", **expected)


SCENARIOS = [
    Scenario(
        name="independent-flows",
        stage="discover",
        seed=11,
        about="One request with k independent flows gives k edges, all of them right, for k from 1 to 50.",
        world=World(wearers=1),
        steps=(*(step(INDEPENDENT_FLOWS, flows=k, folder=f"flows-{k}") for k in SIZES),
               step(INDEPENDENT_FLOWS, flows=50, folder="flows-fields", into_one=True)),
        expect=(
            *(between(f"flows-{k}", count=k, precision=1.0, confidence="HIGH") for k in SIZES),
            # Those are all edges there are: none of LOW confidence beside them.
            *(between(f"flows-{k}", count=k, precision=1.0) for k in SIZES),
            between("flows-fields", to="out#value-*", count=50, precision=1.0),
            expect("discover", "complete", operations=1.0, invented=0),
        ),
    ),
    Scenario(
        name="independent-flows-not-written-out",
        stage="discover",
        seed=11,
        about="Without sources= the same request gives k × k edges, of which k are right: kept, as LOW.",
        world=World(wearers=1),
        steps=(step(INDEPENDENT_FLOWS, flows=20, folder="flows-20", written_out=False),),
        expect=(
            between("flows-20", count=400, precision=0.05, confidence="LOW"),
            expect("discover", "complete", operations=1.0, invented=0),
        ),
    ),
]
