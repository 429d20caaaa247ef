"""69 · Enforce, in Python: through a cache, through a memory: the ways back into a service that are no table.

What is kept under one label and read back under another is laundered.  Each way that this stack has is tried with a
requirement in enforcement:

- *a cache*: inference keeps its answers for whoever asks the same.  In a request that came with what a bystander
  said, whatever is made is hers too; the cache carries no label of hers, and nothing is put into it;
- *a memory*: features that a job made of a wearer's profile come back into her next prompt.  The policy service
  judges the flow from the table's labels to the prompt's before anything is read: she is answered without a memory.

Tables and files: scenarios 31, 32 and 67; an export for another purpose: 35; a log: 66; a debug log: 65.  A file that
nobody registered takes nothing once something governed was read (tests/enforce/test_guard.py).
"""

from __future__ import annotations

from typing import Any

from sim.scenario.schema import Expectation, Scenario, Step, World, expect, step

GLASSES, BYSTANDER, PROFILE = "glasses-interaction-purpose", "bystander-answers-only", "wearer-profile-apart"
CACHE, MEMORY = "inference:answers", "query:assistant_memory"
FEATURES = "warehouse:feature.assistant"


def story(name: str, about: str, requirements: tuple[str, ...], steps: tuple[Step, ...], *expected: Expectation,
          **world: Any) -> Scenario:
    return Scenario(name=name, stage="enforce", seed=69, about=about, steps=steps, expect=expected,
                    world=World(wearers=2, regions=("US",), requirements=requirements, **world))


def ask(bystanders: int) -> Step:
    return step("ask", wearers="all", question="What did she say?", location=False, geotag=False, verbatim=True,
                bystanders=bystanders, go_on=True)


def cached(count: int) -> Expectation:
    return expect("enforce", "happened", process="inference", op="write", at=CACHE, count=count)


REMEMBERED = (step("enrol", wearers="all"),
              step("ask", wearers="all", question="What is that building?", verbatim=True),
              step("schedule", from_="2026-01-05"),
              step("ask", wearers="all", question="Who built it?", location=False, geotag=False, verbatim=True))
COMPLETE = expect("discover", "complete", operations=1.0, invented=0)

SCENARIOS = [
    story("laundered-through-a-cache", "Nothing is put into a cache in a request that came with a bystander's words.",
          (GLASSES, BYSTANDER), (ask(0), ask(1)),
          COMPLETE,
          expect("enforce", "flow_refused", from_="rpc:inference.Generate.request", code="PAI302"),
          # By the journal inference was asked, and kept nothing.
          expect("enforce", "happened", process="inference", op="read", at="rpc:inference.Generate.request", count=4),
          cached(0),
          answers=8),
    story("cache-without-bystanders", "Without that requirement answers are kept, but none with a bystander in it.",
          (GLASSES,), (ask(0), ask(1)),
          COMPLETE,
          # The first of the two who met nobody; the other is told what was kept, and the last two are not kept at all.
          cached(1),
          expect("enforce", "answer", contains="Somebody said", count=2),
          expect("enforce", "remains", of="device:glasses#overheard", in_="any", places=1),
          answers=8),
    story("laundered-through-a-memory", "Features made of a profile are not read back into a prompt without its label.",
          (GLASSES, PROFILE), REMEMBERED,
          COMPLETE,
          expect("enforce", "decision", job=MEMORY, is_="blocked", code="PAI302"),
          expect("enforce", "moved", from_=FEATURES, to=MEMORY, rows=0),
          # The job that made them may: its table carries both labels.
          expect("enforce", "decision", job="job:assistant_features", is_="allowed"),
          expect("enforce", "happened", process="warehouse", op="write", at=FEATURES, count="> 0"),
          expect("enforce", "answer", contains="You last asked", count=0),
          memory=True),
    story("memory-without-that-requirement", "Without that requirement the features come back, and change the answers.",
          (GLASSES,), REMEMBERED,
          COMPLETE,
          expect("enforce", "moved", from_=FEATURES, to=MEMORY, rows=2),
          expect("enforce", "answer", contains="You last asked", count=2),
          memory=True),
]
