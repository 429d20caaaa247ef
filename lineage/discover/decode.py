"""From a batch to signals: refused whole, with the reason, or taken whole.

What a signal says later becomes assets, edges, decisions and findings; a name or a detail that they
could not be made of is refused here, so that one bad signal cannot spoil the picture of a run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain, repeat
from typing import Any, cast

from lineage.errors import InputError
from lineage.model import MAX_PARTS, Links, Op, Signal
from lineage.names import asset_of, join, parse
from protos import collector_pb2 as pb

OPS = frozenset({"read", "write", "call", "probe", "proposal", "gap", "asset", "decision", "finding",
                 "scope"})
# What is an asset of the graph; a gap or a finding may be about anything.
_NAMED = frozenset({"read", "write", "call", "proposal", "asset"})
_LAST = 2**63 - 1
_MOST = 2**32 - 1
_DETAIL = "a detail that the operation cannot have"
_TEXT: dict[str, tuple[str, ...]] = {
    "decision": ("id", "activity", "purpose", "principal", "verdict", "code", "reason", "where"),
    "finding": ("code", "asset", "what", "next"), "gap": ("code", "why"), "proposal": ("category",)}


class Refused(ValueError):
    """``reason``: what is counted; it quotes nothing of the batch, which may come from anyone."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def decode(batch: pb.SignalBatch) -> list[Signal]:
    """Raises Refused for columns of unequal length, a site outside the batch, bad names, bad JSON or a detail
    that the operation cannot have."""
    count = len(batch.site)
    if not batch.emitter:
        raise Refused("no emitter", "the batch names no emitter")
    own: tuple[Any, ...] = (batch.rows or [1] * count, batch.detail or [""] * count)
    if any(len(column) != count for column in own):
        raise Refused("columns of unequal length",
                      f"columns of {sorted({len(column) for column in own})} entries beside {count} sites")
    numbers = _numbers(batch)
    sites, traces = [_site(site) for site in batch.sites], _traces(batch)
    if len(traces) != count:
        raise Refused("columns of unequal length", f"traces of {len(traces)} signals beside {count} sites")
    signals = []
    for offset, (number, index, trace, rows, detail) in enumerate(
            zip(numbers, batch.site, traces, *own, strict=True)):
        if index >= len(sites):
            raise Refused("an unknown site", f"signal {offset} is of site {index}; the batch has {len(sites)}")
        op, asset, fields, links, linked, family, via = sites[index]
        key, scope, activity, purpose = trace
        more = _detail(detail, offset) if detail else {}
        keys = tuple(more.pop("keys", ())) or ((key,) if key else ())
        if detail or op in _TEXT:
            _check_detail(op, more, offset)
        if activity:
            _check_name(activity)
        signals.append(Signal(batch.emitter, number, op, asset, fields, links, linked, family, via, keys, scope,
                              activity, purpose, rows, more))
    return signals


def _traces(batch: pb.SignalBatch) -> list[tuple[str, str, str, str]]:
    """Key, scope, activity, purpose of each signal."""
    lengths = ({len(batch.key), len(batch.run), len(batch.number), sum(batch.traces)},
               {len(batch.scope), len(batch.activity), len(batch.purpose), len(batch.traces)})
    if any(len(one) != 1 for one in lengths):
        raise Refused("columns of unequal length",
                      f"traces of {sorted(lengths[0])} entries, parties of {sorted(lengths[1])}")
    if sum(batch.run) > len(batch.site):
        raise Refused("columns of unequal length", f"traces of {sum(batch.run)} signals beside {len(batch.site)} sites")
    for activity in filter(None, batch.activity):
        _check_name(activity)
    parties = chain.from_iterable(map(repeat, zip(batch.scope, batch.activity, batch.purpose, strict=True),
                                      batch.traces))
    found: list[tuple[str, str, str, str]] = []
    for key, run, number, (scope, activity, purpose) in zip(batch.key, batch.run, batch.number, parties, strict=True):
        found += [(key, f"{scope}-{number}" if number else scope, activity, purpose)] * run
    return found


def _numbers(batch: pb.SignalBatch) -> Iterable[int]:
    counts = batch.count or [1] * len(batch.site)
    if len(counts) != len(batch.site):
        raise Refused("columns of unequal length", f"{len(counts)} counts beside {len(batch.site)} sites")
    if any(count < 1 for count in counts):
        raise Refused("numbers that cannot be", "a signal stands for none")
    if max(batch.first + sum(counts), batch.recorded) > _LAST:
        raise Refused("numbers that cannot be", "numbers beyond 2**63")
    return accumulate(counts[:-1], initial=batch.first) if counts else ()


def _site(site: pb.Site) -> tuple[Op, str, tuple[str, ...], Links, bool, str, str]:
    if site.op not in OPS:
        raise Refused("an unknown operation", f"a site has the unknown operation {site.op!r}")
    if site.op in _NAMED:
        _check_name(site.asset)
        for field in (*site.fields, *(link.field for link in site.links)):
            _check_name(join(site.asset, field))
    for link in site.links:
        for source in link.sources:
            _check_name(source)
    links: Links = tuple((link.field, tuple(link.sources)) for link in site.links)
    return cast(Op, site.op), site.asset, tuple(site.fields), links, site.linked, site.family, site.via


def _check_name(name: Any) -> None:
    """The level of assets only: columns and message fields have names of their own."""
    try:
        parse(asset_of(name))
    except (InputError, AttributeError) as error:
        raise Refused("a name that is none", f"not an asset name: {name!r}") from error


def _detail(text: str, offset: int) -> dict[str, Any]:
    try:
        if "\\ud" in text or "\\uD" in text:
            # A half of a surrogate pair could not be written to any file.
            text = json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace").decode()
        more = json.loads(text)
    except RecursionError as error:
        raise Refused(_DETAIL, f"signal {offset} has a detail that is nested too deep") from error
    except ValueError as error:
        raise Refused(_DETAIL, f"signal {offset} has a detail that is no JSON: {error}") from error
    if not isinstance(more, dict):
        raise Refused(_DETAIL, f"signal {offset} has a detail that is not an object")
    if not _texts(more.get("keys", ())):
        raise Refused(_DETAIL, f"signal {offset} has keys that are not texts")
    return more


def _check_detail(op: str, detail: dict[str, Any], offset: int) -> None:
    """What the later stages take for granted of each operation."""
    good = all(isinstance(detail.get(name), str) for name in _TEXT.get(op, ()))
    names: Iterator[Any] = iter(())
    if good and op == "decision":
        good = _texts(detail.get("inputs")) and _texts(detail.get("requirements"))
        names = iter((*detail["inputs"], *filter(None, [detail["activity"]]))) if good else names
    elif good and op == "finding":
        good = isinstance(detail.get("count"), int) and 0 < detail["count"] <= _MOST
    elif op == "asset":
        good, names = _declared(detail)
    elif op == "probe":
        pairs = detail.get("pairs", ())
        good = _all(pairs, lambda pair: _texts(pair) and len(pair) >= 4)
        names = (name for pair in pairs for name in pair[:2]) if good else names
    elif op in ("read", "write", "call"):
        reads = detail.get("reads", {})
        good = isinstance(detail.get("statement", ""), str) and isinstance(reads, dict) and all(
            map(_texts, reads.values()))
        good = good and isinstance(detail.get("entry", ""), str) and _is_part(detail.get("part", (0, 1)))
    if not good:
        raise Refused(_DETAIL, f"signal {offset} has a detail that no {op} can have")
    for name in names:
        _check_name(name)


def _declared(detail: dict[str, Any]) -> tuple[bool, Iterator[Any]]:
    """A contract ("fields") or a flow declared beside the code ("declares")."""
    fields, declares = detail.get("fields", {}), detail.get("declares", ())
    good = isinstance(fields, dict) and (not fields or isinstance(detail.get("owner"), str)) and all(
        isinstance(label, dict) and isinstance(label.get("category"), str)
        and isinstance(label.get("operational"), str) and _texts(label.get("annotations"))
        for label in fields.values())
    good = good and (not declares or _texts(detail.get("families"))) and _all(
        declares, lambda link: isinstance(link, list) and len(link) == 2 and isinstance(link[0], str)
        and _texts(link[1]))
    return good, (name for _, sources in declares for name in sources) if good else iter(())


def _is_part(part: Any) -> bool:
    """[number, of]; an output of more parts than can be counted is none."""
    return (isinstance(part, (list, tuple)) and len(part) == 2 and all(type(one) is int for one in part)
            and 0 <= part[0] < part[1] <= MAX_PARTS)


def _all(values: Any, good: Any) -> bool:
    return isinstance(values, (list, tuple)) and all(map(good, values))


def _texts(values: Any) -> bool:
    return _all(values, lambda value: isinstance(value, str))
