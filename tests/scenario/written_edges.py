"""[C] and [D] The field-level edges of bundled scenarios, written by hand from what the services are meant to do.

``{a,b}`` stands for each of its parts, `` | `` between sources.  Edges at activities are left out: they say who used
data, not where data went.

Written are scenarios about inference and training: 03 to 05, and 73 to 94.  Not written: 93 and the second one of 90;
and those of which no edge differs from one that is: 75 and 76 (as 05: a manifest that is swapped moves nothing, and of
a read that is refused nothing but the request moves, which the next run's moves as well) and both of 79 (as 04 and 78:
what is written twice is one edge, and who is killed before the next write has made none).

What describes data is no data here, as the services say themselves: the catalog's labels and snapshots, tokens, digests
and counts, what an executed manifest keeps of an admission (of all that, only the run's own manifest is followed into a
question to the policy service); nor is what keeps rows back that are withheld, which is a decision.
"""

from __future__ import annotations

import re
from itertools import product

from tests.scenario.written_answers import ANSWERS
from tests.scenario.written_runs import HIDDEN, RUNS

__all__ = ["HIDDEN", "WRITTEN", "edges"]

WRITTEN: dict[str, tuple[str, ...]] = RUNS | ANSWERS


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
