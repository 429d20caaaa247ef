"""Understand: whether a text names a person.

Capitals alone are as often a landmark's, so a name rests on what stands beside it ("my name is …",
"text …", "my friend …"), or on a known given name.  Not found: names in lower case (except after "my name
is"), names outside the lists without such a cue, scripts without capitals.  A public figure in a question
about a building ("Was this designed by …?") is meant to be passed over.
tests/understand/test_person.py measures both kinds of error.

>>> name_rule("What is that? Text Anna."), name_rule("Who designed the Sagrada Família?")
('name.addressed', '')
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lineage.understand.words import (
    ABBREVIATED,
    ADDRESS,
    AFTER_WITH,
    COMPARED,
    GIVEN_NAMES,
    MESSAGE,
    NOT_A_NAME,
    NOT_PEOPLE,
    PLACE_NOUNS,
    PLAIN,
    PUBLIC,
    RELATION,
)

_TOKEN = re.compile(r"[^\W\d_](?:[^\W\d_]|['’-](?=[^\W\d_]))*|[.!?;:,()\"\n]|\d+")
_INTRODUCED = re.compile(
    r"\bmy (?:full |first |last )?name(?: is|['’]s) (?P<name>[^\W\d_][\w'’-]*)(?P<end>\s*[.,!?]|\s+and\b|\s*$)?",
    re.IGNORECASE,
)


class _Run(NamedTuple):
    """Capitalised words that stand together; the three words before, in lower case; the word after, or ""."""

    words: tuple[str, ...]
    before: tuple[str, ...]
    after: str

    @property
    def given(self) -> bool:
        return self.words[0].lower() in GIVEN_NAMES

    @property
    def of_a_place(self) -> bool:
        lower = {word.lower() for word in self.words}
        return bool(lower & (PLACE_NOUNS | NOT_PEOPLE)) or self.after in PLACE_NOUNS or self.before[-1] == "the"


def name_rule(text: str) -> str:
    """The rule that found a name: "name.introduced", ".addressed", ".relation", ".with", ".full", or ""."""
    found = _INTRODUCED.search(text)
    if found and found["name"].lower() not in NOT_A_NAME and (found["name"][0].isupper() or found["end"] is not None):
        return "name.introduced"
    return next((rule for rule in map(_judge, _runs(text)) if rule), "")


def _judge(run: _Run) -> str:
    third, second, last = run.before
    called_by_all = last == "call" and (second in ("they", "people", "locals") or (third, second) == ("do", "you"))
    strong = ""
    if last in ADDRESS and not called_by_all:
        strong = "name.addressed"
    elif last in RELATION:
        strong = "name.relation"
    elif last == "from" and (second in MESSAGE or (run.given and len(run.words) == 1)):
        strong = "name.addressed"
    elif run.given and (last == "i'm" or (second, last) == ("i", "am")):
        strong = "name.introduced"
    if strong:
        return strong if run.given or not run.of_a_place else ""
    if run.of_a_place:
        return ""
    if last in ("with", "meet", "meeting") and second not in COMPARED:
        return "name.with" if run.given or run.after == "" or run.after in AFTER_WITH else ""
    return "name.full" if run.given and len(run.words) > 1 and last not in PUBLIC else ""


def _runs(text: str) -> Iterator[_Run]:
    """The runs of a text.  The first word of a sentence counts only where it is a known given name."""
    words: list[str] = []
    before = ["", "", ""]
    start = True
    for token in [*_TOKEN.findall(text), "."]:
        lower = token.lower().replace("’", "'")
        if token == "." and before[-1] in ABBREVIATED:
            continue
        if _may_name(token, lower, start=start):
            words.append(re.sub(r"['’]s$", "", token))
            start = False
            continue
        is_word = token[0].isalpha()
        if words:
            yield _Run(tuple(words), (before[-3], before[-2], before[-1]), lower if is_word else "")
            before += [word.lower() for word in words]
            words = []
        if is_word:
            before.append(lower)
            start = False
        elif token in ".!?\n":
            before, start = ["", "", ""], True


def _may_name(token: str, lower: str, *, start: bool) -> bool:
    """A capitalised word, no acronym, and none that is capitalised for its place or as a title."""
    if not token[0].isupper() or (len(token) > 1 and token.isupper()):
        return False
    if lower in PLAIN or lower in ADDRESS or lower in RELATION:
        return False
    return not start or lower.removesuffix("'s") in GIVEN_NAMES
