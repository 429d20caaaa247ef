"""[C] What models were asked and what they answered, call by call: who answered, of what, and what became of it.

A response's signal says by OpenTelemetry's names which model was asked for and which checkpoint answered (its digest
beside it); the edges under the same correlation key say the rest.  What is behind the request, in a table or a store,
is what was retrieved for it; what is ahead of the response is what used it, at once or in a batch that kept the key.
Calls that are alike are one entry with a count: no key is told.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from lineage.errors import InputError
from lineage.names import asset_of, field_of, kind_of

ANSWERED = "gen_ai.response.model"
_REQUESTED, _OPERATION, _FINISH = "gen_ai.request.model", "gen_ai.operation.name", "gen_ai.response.finish_reasons"
_DIGEST = "sightline.checkpoint.digest"
# Where something lies before it is asked for.
_STORES = frozenset(("warehouse", "feature", "file", "inference"))
# What inference makes of a request on the way to its response, and keeps nowhere.
_PASSING = ("inference:draft", "inference:review")
Ways = Mapping[str, Sequence[str]]


class Call(NamedTuple):
    """``inputs`` and ``response``: fields of the RPC's messages; ``weights``: of all checkpoints that had a part in the
    response; ``retrieved`` and ``used_in``: assets, of what was retrieved with its fields."""

    rpc: str
    operation: str
    requested: str
    answered: str
    digest: str
    finish: str
    inputs: tuple[str, ...]
    weights: tuple[str, ...]
    retrieved: tuple[str, ...]
    response: tuple[str, ...]
    used_in: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self._asdict().items()}


def calls(database: Path, key: str = "") -> Counter[Call]:
    """How often each call was made; ``key``: only those under it.  Raises InputError (PAI032)."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as db:
            said = [(asset, json.loads(keys), json.loads(detail), count) for asset, keys, detail, count in db.execute(
                "SELECT asset, keys, detail, count FROM signals WHERE op = 'write' AND detail LIKE ?",
                [f"%{ANSWERED}%"])]
            edges = [(source, target, json.loads(keys)) for source, target, keys in db.execute(
                "SELECT source, target, keys FROM edges WHERE state = 'observed'")]
    except (sqlite3.Error, ValueError) as error:
        raise InputError("PAI032", f"the run's store cannot be asked: {error}", where=str(database),
                         next="sightline demo") from error
    ahead, behind = _by_key(edges, {one for _, keys, _, _ in said for one in keys})
    found: Counter[Call] = Counter()
    for asset, keys, detail, count in said:
        if not key or key in keys:
            found[_call(asset, detail, [ahead[one] for one in keys], [behind[one] for one in keys])] += count
    return found


def _call(response: str, detail: Mapping[str, Any], ahead: Sequence[Ways], behind: Sequence[Ways]) -> Call:
    rpc = response.removesuffix(".response")
    fields = {name for ways in behind for name in ways if asset_of(name) == response}
    made_of = {name for ways in behind for name in _reached(ways, fields, over=_PASSING)}
    inputs = {name for name in made_of if asset_of(name) == f"{rpc}.request"}
    before = {name for ways in behind for name in _reached(ways, inputs)}
    stores = {name for name in made_of | before if kind_of(name) in _STORES and asset_of(name) not in _PASSING}
    nearest = {name for name in stores if name in made_of} | _last(stores, ahead)
    after = {asset_of(name) for ways in ahead for name in _reached(ways, fields)}
    return Call(rpc, detail[_OPERATION], detail[_REQUESTED], detail[ANSWERED], detail.get(_DIGEST, ""),
                " ".join(detail.get(_FINISH, ())), _fields(inputs),
                tuple(sorted({asset_of(name) for name in made_of if kind_of(name) == "checkpoint"})),
                tuple(sorted(nearest)), _fields(fields), tuple(sorted(after - {response})))


def _last(stores: set[str], ahead: Sequence[Ways]) -> set[str]:
    """Of stores, those that the request was made of without another store in between."""
    return {name for name in stores
            if any(kind_of(after) not in _STORES for ways in ahead for after in ways.get(name, ()))}


def _reached(ways: Ways, starts: Iterable[str], over: Sequence[str] = ()) -> set[str]:
    """All that the ways lead to; ``over``: on from the start, and from these assets only."""
    found: set[str] = set()
    queue = list(starts)
    for name in queue:
        for following in ways.get(name, ()):
            if following not in found:
                found.add(following)
                if not over or asset_of(following) in over:
                    queue.append(following)
    return found


def _fields(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({field_of(name) for name in names if field_of(name)}))


def _by_key(edges: Iterable[tuple[str, str, Sequence[str]]],
            wanted: set[str]) -> tuple[defaultdict[str, Ways], defaultdict[str, Ways]]:
    """Of each key, from sources to targets and from targets to sources."""
    ahead: defaultdict[str, Any] = defaultdict(lambda: defaultdict(list))
    behind: defaultdict[str, Any] = defaultdict(lambda: defaultdict(list))
    for source, target, keys in edges:
        for key in wanted.intersection(keys):
            ahead[key][source].append(target)
            behind[key][target].append(source)
    return ahead, behind
