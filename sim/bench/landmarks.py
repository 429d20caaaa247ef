"""Rows to learn from, as the bundled corpus has them but as many as are wanted: invented landmarks, all distinct.

Questions and answers have as many words as those of ``services/training/corpus/landmarks.tsv``, about, and share them
as theirs do; no two rows have the same question.  Nothing is collected and nobody has said it.
"""

from __future__ import annotations

from sim.world.random import keyed

_ASKED = ("What is that building?", "What am I looking at?", "Who built it?", "When was it built?")
_FIRST = ("Old", "New", "Great", "Royal", "Northern", "Harbour", "Market", "Garden", "Silver", "Upper", "Lower",
          "Little", "King's", "Queen's", "Forest", "River", "Stone", "Saint")
_NAMES = ("Olav", "Halvor", "Ingrid", "Anders", "Maria", "Victor", "Leif", "Astrid", "Magnus", "Karin", "Erik", "Sofia",
          "Ragnar", "Elsa", "Tove", "Henrik", "Nils", "Signe", "Jonas", "Freya")
_WHAT = ("bridge", "tower", "hall", "cathedral", "opera", "museum", "station", "library", "theatre", "palace", "gate",
         "lighthouse")
_WHERE = ("Oslo", "Trondheim", "Stockholm", "Bergen", "Paris", "Rome", "Agra", "London", "Berlin", "Sydney", "Tokyo",
          "Seattle")
_OF = ("granite", "white marble", "red brick", "glass and steel", "green copper", "grey sandstone", "oak", "concrete")
_SAID = ("slopes into the water so that people can walk on it", "holds a market each Saturday", "is lit all night long",
         "can be climbed by three hundred steps", "hides a garden in its yard", "stands over an older chapel",
         "was burnt down and rebuilt twice", "is known for its bells")
# Different questions that there are.
MOST = len(_ASKED) * len(_FIRST) * len(_NAMES) * len(_WHAT) * len(_WHERE)


def rows(count: int, seed: int, part: str = "") -> list[tuple[str, str]]:
    """``count`` (question, answer) rows, at most ``MOST``; equal arguments give equal rows.

    >>> len({question for question, _ in rows(500, 1)})
    500
    >>> rows(3, 1) == rows(3, 1) != rows(3, 2)
    True
    """
    if count > MOST:
        raise ValueError(f"{count} rows are wanted, and {MOST} questions are different")
    chance = keyed(seed, "landmarks", part)
    found: dict[str, str] = {}
    while len(found) < count:
        what, where = chance.choice(_WHAT), chance.choice(_WHERE)
        name = f"{chance.choice(_FIRST)} {chance.choice(_NAMES)} {what.title()}"
        found[f"{chance.choice(_ASKED)} {name} {where}"] = (
            f"That is the {name} of {where}: a {what} of {chance.choice(_OF)}, finished in "
            f"{chance.randrange(1100, 2020)}, which {chance.choice(_SAID)}.")
    return list(found.items())
