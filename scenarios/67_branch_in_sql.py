"""67 · Enforce, in Python: the same branch in SQL, and a join that only counts.

What is written is a constant, an identifier, a number; of what was said not a character.  It is what was said that
decides which one.  The policy service reads each statement itself, and counts what decides as a flow like what is
copied: a CASE, a WHERE, an ORDER BY before a LIMIT, the other side of a join.  Into a table without the label each
is refused before a row moves; into one with it, it runs.
"""

from __future__ import annotations

from sim.scenario.schema import Scenario, World, expect, step

SESSIONS = "warehouse:core.sessions"


def story(job: str, about: str, rows: int) -> Scenario:
    """``rows``: what the job writes where it may."""
    refused, kept = f"job:{job}_open", f"job:{job}_kept"
    return Scenario(
        name=job.replace("_", "-"),
        stage="enforce",
        seed=67,
        about=about,
        world=World(wearers=4, regions=("US", "NO")),
        steps=(step("enrol", wearers="all"),
               step("ask", wearers="all", question="What is that building?", verbatim=True),
               step("batch", job=f"jobs/{job}_open.sql"), step("batch", job=f"jobs/{job}_kept.sql")),
        expect=(
            expect("discover", "path", from_=SESSIONS, to=f"warehouse:core.{job}_open", state="declared"),
            expect("discover", "complete", operations=1.0, invented=0),
            expect("enforce", "decision", job=refused, is_="blocked", code="PAI302"),
            expect("enforce", "moved", from_=SESSIONS, to=refused, rows=0),
            expect("enforce", "decision", job=kept, is_="allowed"),
            expect("enforce", "moved", from_=SESSIONS, to=kept, rows=rows),
            expect("demonstrate", "evidence", zone="glasses-interactions", verdict="holds"),
        ),
    )


SCENARIOS = [
    story("branch_case", "A rank by CASE on what was said is refused into a table without the label.", 4),
    story("branch_exists", "A constant that is written if anybody asked about a building is refused.", 1),
    story("branch_order", "A constant, of a row that was chosen by what was said, is refused.", 1),
    story("join_counts", "A join that only counts is refused: whom it counts is governed.", 1),
]
