"""65 · Enforce, in Python: an exception whose stack trace carries what somebody said into a debug log.

A call fails inside a service, and the error quotes the message that could not be sent.  Nobody writes a wearer's
words into a debug log on purpose; a traceback does.

The debug log is an ordinary sink: a file through PrivacyLib, with a label that has no annotation.  So its text is a
write like any other, and the guard judges it by what the request has read.  After the wearer's question was read,
the code, the type and the place are kept, which stand in the source anyway, and the text is not.  The second story
is of a failure before any governed data was read: it may be kept whole.  In the third the requirement is only tried
out (logging mode), and the words are in the file: so the search of the first story would have found them.

Not hidden: that a request failed, and where.  Error codes are observable, a limit that Policy Zones state.
"""

from __future__ import annotations

from sim.scenario.schema import Expectation, FaultSpec, Scenario, Step, World, expect, fault, step

ENFORCED, TRIED = "glasses-interaction-purpose", "logger/glasses-interaction-logging.yaml"
SAID = "device:glasses#utterance"
ASK = step("ask", wearers="all", question="Is my friend Ludmila Quastenberg at this address?", verbatim=True, times=2,
           go_on=True)


def story(name: str, about: str, crash: FaultSpec, *expected: Expectation, requirement: str = ENFORCED,
          after: tuple[Step, ...] = ()) -> Scenario:
    return Scenario(name=name, stage="enforce", seed=65, about=about,
                    world=World(wearers=2, regions=("US",), requirements=(requirement,)),
                    steps=(ASK, *after), faults=(crash,), expect=expected)


SCENARIOS = [
    story("stack-trace", "A stack trace that quotes a wearer is kept out of the debug log, but for its place.",
          fault("crash", method="Inference/Generate", after=2),
          expect("enforce", "step", name="ask", is_="failed", code="PAI031", count=1),
          # The decision: everything that the request had read against a file without the annotation.
          expect("enforce", "flow_refused", from_="web:ask", code="PAI302"),
          # By the journal the place was written, twice, and the text never …
          expect("enforce", "happened", process="web", op="write", at="file:debug/web.places", count=2),
          expect("enforce", "happened", process="web", op="write", at="file:debug/web.traces", count=0),
          # … and by a search of every file of the run her words are in no debug log, in no form.
          expect("enforce", "remains", of=SAID, in_="file:debug/web.places", places=0),
          expect("enforce", "remains", of=SAID, in_="file:debug/web.traces", places=0),
          # They do lie where they may: in the table of sessions, of the questions before.
          expect("enforce", "remains", of=SAID, in_="warehouse:core.sessions", places=1)),
    story("stack-trace-before-data", "A failure before any governed data was read is kept whole in the debug log.",
          fault("crash", method="Policy/Admit", after=2),
          expect("enforce", "step", name="train", is_="failed", code="PAI031", count=1),
          expect("enforce", "happened", process="training", op="write", at="file:debug/training.places", count=1),
          expect("enforce", "happened", process="training", op="write", at="file:debug/training.traces", count=1),
          # No word of a wearer's is in any file, the store of lineage among them.
          expect("enforce", "remains", of=SAID, in_="file", places=0),
          after=(step("batch", job="daily_sessions"), step("train", manifest="ads_ranker", go_on=True))),
    story("stack-trace-in-logging-mode", "While the requirement is only tried out, the words are in the debug log.",
          fault("crash", method="Inference/Generate", after=2),
          expect("enforce", "step", name="ask", is_="failed", code="PAI031", count=1),
          expect("discover", "path", from_=SAID, to="file:debug/web.traces"),
          expect("enforce", "happened", process="web", op="write", at="file:debug/web.traces", count=2),
          expect("enforce", "remains", of=SAID, in_="file:debug/web.traces", places=1),
          expect("enforce", "remains", of=SAID, in_="file:debug/web.places", places=0),
          requirement=TRIED),
]
