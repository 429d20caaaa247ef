"""[C] and [D] The field-level edges of bundled scenarios, written by hand from what the services are meant to do.

``{a,b}`` stands for each of its parts, `` | `` between sources.  Edges at activities are left out: they say who used
data, not where data went.
"""

from __future__ import annotations

import re
from itertools import product

# A question with a picture, as scenarios ask it: two models have a part in the answer.
ASK = """
web:prompt#prompt -> rpc:inference.Generate.request#prompt
web:prompt#image -> rpc:inference.Generate.request#image
web:prompt#location -> rpc:inference.Generate.request#location
rpc:inference.Generate.request#{prompt,image,location} -> rpc:inference.Generate.response#answer
rpc:inference.Generate.request#location -> rpc:inference.Generate.response#scene
checkpoint:sign_reader#weights@1 | checkpoint:assistant#weights@1 -> rpc:inference.Generate.response#answer
"""
# The two checkpoints that every scenario begins with, each trained on a corpus of its own.
BASES = """
file:corpus/landmarks.tsv -> checkpoint:assistant#weights@1
file:corpus/characters.tsv -> checkpoint:sign_reader#weights@1
rpc:training.Train.request#manifest -> checkpoint:{assistant,sign_reader}#manifest@1
rpc:training.Train.request#manifest -> rpc:inference.Load.request#checkpoint
rpc:training.Train.request#manifest -> rpc:policy.Admit.request#{activity,inputs,origins,purpose,region}
rpc:training.Train.request#purpose -> rpc:policy.Admit.request#purpose
rpc:inference.Load.request#checkpoint -> rpc:inference.Load.response#serving
"""
# What is asked of the warehouse for the inputs of a manifest, before anybody is admitted.
DESCRIBED = "rpc:training.Train.request#manifest -> rpc:warehouse.Describe.request#table"
# assistant_eval: utterance and answer of the daily table, with whatever a row was made under as its key; and whose
# rows they were, by pseudonym, so that a later withdrawal is found.
EVAL = """
rpc:training.Train.request#manifest -> rpc:warehouse.Read.request#{table,columns,activity}
warehouse:core.daily_sessions#utterance -> rpc:warehouse.Read.response#core.daily_sessions.utterance
warehouse:core.daily_sessions#answer -> rpc:warehouse.Read.response#core.daily_sessions.answer
rpc:warehouse.Read.response#core.daily_sessions.{utterance,answer} -> checkpoint:assistant#weights@2
rpc:training.Train.request#manifest -> checkpoint:assistant#manifest@2
warehouse:core.daily_sessions#wearer -> rpc:warehouse.Read.response#core.daily_sessions.wearer
rpc:warehouse.Read.response#core.daily_sessions.wearer -> checkpoint:assistant#manifest@2
"""

# Weights that go on from others, beside landmarks; and of whose manifest their own tells whose rows they are.
TUNED = """
checkpoint:assistant#weights@2 | file:corpus/landmarks.tsv -> checkpoint:assistant#weights@3
checkpoint:assistant#manifest@2 | rpc:training.Train.request#manifest -> checkpoint:assistant#manifest@3
checkpoint:assistant#weights@1 | file:corpus/landmarks.tsv -> checkpoint:ads_guide#weights@1
rpc:training.Train.request#manifest -> checkpoint:ads_guide#manifest@1
checkpoint:assistant#weights@3 -> rpc:inference.Generate.response#answer
"""
# A student: what it asks is a file's, what it learns are the answers, which are made of its teacher's weights.
TAUGHT = """
rpc:training.Train.request#manifest -> rpc:inference.Generate.request#model
file:corpus/landmarks.tsv -> rpc:inference.Generate.request#prompt
checkpoint:assistant#weights@2 -> rpc:inference.Generate.response#answer
file:corpus/landmarks.tsv | rpc:inference.Generate.response#answer -> checkpoint:assistant_small#weights@1
checkpoint:assistant#manifest@2 | rpc:training.Train.request#manifest -> checkpoint:assistant_small#manifest@1
"""
# Features of the rows that a region chooses: region decides, and is not sent.
EXTRACTED = """
rpc:training.Train.request#manifest -> rpc:warehouse.Read.request#where
warehouse:core.daily_sessions#{session,region} -> rpc:warehouse.Read.response#core.daily_sessions.session
warehouse:core.daily_sessions#region -> rpc:warehouse.Read.response#core.daily_sessions.utterance
rpc:warehouse.Read.response#core.daily_sessions.session -> feature:session_topics#row@1
rpc:warehouse.Read.response#core.daily_sessions.utterance -> feature:session_topics#topic@1
checkpoint:assistant#weights@2 -> feature:session_topics#topic@1
rpc:training.Train.request#manifest -> feature:session_topics#manifest@1
"""

WRITTEN = {
    "fine-tune-of-a-tainted-base": (ASK, BASES, DESCRIBED, EVAL, TUNED),
    "ads-learn-from-the-assistant": (ASK, BASES, DESCRIBED, EVAL, TAUGHT),
    "feature-extraction": (ASK, BASES, DESCRIBED, EVAL, EXTRACTED),
    "inference-rpc": (ASK, BASES),
    "training-manifest": (ASK, BASES, DESCRIBED, EVAL,
                          "checkpoint:assistant#weights@2 -> rpc:inference.Generate.response#answer"),
    "training-refused": (ASK, BASES, DESCRIBED, EVAL),
    "secret-on-a-sign": (ASK, BASES),
}


def edges(*texts: str) -> set[tuple[str, str]]:
    """(from, to).

    >>> sorted(edges("a:b#{c,d} -> e:f#g"))
    [('a:b#c', 'e:f#g'), ('a:b#d', 'e:f#g')]
    """
    found = set()
    for line in filter(None, "\n".join(texts).splitlines()):
        sources, _, target = line.partition(" -> ")
        found |= {(source, to) for part in sources.split(" | ") for source in _each(part) for to in _each(target)}
    return found


def _each(name: str) -> list[str]:
    parts = [part.split(",") for part in re.split(r"[{}]", name)]
    # Outside braces a comma is no separator; no name has one.
    return ["".join(chosen) for chosen in product(*parts)]
