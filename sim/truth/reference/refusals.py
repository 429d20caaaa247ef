"""Refusals that the PAI has recorded, held against the monitor's own reading: does any requirement ask for them?

Truth.  The PAI's log says that something was refused; whether it had to be is judged here, by the labels beside the
schemas.  What the log names and no schema knows is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sim.truth.reference.flows import Places
from sim.truth.reference.rules import Rule, forbidding_use

_FLOW = re.compile(r"^(\S+) → (\S+): ")


class Refused(NamedTuple):
    """``requirements``: those that ask for it; ``unread``: why the monitor cannot say."""

    what: str
    code: str
    requirements: tuple[str, ...]
    forbidden: tuple[str, ...]
    unread: str = ""


def refused_flows(decisions: Sequence[Mapping[str, Any]], known: Collection[str], places: Places,
                  rules: Mapping[str, Rule]) -> Iterator[Refused]:
    """Of decisions about anything but ``known`` activities, which are judged by what they attempted.

    ``rules``: by id; a decision names the versions that it was made under."""
    for one in decisions:
        if one["verdict"] == "blocked" and one["activity"] not in known:
            yield _refused(one, places, [rules[name] for name in one["requirements"] if name in rules])


def _refused(one: Mapping[str, Any], places: Places, rules: Sequence[Rule]) -> Refused:
    match = _FLOW.match(one["reason"])
    what = one["activity"] or ", ".join(one["inputs"])
    if match:
        source, sink = match[1], match[2]
        if not places.knows(source):
            return Refused(what, one["code"], (), (), f"no schema says what {source} is")
        found = places.forbidding(rules, source, sink)
        return Refused(what, one["code"], tuple(sorted(found)), (f"{source} → {sink}",))
    unlabelled = [name for name in one["inputs"] if places.unlabelled(name)]
    if unlabelled:  # whatever it is, no requirement permits that governed data get there
        return Refused(what, one["code"], tuple(rule.id for rule in rules if rule.enforced), tuple(unlabelled))
    unknown = [name for name in one["inputs"] if not places.knows(name)]
    found = {name for item in one["inputs"] for name in forbidding_use(rules, places.source(item), one["purpose"])}
    why = f"no schema says what {unknown[0]} is" if unknown and not found else ""
    return Refused(what, one["code"], tuple(sorted(found)), tuple(one["inputs"]), why)
