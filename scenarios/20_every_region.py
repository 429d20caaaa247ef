"""20 · Enforce, in Python: one scenario per region.

YAML is for stories; Python is for loops, many seeds and faults of your own.  Both build the same
dataclass (sim/scenario/schema.py), and both are held to the same rules.  A Python scenario file
defines SCENARIO, SCENARIOS or a function scenarios().

In Python `from` and `is` are taken, so the helpers read `from_` and `is_` as those keys.
"""

from __future__ import annotations

from sim.scenario.schema import Scenario, World, expect, step

# Norway is in, because a careless YAML reader would take NO for false.
REGIONS = ("US", "SE", "NO", "BR", "JP")


def refused_in(region: str, seed: int) -> Scenario:
    """Scenario 5 with all wearers in one region: the refusal must not depend on where they live."""
    return Scenario(
        name=f"every-region-{region.lower()}",
        stage="enforce",
        seed=seed,
        about=f"With every wearer in {region}, assistance is permitted and ads ranking is refused.",
        world=World(wearers=4, regions=(region,)),
        steps=(
            step("ask", wearers="all", question="What is that building?"),
            step("batch", job="daily_sessions"),
            step("train", manifest="assistant_eval", purpose="assistance"),
            step("train", manifest="ads_ranker", purpose="ads_ranking"),
        ),
        expect=(
            expect("discover", "path", from_="web:ask#utterance", to="warehouse:core.sessions#utterance"),
            expect("discover", "complete", operations=1.0, invented=0),
            expect("enforce", "decision", job="training:assistant_eval", is_="allowed"),
            expect("enforce", "decision", job="training:ads_ranker", is_="blocked", code="PAI301"),
            expect("enforce", "moved", from_="warehouse:core.daily_sessions", to="training:assistant_eval", rows="> 0"),
            expect("enforce", "moved", from_="warehouse:core.daily_sessions", to="training:ads_ranker", rows=0),
            expect("demonstrate", "evidence", zone="glasses-interactions", verdict="holds"),
        ),
    )


SCENARIOS = [refused_in(region, seed) for seed, region in enumerate(REGIONS, start=1)]
