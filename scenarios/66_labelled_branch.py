"""66 · Enforce, in Python: a branch on what was said that copies no value of it.

    rank = 1 if "building" in utterance else 0

Nothing of the utterance is in the rank, and the producer says so (`sources` names the session alone); a probe that
compares texts finds nothing either.  A zone is not fooled: what a request has read is the label of all that it
writes, whatever the writer says it is made of.  The event of the rank is an entry of its own, in a category that
carries no annotation: the web service's guard refuses it before it is sent.  Into a category whose rank carries the
annotation it goes, and whoever reads it there is held to the requirement.  (Lineage follows what a writer says, so it
has no edge from the words to the rank: one more reason why enforcement does not ask it.)

The category's fields are operational through and through.  For an acknowledgement or a count that is enough to pass
(a stated limit of Policy Zones: error codes and row counts are observable, scenario 68); for an entry of a log it is
not, because somebody chooses what stands in it.
"""

from __future__ import annotations

from sim.scenario.schema import Scenario, Step, World, expect, fault, step

ASK = "What is that building?"
APPENDED = "rpc:logger.Append.request"


def story(category: str, about: str, *expected: object, after: tuple[Step, ...] = ()) -> Scenario:
    """The first two questions are logged as ever, the other two by the careless edit."""
    return Scenario(
        name=f"labelled-branch-{category.replace('_', '-')}",
        stage="enforce",
        seed=66,
        about=about,
        world=World(wearers=2, regions=("US",)),
        steps=(step("ask", wearers="all", question=ASK, times=2, verbatim=True, go_on=True), *after, step("flush")),
        faults=(fault("labelled_branch", category=category, when="building", config=f"logger/{category}.yaml",
                      table=f"logger/tables/{category}.sql", after=2),),
        expect=expected,  # type: ignore[arg-type]
    )


SCENARIOS = [
    story("ranks", "A rank that a branch on the wearer's words decided is refused into a log without the label.",
          # The control: all four questions went to the model; of two the event was stopped.
          expect("discover", "path", from_="device:glasses#utterance", to="warehouse:core.sessions"),
          expect("discover", "complete", operations=1.0, invented=0),
          expect("enforce", "step", name="ask", is_="blocked", code="PAI302", count=1),
          expect("enforce", "flow_refused", from_="web:ask", code="PAI302"),
          # The journal: of those two nothing reached the logger.
          expect("enforce", "happened", process="inference", op="read", at="rpc:inference.Generate.request", count=4),
          expect("enforce", "happened", process="logger", op="read", at=APPENDED, count=2),
          expect("demonstrate", "evidence", zone="glasses-interactions", verdict="holds")),
    story("ranks_kept", "The same rank goes into a log that carries the label, and stays in the zone.",
          expect("discover", "complete", operations=1.0, invented=0),
          expect("enforce", "step", name="ask", is_="done", count=1),
          expect("enforce", "happened", process="logger", op="read", at=APPENDED, count=4),
          expect("enforce", "appended", to="warehouse:core.ranks_kept#rank", rows=2),
          # Whoever reads the rank is held to the requirement.
          expect("enforce", "decision", job="query:rank_for_ads", is_="blocked", code="PAI301"),
          expect("enforce", "moved", from_="warehouse:core.ranks_kept", to="query:rank_for_ads", rows=0),
          expect("enforce", "decision", job="query:rank_for_safety", is_="allowed"),
          expect("enforce", "moved", from_="warehouse:core.ranks_kept", to="query:rank_for_safety", rows=2),
          after=(step("submit", sql="jobs/rank_for_ads.sql"), step("submit", sql="jobs/rank_for_safety.sql"))),
]
