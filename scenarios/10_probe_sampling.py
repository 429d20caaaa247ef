"""10 · Discover, in Python: how much the privacy probes see when they look at a share of the requests.

Inside the web service one component hands a payload to the next, in memory.  Here nobody has written out
what each is made from (the faults take it away), so that only the probes see these flows: they compare the
payloads.  Comparing costs, so it is done for a sample of the requests, chosen by correlation key.

One scenario per rate; run them in order, and the bars are the curve:

    sightline run scenarios/10_probe_sampling.py

A frequent flow is found at any rate, and counted in proportion; a rare one (few wearers share where they
are) is lost first.
"""

from __future__ import annotations

from sim.scenario.schema import Scenario, World, expect, fault, step

SEED = 10
WEARERS = 24
# Share of the requests → recall of single flows: within these bounds for any seed, near the rate for most.
CURVE = {1.0: ">= 0.95", 0.5: ">= 0.15", 0.2: "< 0.6", 0.04: "< 0.3"}
SIGHTS = ("tower", "bridge", "statue", "church", "station", "museum", "market", "harbour")
ANGLES = ("older than the street around it", "still used for what it was built for", "open to visitors on a Sunday")


def questions() -> list[str]:
    """One for each wearer, all different: what everybody says tells nobody's flow from another's."""
    return [f"Is that {sight} {angle}?" for angle in ANGLES for sight in SIGHTS]


def flow(source: str, target: str, count: int) -> dict[str, object]:
    return {"from": source, "to": target, "count": count}


def sampled(rate: float, sharing: tuple[int, ...]) -> Scenario:
    """``sharing``: the wearers who share where they are."""
    asks = [step("ask", wearers=[f"w-{number:04d}"], question=question, verbatim=True, location=number in sharing)
            for number, question in enumerate(questions(), 1)]
    unlinked = [fault("unlink_write", asset=f"web:{name}") for name in ("session", "prompt", "respond", "log")]
    edges = [flow("web:ask#utterance", "web:prompt#prompt", WEARERS),
             flow("web:ask#utterance", "web:log#utterance", WEARERS),
             flow("web:ask#photo", "web:prompt#image", WEARERS),
             flow("web:ask#device", "web:session#device", WEARERS),
             flow("web:ask#device", "web:log#device", WEARERS),
             *(flow("web:ask#location", f"web:{name}#location", len(sharing)) for name in ("session", "prompt", "log"))]
    return Scenario(
        name=f"probe-sampling-{round(100 * rate)}",
        stage="discover",
        seed=SEED,
        about=f"With probes on {rate:.0%} of the requests, as large a share of the flows inside web is seen.",
        world=World(wearers=WEARERS, regions=("US", "NO")),
        steps=tuple(asks),
        faults=(*unlinked, *([fault("sample_probes", rate=rate)] if rate < 1 else [])),
        expect=(
            expect("discover", "captured", edges=edges, recall=CURVE[rate]),
            # Sampling is of comparisons: every read, write and call still has its signal.
            expect("discover", "complete", operations=1.0, invented=0),
        ),
    )


SCENARIOS = [sampled(rate, sharing=(5, 11)) for rate in CURVE]
