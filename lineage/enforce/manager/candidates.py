"""Step 2 of the Policy Zone Manager: which assets belong to a requirement's flows, decided with a person (S3, step 2).

From the sources (assets that carry a governed annotation) every flow of high confidence is followed.  What only flows
of low confidence reach is a *candidate*: nothing behind it is looked at until somebody includes it (it is a source
then) or excludes it (and all that is reached through it alone, in cascade).  Repeated until none is undecided.

A proposal for the plan only: what a zone refuses at run time does not depend on what was excluded here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from lineage.discover.entries import KEYED
from lineage.errors import InputError
from lineage.names import asset_of, parse
from lineage.yaml_file import located, tree_of

Edges = Mapping[str, list[dict[str, Any]]]
_KEYS = ("include", "exclude", "block")


@dataclass(frozen=True)
class Decided:
    """Names of assets or of single fields (or activities, in ``block``: whose denial their owner has agreed to)."""

    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    block: frozenset[str] = frozenset()

    def with_more(self, include: Iterable[str], exclude: Iterable[str]) -> Decided:
        """A later word about an asset takes the place of an earlier one.

        Raises InputError (PAI321) for one that is both included and excluded by the same word.
        """
        more, less = frozenset(include), frozenset(exclude)
        if both := sorted(more & less):
            raise InputError("PAI321", f"{both[0]} is both included and excluded", next="decide one of them")
        return Decided((self.include - less) | more, (self.exclude - more) | less, self.block)


class Candidate(NamedTuple):
    """An asset, or a field of one of which other fields are reached with high confidence.  ``by``: the flow of low
    confidence that reaches it."""

    asset: str
    by: dict[str, Any]


@dataclass(frozen=True)
class Flows:
    """``reached``: field-level names that governed data comes to, activities too.  ``cascade``: assets that are only
    reached through an excluded one."""

    sources: tuple[str, ...]
    reached: frozenset[str]
    undecided: tuple[Candidate, ...]
    included: tuple[str, ...]
    excluded: tuple[str, ...]
    cascade: tuple[str, ...]
    rounds: int = field(default=1)


def discover(sources: Iterable[str], edges: Edges, decided: Decided) -> Flows:
    """``edges``: by the name that they leave, of every flow that may be followed.

    Raises InputError: PAI321 where an asset with governed data of its own is excluded.
    """
    began = sorted(sources)
    carrying = {one for name in began for one in (name, asset_of(name))}
    if wrong := sorted(decided.exclude & carrying):
        raise InputError("PAI321", f"{wrong[0]} carries a governed annotation itself, so it is no candidate",
                         next="take the annotation off in its contract, or do not exclude it")
    reached, waiting = _walked(began, edges, decided)
    rounds = 1
    included: set[str] = set()
    confirmed: list[str] = []
    while more := sorted(name for name in waiting if _named(name, decided.include)):
        included.update(_named(name, decided.include) for name in more)
        confirmed += more
        rounds += 1
        reached, waiting = _walked([*began, *confirmed], edges, decided)
    kept = {asset_of(name) for name in reached}
    asked: dict[str, dict[str, Any]] = {}
    for name, edge in sorted(waiting.items()):
        asked.setdefault(name if asset_of(name) in kept else asset_of(name), edge)
    everything = _everything(began, edges)
    excluded = {_named(name, decided.exclude) for name in everything} - {""}
    later = _everything(waiting, edges, decided.exclude)
    cascade = {asset_of(name) for name in everything if name not in later and not _named(name, decided.exclude)} - kept
    return Flows(tuple(began), frozenset(reached), tuple(Candidate(name, asked[name]) for name in sorted(asked)),
                 tuple(sorted(included)), tuple(sorted(excluded)),
                 tuple(sorted(cascade - {asset_of(name) for name in later})) if excluded else (), rounds)


def _named(name: str, among: frozenset[str]) -> str:
    """The field or its asset, where it is among them; else an empty text."""
    return name if name in among else asset_of(name) if asset_of(name) in among else ""


def _walked(start: Iterable[str], edges: Edges, decided: Decided) -> tuple[set[str], dict[str, dict[str, Any]]]:
    """What high confidence reaches, and what low confidence would add, with the flow that says so."""
    begins = frozenset(start)
    reached, queue = set(begins), sorted(begins)
    low: dict[str, dict[str, Any]] = {}
    for name in queue:
        for edge in edges.get(name, ()):
            target = edge["to"]
            apart = edge["evidence"] == [KEYED] and name not in begins
            if apart or (_named(target, decided.exclude) and target not in begins):
                continue
            if edge["confidence"] != "HIGH":
                low.setdefault(target, edge)
            elif target not in reached:
                reached.add(target)
                queue.append(target)
    return reached, {name: edge for name, edge in low.items() if name not in reached}


def _everything(start: Iterable[str], edges: Edges, without: frozenset[str] = frozenset()) -> set[str]:
    seen = set(start)
    queue = sorted(seen)
    for name in queue:
        for edge in edges.get(name, ()):
            if edge["to"] not in seen and not _named(edge["to"], without):
                seen.add(edge["to"])
                queue.append(edge["to"])
    return seen


# --- the file in which the decisions are kept ---------------------------------------------------


def load(path: Path) -> Decided:
    """Nothing is decided where there is no file.  Raises InputError (PAI024), with the line where there is one."""
    try:
        data = tree_of(path, "PAI024") if path.exists() else None
    except OSError as error:
        raise InputError("PAI024", f"cannot be read: {error.strerror}", where=str(path)) from error
    except InputError as error:
        raise InputError("PAI024", f"cannot be read: {error.what}", where=error.where) from error
    if data is None:
        return Decided()
    if not isinstance(data, dict):
        raise InputError("PAI024", f"expected a mapping with {', '.join(_KEYS)}", where=f"{path}:1")
    for key, value in data.items():
        where = located(path, data, key)
        if key not in _KEYS:
            raise InputError("PAI024", f"unknown key {str(key)!r}; keys are {', '.join(_KEYS)}", where=where)
        if value is not None and not (isinstance(value, list) and all(isinstance(name, str) for name in value)):
            raise InputError("PAI024", f"{key} is a list of assets", where=where)
        for name in value or ():
            parse(name)
    found = Decided(*(frozenset(map(str, data.get(key) or ())) for key in _KEYS))
    if both := sorted(found.include & found.exclude):
        raise InputError("PAI321", f"{both[0]} is both included and excluded", where=str(path))
    return found


def text(decided: Decided) -> str:
    """The file: what was decided, to go on with and to be reviewed."""
    lines = ["# What was decided on candidates; `sightline zones plan REQUIREMENT --decisions FILE` goes on from here."]
    for key, names in (("include", decided.include), ("exclude", decided.exclude), ("block", decided.block)):
        lines.append(f"{key}: [{', '.join(sorted(names))}]")
    return "\n".join(lines) + "\n"
