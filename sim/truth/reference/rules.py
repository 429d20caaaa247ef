"""Requirements as the reference monitor reads them: from their files, by the words of the issue, and by nothing else.

Truth.  A reading of its own: nothing of ``lineage.enforce`` is asked.  It enumerates where the PAI compiles.

A requirement permits a *use* of data that it governs, from an origin, for a purpose, in a region, where every rule that
covers the origin permits it: "*" and each key that is the origin or a group with it (EU); a rule on regions that covers
it not at all restricts nothing.  An origin that is not known may be any.  It permits a *flow* where the sink carries
one of its annotations, too, or where a reviewed reclassification of that very edge has dropped what it governs; a sink
without any label is never permitted.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ruamel.yaml import YAML

EVERYWHERE = "*"
NONE: Mapping[str, str] = MappingProxyType({})
# Regulation (EU) 2016/679 holds in these, by ISO 3166 code.
_EU = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())
GROUPS = {"EU": _EU, "EEA": _EU | {"IS", "LI", "NO"}}


class Rule(NamedTuple):
    """``purposes``, ``regions``, ``consent``: origin, group or "*" → list.  ``lowered``: reviewed lowerings."""

    id: str
    enforced: bool
    governs: frozenset[str]
    purposes: Mapping[str, frozenset[str]]
    regions: Mapping[str, frozenset[str]]
    consent: Mapping[str, frozenset[str]]
    lowered: tuple[Mapping[str, Any], ...] = ()

    def forbids_use(self, annotations: Collection[str], purpose: str, region: str = "",
                    origins: Collection[str] = ()) -> bool:
        """Of a use for ``purpose`` in ``region`` ("" is where the data are) of data from ``origins``."""
        if self.governs.isdisjoint(annotations):
            return False
        return any(not self._permits(purpose, region, origin) for origin in origins or self._any_origin())

    def forbids_flow(self, source: Collection[str], sink: Collection[str] | None, edge: tuple[str, str] = ("", ""),
                     day: str = "", digests: Mapping[str, str] = NONE) -> bool:
        """``sink`` is None where nothing says what it is.  ``edge``: (from, to), as fields or as assets.

        ``day``: of the run.  ``digests``: of what is there by now, "code:module:function" or "sql:job" → digest."""
        dropped = {name for one in self.lowered if is_edge(one, edge) and _holds(one, day, digests)
                   for name in one.get("drops") or ()}
        held = self.governs.intersection(source) - dropped
        return bool(held) and self.restricts and (sink is None or self.governs.isdisjoint(sink))

    def needs_consent(self, annotations: Collection[str], purpose: str, origin: str = "") -> bool:
        """Without an origin: of data from wherever."""
        asked = _covering(self.consent, origin) if origin else list(self.consent.values())
        return not self.governs.isdisjoint(annotations) and any({purpose, EVERYWHERE} & one for one in asked)

    @property
    def restricts(self) -> bool:
        """Whatever it does not restrict may flow anywhere."""
        return any(EVERYWHERE not in allowed for of in (self.purposes, self.regions) for allowed in of.values()) or any(
            self.consent.values())

    def _permits(self, purpose: str, region: str, origin: str) -> bool:
        if not all({purpose, EVERYWHERE} & allowed for allowed in _covering(self.purposes, origin)):
            return False
        return not region or all(_within(region, allowed) for allowed in _covering(self.regions, origin))

    def _any_origin(self) -> Iterator[str]:
        """Where data are from is not known: each origin that a rule names, and one that none does."""
        yield ""
        for name in {*self.purposes, *self.regions} - {EVERYWHERE}:
            yield from GROUPS.get(name, (name,))


def read(text: str) -> Rule:
    """Of a file that the deployment has taken: what is wrong with a file was said before anything started."""
    data = YAML(typ="safe").load(text)
    permit = data["permit"]
    return Rule(f"{data['requirement']}@{data['version']}", data.get("mode", "logging") == "enforcement",
                frozenset(data["governs"]), _by_origin(permit["purposes"]), _by_origin(permit.get("regions")),
                _by_origin(permit.get("consent")), tuple(data.get("reclassify") or ()))


def read_all(folder: Path) -> list[Rule]:
    return [read(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yaml"))]


def in_force(deployed: Iterable[Rule], sent: Iterable[Mapping[str, Any]],
             taken: Callable[[int], bool]) -> list[list[Rule]]:
    """The requirements in force when each of ``sent`` was sent, and after all of them; one that an owner sent to the
    running stack, and that was ``taken``, takes the place of the one of its name."""
    found, now = [], {_name(rule): rule for rule in deployed}
    for at, one in enumerate(sent):
        found.append([now[name] for name in sorted(now)])
        if one["method"] == "Require" and taken(at):
            rule = read(one["request"]["text"])
            now[_name(rule)] = rule
    return [*found, [now[name] for name in sorted(now)]]


def _name(rule: Rule) -> str:
    return rule.id.partition("@")[0]


def forbidding_use(rules: Iterable[Rule], annotations: Collection[str], purpose: str, region: str = "",
                   origins: Collection[str] = ()) -> list[str]:
    """The ids of the enforced requirements that forbid it."""
    return [rule.id for rule in rules if rule.enforced and rule.forbids_use(annotations, purpose, region, origins)]


def forbidding_flow(rules: Iterable[Rule], source: Collection[str], sink: Collection[str] | None,
                    edge: tuple[str, str] = ("", ""), day: str = "", digests: Mapping[str, str] = NONE) -> list[str]:
    """The ids of the enforced requirements that forbid it."""
    return [rule.id for rule in rules if rule.enforced and rule.forbids_flow(source, sink, edge, day, digests)]


def _by_origin(given: Any) -> dict[str, frozenset[str]]:
    """A list is a rule for every origin."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        given = {EVERYWHERE: given}
    return {str(origin): frozenset(map(str, listed or ())) for origin, listed in given.items()}


def _covering(rules: Mapping[str, frozenset[str]], origin: str) -> list[frozenset[str]]:
    """What applies to an origin, which may be a country or a group of them."""
    own = GROUPS.get(origin, frozenset({origin}))
    return [allowed for key, allowed in rules.items()
            if key == EVERYWHERE or own & GROUPS.get(key, frozenset({key}))]


def _within(region: str, allowed: Collection[str]) -> bool:
    """All of the region lies in what is allowed."""
    inside = frozenset[str]().union(*(GROUPS.get(one, frozenset({one})) for one in allowed))
    return EVERYWHERE in allowed or GROUPS.get(region, frozenset({region})) <= inside


def is_edge(entry: Mapping[str, Any], edge: tuple[str, str]) -> bool:
    """The entry names assets or fields; a field is of its asset."""
    return all(end == named or end.partition("#")[0] == named
               for end, named in zip(edge, (str(entry.get("from")), str(entry.get("to"))), strict=True))


def _holds(entry: Mapping[str, Any], day: str, digests: Mapping[str, str]) -> bool:
    """Until its last day, and for the transformation that was reviewed; what cannot be checked does not hold."""
    until = entry.get("until")
    last = until.isoformat() if isinstance(until, datetime.date) else str(until or "")
    now = {digests.get(name) for name in transformations(entry)}
    return bool(day and last) and day <= last and now == {str(entry.get("digest"))}


def transformations(entry: Mapping[str, Any]) -> list[str]:
    """What was reviewed, as "code:module:function" or "sql:job"."""
    return [f"{kind}:{name}" for kind, name in (entry.get("transformation") or {}).items()]
