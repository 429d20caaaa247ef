"""[C] Written edges of scenarios about serving: several models, an index, shares of the requests, a classifier."""

from __future__ import annotations

from tests.scenario.written_groups import (
    ASK,
    BASES,
    CONVERSED,
    QUESTION,
    SHOWN,
    WITHDRAWN,
    answered,
    corpus,
    daily,
    learnt,
    lines,
    sent,
    weights,
)

EMBEDDER = learnt("embedder@1", *corpus("landmarks", "builders", "cards"))
# 85: the index is made twice, of the daily table and the embedder; what it holds is in answers (looked_up.py).
INDEXED = "\n".join((
    EMBEDDER, daily("assistant_index@1", weights("embedder@1")), daily("assistant_index@2", weights("embedder@1")),
    WITHDRAWN, answered("assistant_index@1", "assistant_index@2")))

# 86: what is remembered is read by web, of one wearer's row: whose it is chooses it (services/web/memory.py).
REMEMBERED = "\n".join((
    "web:session#wearer -> rpc:warehouse.Read.request#subject",
    sent("feature.assistant", "last_place", "last_asked", "language", by="subject", key="wearer"),
    "web:prompt#memory -> rpc:inference.Generate.request#memory",
    "rpc:inference.Generate.request#memory -> rpc:inference.Generate.response#answer"))
# 86: the assistant itself answers in conversations only; a vector is made of its text and of the embedder.
SEVERAL = "\n".join((
    learnt("scene@1", *corpus("scenes")), learnt("overlay@1", *corpus("cards")), EMBEDDER,
    learnt("personal@1", *corpus("builders", "cards")),
    answered("sign_reader@1", "scene@1", "personal@1"),
    SHOWN, lines(["rpc:inference.Overlay.request#location", weights("overlay@1")],
                 "rpc:inference.Overlay.response#text"),
    CONVERSED, lines(["rpc:inference.Converse.request#{prompt,location}", weights("assistant@1")],
                     "rpc:inference.Converse.response#part"),
    lines(["rpc:inference.Embed.request#items", weights("embedder@1")], "rpc:inference.Embed.response#vectors")))

# 87: what the operator says is served is written down, and told (services/inference/{registry,traffic}.py): of a
# roll-out the share decides whether the candidate is what is served; of a way back, whose.
SHARED = """
rpc:inference.RollOut.request#{checkpoint,share} -> rpc:inference.RollOut.response#serving
rpc:inference.RollOut.request#{checkpoint,share} -> file:serving/assistant.json#traffic
rpc:inference.RollBack.request#model -> rpc:inference.RollBack.response#serving
rpc:inference.RollBack.request#model -> file:serving/assistant.json#traffic
"""

# 88: which classifier is served is written down from the first one on, as it is loaded.
CLASSIFIER = (learnt("safety@1", *corpus("safety"))
              + "rpc:inference.Load.request#checkpoint -> file:serving/safety.json#traffic\n")


def reviewed(field: str, response: str, *sources: str) -> str:
    """88: a field of a response is a draft first; it leaves if the classifier passes it, so both are in what leaves
    (services/inference/review.py)."""
    draft, review = f"inference:draft#{field}", f"inference:review#{field}"
    return "\n".join((lines(sources, draft), lines([draft, weights("safety@1")], review),
                      lines([draft, review], response)))


REVIEWED = "\n".join((
    reviewed("answer", "rpc:inference.Generate.response#answer",
             "rpc:inference.Generate.request#{prompt,image,location}",
             weights("sign_reader@1"), weights("assistant@1")),
    CONVERSED, reviewed("part", "rpc:inference.Converse.response#part",
                        "rpc:inference.Converse.request#{prompt,location}", weights("assistant@1")),
    # A title is a known place's name, which nobody reads before it leaves.
    SHOWN, reviewed("text", "rpc:inference.Overlay.response#text", "rpc:inference.Overlay.request#location",
                    weights("assistant@1"))))

ANSWERS = {
    "embedding-index": (ASK, BASES, INDEXED),
    "several-models": (QUESTION, BASES, SEVERAL, REMEMBERED),
    "rolled-out": (ASK, BASES, daily("assistant@2", *corpus("landmarks")), SHARED, answered("assistant@2")),
    # The first six answers leave unread.
    "withheld": (ASK, BASES, CLASSIFIER, REVIEWED),
}
