"""[C] and [D] Groups of written edges that many scenarios share: a question's way, a read of the warehouse, a run.

A line is in the notation of ``written_edges``; what is said of a service is said from its code, named in the comment.
"""

from __future__ import annotations

from collections.abc import Iterable

MANIFEST = "rpc:training.Train.request#manifest"
# What a run is asked for with.
ASKED = (MANIFEST, "rpc:training.Train.request#purpose")
DAILY = "core.daily_sessions"


def weights(checkpoint: str) -> str:
    """Of "assistant@2"."""
    return "checkpoint:{}#weights@{}".format(*checkpoint.split("@"))


def manifest(checkpoint: str) -> str:
    return "checkpoint:{}#manifest@{}".format(*checkpoint.split("@"))


def corpus(*names: str) -> list[str]:
    return [f"file:corpus/{name}.tsv" for name in names]


def cells(table: str, *columns: str) -> list[str]:
    """Of a table, as the warehouse sends them."""
    return [f"rpc:warehouse.Read.response#{table}.{column}" for column in columns]


def lines(sources: Iterable[str], *targets: str) -> str:
    """Each source into each target."""
    said = " | ".join(sources)
    return "\n".join(f"{said} -> {target}" for target in targets)


# --- C: a question (services/web/prompt.py, services/inference/question.py) ---------------------------------------

# A question with a picture, as scenarios ask it; what answers it is said by ``answered``.
QUESTION = """
web:prompt#prompt -> rpc:inference.Generate.request#prompt
web:prompt#image -> rpc:inference.Generate.request#image
web:prompt#location -> rpc:inference.Generate.request#location
rpc:inference.Generate.request#{prompt,image,location} -> rpc:inference.Generate.response#answer
rpc:inference.Generate.request#location -> rpc:inference.Generate.response#scene
"""


def answered(*checkpoints: str) -> str:
    """The weights that have a part in an answer."""
    return lines(map(weights, checkpoints), "rpc:inference.Generate.response#answer")


# Two models have a part in an answer to a question with a picture: one reads its signs.
ASK = QUESTION + answered("sign_reader@1", "assistant@1")
# A conversation of one turn, which has no history; an overlay without a gesture (services/web/{dialogue,place}.py).
CONVERSED = "web:dialogue#prompt -> rpc:inference.Converse.request#prompt\n" \
            "web:dialogue#location -> rpc:inference.Converse.request#location"
SHOWN = "web:place#location -> rpc:inference.Overlay.request#location\n" \
        "rpc:inference.Overlay.request#location -> rpc:inference.Overlay.response#title"

# --- D: a run (services/training/{gate,reader,service}.py) --------------------------------------------------------


def learnt(made: str, *sources: str) -> str:
    """The weights are made of the sources; what stands beside them, of the run's manifest and of its purpose, which the
    caller may say."""
    return lines(sources, weights(made)) + "\n" + lines(ASKED, manifest(made)) + "\n"


# The two checkpoints that every scenario begins with, each trained on a corpus of its own, and served.
BASES = learnt("assistant@1", *corpus("landmarks")) + learnt("sign_reader@1", *corpus("characters")) + """
rpc:training.Train.request#manifest -> rpc:inference.Load.request#checkpoint
rpc:training.Train.request#manifest -> rpc:policy.Admit.request#{activity,inputs,origins,purpose,region}
rpc:training.Train.request#purpose -> rpc:policy.Admit.request#purpose
rpc:training.Train.request#manifest -> rpc:training.Train.response#{checkpoint,serving}
rpc:inference.Load.request#checkpoint -> rpc:inference.Load.response#serving
"""
# What is asked of the warehouse for the inputs of a manifest, before anybody is admitted; and after that.
DESCRIBED = "rpc:training.Train.request#manifest -> rpc:warehouse.Describe.request#table"
READ = "rpc:training.Train.request#manifest -> rpc:warehouse.Read.request#{table,columns,activity}"


def sent(table: str, *columns: str, by: str = "", key: str = "") -> str:
    """Each column into the response, and with it what rows are chosen ``by`` (a field of the request) and what that is
    compared with (``key``, a column)."""
    chosen = [f"rpc:warehouse.Read.request#{by}", f"warehouse:{table}#{key}"] if by else []
    found = [lines([f"warehouse:{table}#{column}", *chosen], *cells(table, column)) for column in columns]
    return "\n".join((*found, ""))


def whose(made: str) -> str:
    """Where the use needs a wearer's consent, the warehouse tells whose a row was, by pseudonym, and the checkpoint's
    own manifest keeps it: so that a later withdrawal is found."""
    return "\n".join((sent(DAILY, "wearer"), lines(cells(DAILY, "wearer"), manifest(made)), ""))


def daily(made: str, *more: str) -> str:
    """A run that learns utterance and answer of the daily table, for assistance; and ``more``."""
    return "\n".join((DESCRIBED, READ, sent(DAILY, "utterance", "answer"),
                      learnt(made, *cells(DAILY, "utterance", "answer"), *more), whose(made)))


# Who has taken consent back is told, by pseudonym, to whoever asks whether a checkpoint may still be made, or served
# (lineage/enforce/pes.py: Recheck); to whom nobody has, nobody is named.
WITHDRAWN = "file:consent.jsonl#wearer -> rpc:policy.Recheck.response#withdrawn"
