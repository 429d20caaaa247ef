"""[C] What is remembered of a wearer, in her answer: where she was when she last asked, or what it was that she asked.

The place stands in for the one that this question does not tell, so that "Who built it?" has an answer without a
position; and the answer begins with a sentence in the wearer's language, so that she knows that she is remembered.
"""

from __future__ import annotations

from protos.inference_pb2 import Memory
from services.inference.scene import Scene

# By language, as in BCP 47: the sentence about a place, and about a question.  English for any other.
_SENTENCES = {
    "en": ("You last asked about {}.", "You last asked: {}"),
    "nb": ("Sist spurte du om {}.", "Sist spurte du: {}"),
    "sv": ("Sist frågade du om {}.", "Sist frågade du: {}"),
    "da": ("Sidst spurgte du om {}.", "Sidst spurgte du: {}"),
    "de": ("Zuletzt hast du nach {} gefragt.", "Zuletzt hast du gefragt: {}"),
    "fr": ("La dernière fois, il s’agissait de {}.", "La dernière fois, la question était : {}"),
    "es": ("La última vez preguntaste por {}.", "La última vez preguntaste: {}"),
    "it": ("L’ultima volta hai chiesto di {}.", "L’ultima volta hai chiesto: {}"),
    "nl": ("De vorige keer vroeg je naar {}.", "De vorige keer vroeg je: {}"),
}


def place(memory: Memory | None, seen: Scene) -> str:
    """Where the wearer was, where this question does not say where she is; else empty."""
    return memory.last_place if memory is not None and not seen.place else ""


def said(memory: Memory | None, answer: str) -> str:
    """The answer, behind a sentence on what is remembered, if anything is.

    >>> said(Memory(last_place="Eiffel Tower", language="de"), "An iron tower.")
    'Zuletzt hast du nach Eiffel Tower gefragt. An iron tower.'
    >>> said(None, "An iron tower.")
    'An iron tower.'
    """
    if memory is None or not (memory.last_place or memory.last_asked):
        return answer
    about_place, about_question = _SENTENCES.get(memory.language, _SENTENCES["en"])
    sentence = about_place.format(memory.last_place) if memory.last_place else about_question.format(memory.last_asked)
    return f"{sentence} {answer}"
