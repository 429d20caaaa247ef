"""k-anonymity of what a reviewed aggregate releases, and of the differences between its releases: pure functions.

A *group* is the rows that one released row stands for, a *release* the groups that one job writes.  Everything of a
release stands for at least K subjects when each of its groups does.  Two releases can be subtracted: what is in one
group and not in another is told by the two values.  So a release is refused too if some group of it, or all of its
groups together, differs from a group, or all groups together, that were released before, by rows of at least one and
fewer than K subjects.  Another day's rows are other rows, so disjoint windows differ by everything they have; a window
that grows differs by who came anew, or asked once more.

Rows and subjects are kept as keyed hashes (HMAC-SHA256), which whoever lacks the key can't try names against.

Limits: compared are pairs, not sums of any choice of groups; only releases under a review of the same requirement and
column are remembered; a sum to which one subject gives almost everything is not noticed, nor what is learnt from a
group that is missing, or from the ranks of those that are there; K subjects who all say the same say it of each other.

>>> earlier = [group(b"key", Counter({("a", "1"): 1, ("b", "2"): 1, ("c", "3"): 1}))]
>>> later = group(b"key", Counter({("a", "1"): 1, ("b", "2"): 1, ("c", "3"): 1, ("d", "4"): 1}))
>>> problem([later], earlier, 3)
'its difference to an earlier release is of 1, and 3 are claimed'
>>> problem(earlier, earlier, 3), problem([later], [], 5)
('', 'a row of it stands for 4, and 5 are claimed')
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

# A row's hash → its subject's.
Group = Mapping[str, str]
_DIGITS = 24


def group(key: bytes, rows: Counter[tuple[str, str]]) -> Group:
    """``rows``: (subject, row) → how often; a row that is there twice is two."""
    found: dict[str, str] = {}
    for (subject, row), times in rows.items():
        whose = _hash(key, subject)
        found |= {_hash(key, subject, row, str(number)): whose for number in range(times)}
    return found


def together(groups: Iterable[Group]) -> Group:
    return {row: subject for one in groups for row, subject in one.items()}


def problem(groups: Sequence[Group], earlier: Iterable[Group], k: int) -> str:
    """Why these groups may not be released after the earlier ones, or nothing."""
    for one in groups:
        if (subjects := len(set(one.values()))) < k:
            return f"a row of it stands for {subjects}, and {k} are claimed"
    # Groups that share no row differ by all that is in them.
    of_row: dict[str, list[int]] = {}
    known = list(earlier)
    for at, one in enumerate(known):
        for row in one:
            of_row.setdefault(row, []).append(at)
    for one in (*groups, *([together(groups)] if len(groups) > 1 else [])):
        for at in sorted({at for row in one for at in of_row.get(row, ())}):
            subjects = len(apart(one, known[at]))
            if 0 < subjects < k:
                return f"its difference to an earlier release is of {subjects}, and {k} are claimed"
    return ""


def apart(one: Group, other: Group) -> set[str]:
    """The subjects of the rows that are in one of the two groups alone."""
    return {one.get(row) or other[row] for row in one.keys() ^ other.keys()}


def line(requirement: str, of: str, groups: Sequence[Group]) -> str:
    """A release, for the file in which they are remembered."""
    kept = [*groups, *([together(groups)] if len(groups) > 1 else [])]
    return json.dumps([requirement, of, [dict(sorted(one.items())) for one in kept]], separators=(",", ":")) + "\n"


def read(text: str) -> tuple[str, str, list[Group]]:
    """Raises ValueError for a line that :func:`line` cannot have made."""
    try:
        requirement, of, groups = json.loads(text)
        return str(requirement), str(of), [{str(row): str(subject) for row, subject in one.items()} for one in groups]
    except (TypeError, AttributeError, ValueError) as error:
        raise ValueError("a release that cannot be read") from error


def _hash(key: bytes, *parts: str) -> str:
    return hmac.new(key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()[:_DIGITS]
