"""33 · Enforce, in Python: statements that show nothing sensitive, and tell it all the same.

Each of three jobs writes a region and a number.  Neither is governed; what decides which rows there are, is:
a join on who asked, a group for each wearer, a count of one wearer's questions.  An aggregate frees no data, for a
group may be one person: only a reviewed reclassification could.  So each job is refused into a table without the
label, and runs into one that carries it.
"""

from __future__ import annotations

from sim.scenario.schema import Scenario, World, expect, step


def story(name: str, job: str, about: str, rows: int) -> Scenario:
    """``rows``: what the job writes where it may."""
    refused, kept = f"job:{job}_open", f"job:{job}_kept"
    sessions = "warehouse:core.sessions"
    return Scenario(
        name=name,
        stage="enforce",
        seed=33,
        about=about,
        world=World(wearers=4, regions=("US", "NO")),
        steps=(step("ask", wearers="all", question="What is that building?", times=2),
               step("batch", job=f"jobs/{job}_open.sql"), step("batch", job=f"jobs/{job}_kept.sql")),
        expect=(
            # Declared as well: known before anything runs.
            expect("discover", "path", from_=f"{sessions}#wearer", to=f"warehouse:core.{job}_open", state="declared"),
            expect("discover", "path", from_=f"{sessions}#wearer", to=f"warehouse:core.{job}_kept#times", family="B"),
            expect("discover", "no_path", from_=f"{sessions}#utterance", to=f"warehouse:core.{job}_kept"),
            expect("discover", "complete", operations=1.0, invented=0),
            expect("enforce", "decision", job=refused, is_="blocked", code="PAI302"),
            expect("enforce", "moved", from_=sessions, to=refused, rows=0),
            expect("enforce", "decision", job=kept, is_="allowed"),
            expect("enforce", "moved", from_=sessions, to=kept, rows=rows),
            expect("demonstrate", "finding", code="PAI405", count=0),
            expect("demonstrate", "evidence", zone="glasses-interactions", verdict="holds"),
        ),
    )


SCENARIOS = [
    story("join-on-a-sensitive-key", "asked_again",
          "A join on who asked, with no sensitive output, is refused into a table without the label.", 8),
    story("group-for-each-wearer", "one_wearer",
          "A count for each wearer, without her name, is refused into a table without the label.", 4),
    story("count-of-one-wearer", "group_of_one",
          "A count that can be of one wearer only is refused into a table without the label.", 1),
]
