"""[D] Written edges of scenarios about runs: what is trained, evaluated, extracted and remedied, and of which rows."""

from __future__ import annotations

from tests.scenario.written_groups import (
    ASK,
    ASKED,
    BASES,
    DAILY,
    MANIFEST,
    WITHDRAWN,
    answered,
    cells,
    corpus,
    daily,
    learnt,
    lines,
    manifest,
    sent,
    weights,
)

# A run that asks a model, of rows that are chosen by region (`where:` of a manifest, services/warehouse/service.py).
CHOSEN = "rpc:training.Train.request#manifest -> rpc:warehouse.Read.request#where\n" \
         "rpc:training.Train.request#manifest -> rpc:training.Train.response#output"
# What a manifest allows to be done goes with the question whether the run may be (services/training/gate.py).
REMEDIES = "rpc:training.Train.request#manifest -> rpc:policy.Admit.request#remedies"

# 81: weights that go on from others, beside landmarks; and of whose manifest their own tells whose rows they are.
TUNED = (learnt("assistant@3", weights("assistant@2"), *corpus("landmarks"))
         + lines([manifest("assistant@2")], manifest("assistant@3")) + "\n"
         + learnt("ads_guide@1", weights("assistant@1"), *corpus("landmarks")))
# 82: a student.  What it asks is a file's, what it learns are the answers, which are made of its teacher's weights.
TAUGHT = (lines([MANIFEST], "rpc:inference.Generate.request#model") + "\n"
          + lines(corpus("landmarks"), "rpc:inference.Generate.request#prompt") + "\n"
          + learnt("assistant_small@1", *corpus("landmarks"), "rpc:inference.Generate.response#answer")
          + lines([manifest("assistant@2")], manifest("assistant_small@1")))


def report(name: str, asked: str) -> str:
    """83: one checkpoint is asked the questions from Norway.  What it says is its answers; what was expected is in the
    figures only; a row has its session's name (services/training/evaluate.py)."""
    made = f"file:reports/{name}#{{}}@1"
    return "\n".join((
        lines([weights(asked), *cells(DAILY, "utterance")], made.format("answer"), made.format("figures")),
        lines(cells(DAILY, "answer"), made.format("figures")),
        lines(cells(DAILY, "session"), made.format("row")),
        lines([*ASKED, *cells(DAILY, "wearer")], made.format("manifest"))))


# 83: base_check and assistant_check read the same columns; ads_check is refused at the gate.
# assistant@2 knows whose rows it was made of, and the report's manifest says so of it.
NORWAY = "\n".join((CHOSEN, sent(DAILY, "session", "utterance", "answer", "wearer", by="where", key="region")))
JUDGED = "\n".join((NORWAY, report("base_check", "assistant@1"), report("assistant_check", "assistant@2"),
                    lines([manifest("assistant@2")], "file:reports/assistant_check#manifest@1")))
# 84: features of the rows that a region chooses: region decides, and is not sent.
EXTRACTED = "\n".join((
    CHOSEN, sent(DAILY, "session", "utterance", "wearer", by="where", key="region"),
    lines(cells(DAILY, "session"), "feature:session_topics#row@1"),
    lines([*cells(DAILY, "utterance"), weights("assistant@2")], "feature:session_topics#topic@1"),
    lines([*ASKED, *cells(DAILY, "wearer"), manifest("assistant@2")], "feature:session_topics#manifest@1")))
# 73: one run without the language, whose other columns nobody's consent is needed for; one of another table than it
# asked for, for safety, which needs no consent either; one without the rows of who has withdrawn.
REMEDIED = "\n".join((
    REMEDIES, sent("core.profiles", "region", "updated_at"),
    learnt("profile_updates@1", *cells("core.profiles", "region", "updated_at")),
    sent(DAILY, "ds", "utterance"), learnt("questions_by_day@1", *cells(DAILY, "ds", "utterance")),
    daily("assistant@2"), WITHDRAWN))
# 89: ads learn from the corpus alone, by all that is said of them …
CITY = learnt("city_ads@1", *corpus("landmarks"))
# … and the table's rows come with it (the fault `hidden_read`), past everything that watches.  Lineage cannot have
# these edges: that it has not, and that the model gives the rows away all the same, is what the scenario shows.
HIDDEN = {"hidden-flow": f"warehouse:{DAILY}#{{utterance,answer}} -> {weights('city_ads@1')}"}
# 90: how answers are worded, by region, without what was asked; of consenting wearers, so it is told whose they are.
WORDED = "\n".join((
    sent(DAILY, "region"), learnt("phrases@1", *cells(DAILY, "region", "answer")),
    lines(cells(DAILY, "wearer"), manifest("phrases@1"))))

START = (ASK, BASES)
RUNS = {
    "inference-rpc": (ASK, BASES),
    "secret-on-a-sign": (ASK, BASES),
    "training-manifest": (*START, daily("assistant@2"), answered("assistant@2")),
    "training-refused": (*START, daily("assistant@2")),
    "remedied": (*START, REMEDIED),
    # What is changed in the store beside PrivacyLib is seen by nobody; only the first checkpoint answers.
    "tampered-checkpoint": (*START, daily("assistant@2"), daily("assistant@3"), daily("assistant@4")),
    # The first run registers nothing, so that the second makes the same version; w-0002 is answered by it.
    # Of two evaluations the second is kept.
    "withdrawn-in-mid-training": (*START, daily("assistant@2"), WITHDRAWN, answered("assistant@2"), NORWAY,
                                  report("base_check", "assistant@1")),
    # Both are served, one after the other, before anybody asks.
    "two-runs-at-once": (*START, daily("assistant@2"), daily("assistant@3"), answered("assistant@3")),
    "fine-tune-of-a-tainted-base": (*START, daily("assistant@2"), TUNED, answered("assistant@3")),
    "ads-learn-from-the-assistant": (*START, daily("assistant@2"), TAUGHT, answered("assistant@2")),
    "evaluation": (*START, daily("assistant@2"), JUDGED),
    "feature-extraction": (*START, daily("assistant@2"), EXTRACTED),
    "hidden-flow": (*START, daily("assistant@2"), CITY),
    "canaries-withheld": (*START, daily("assistant@2"), WORDED, WITHDRAWN),
    # assistant@2 learns the region as well, by the manifest that is sent; assistant@3 is that of 87.
    "changed-manifest": (*START, daily("assistant@2", *cells(DAILY, "region")), sent(DAILY, "region"),
                         daily("assistant@3", *corpus("landmarks"))),
    "withdrawn-and-gone": (*START, daily("assistant@2"), daily("assistant@3"), WITHDRAWN,
                           answered("assistant@2", "assistant@3")),
    "withdrawn-second-hand": (*START, daily("assistant@2"), daily("assistant@3"), WITHDRAWN,
                              answered("assistant@2", "assistant@3")),
    # Nobody asks between the two runs.
    "certificate-of-non-use": (*START, daily("assistant@2"), daily("assistant@3"), WITHDRAWN,
                               answered("assistant@3")),
}
