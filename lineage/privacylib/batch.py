"""Signals as columnar batches: what repeats is interned, what is left is one entry in each column.

A batch never fails to be made: a text that is not UTF-8, a count that is no count and a detail too
long to send are neutralised, and the signal's detail says so under ``neutralised``.

>>> from lineage.privacylib import Site
>>> from lineage.privacylib.posture import Who
>>> site = Site("read", "web:ask", ("utterance",), (), False, "A", "")
>>> one, two = ("k1", 1, Who("web")), ("k2", 2, Who("web"))      # what a scope's signals share
>>> batch = encode("web", [site, one, site, one, (site, 3, '{"error": "OSError"}'), two], first=7)
>>> len(batch.sites), list(batch.site), list(batch.key), list(batch.run), list(batch.number), numbers(batch)
(1, [0, 0, 0], ['k1', 'k2'], [2, 1], [1, 2], 3)
>>> [(half.first, list(half.key)) for half in halves(batch)]
[(7, ['k1']), (8, ['k1', 'k2'])]
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, compress
from operator import is_not, sub
from typing import Any

from lineage.privacylib.context import Trace, scope_of
from lineage.privacylib.posture import Who
from lineage.privacylib.site import Known, Site
from protos import collector_pb2 as pb

MAX_BATCH = 2_000
# Below the 4 MiB that gRPC takes by default; a detail longer than MAX_DETAIL (in characters) is not sent.
MAX_BYTES = 3 << 20
MAX_DETAIL = 1 << 20
_MAX_ROWS = 2**32 - 1

# Signals before they have their numbers, one after another: site or (site, rows, detail), and trace.
# A flat list, because a tuple for each would be one more object to make, to keep and for the collector of garbage.
Entries = list[Any]
WIDTH = 2


def packed(signals: Iterable[tuple[Site, str, str, str, str, int, str]]) -> Entries:
    """Entries of signals that are said in full: site, key, scope, activity, purpose, rows, detail."""
    return [part for site, key, scope, activity, purpose, rows, detail in signals
            for part in ((site, rows, detail), (key, scope, Who(activity=activity, purpose=purpose)))]


def encode(emitter: str, entries: Entries, counts: Sequence[int] = (), *, first: int = 0,
           incarnation: str = "", recorded: int = 0) -> pb.SignalBatch:
    """One batch of ``entries``; ``counts``: how many signals each stands for, empty when each stands for itself."""
    try:
        batch = _columns(entries)
    except (TypeError, ValueError):
        batch = _columns([part for start in range(0, len(entries), WIDTH)
                          for part in _neutral(*entries[start:start + WIDTH])])
    batch.emitter, batch.incarnation, batch.first, batch.recorded = emitter, incarnation, first, recorded
    batch.count.extend(counts)
    return batch


def batches(emitter: str, entries: Entries, counts: Sequence[int] = (), *, first: int = 0,
            incarnation: str = "") -> Iterator[pb.SignalBatch]:
    """``entries`` in order, in batches of at most MAX_BATCH entries and MAX_BYTES bytes."""
    for start in range(0, len(entries) // WIDTH, MAX_BATCH):
        some = entries[start * WIDTH:(start + MAX_BATCH) * WIDTH]
        many = counts[start:start + MAX_BATCH]
        batch = encode(emitter, some, many, first=first, incarnation=incarnation)
        first += numbers(batch)
        yield from _small(batch)


def numbers(batch: pb.SignalBatch) -> int:
    """How many numbers the batch takes."""
    return sum(batch.count) if batch.count else len(batch.site)


def halves(batch: pb.SignalBatch) -> tuple[pb.SignalBatch, pb.SignalBatch]:
    """The same signals in two batches; their numbers stay."""
    middle = len(batch.site) // 2
    return _part(batch, 0, middle), _part(batch, middle, len(batch.site))


def _small(batch: pb.SignalBatch) -> Iterator[pb.SignalBatch]:
    if batch.ByteSize() <= MAX_BYTES:
        yield batch
    elif len(batch.site) > 1:
        for half in halves(batch):
            yield from _small(half)
    else:
        batch.ClearField("detail")
        batch.detail.append(_said({}, ["detail"]))
        yield batch


def _part(batch: pb.SignalBatch, start: int, end: int) -> pb.SignalBatch:
    before = sum(batch.count[:start]) if batch.count else start
    # Only the sites, traces and parties that this part has: one that is refused must not spoil the others.
    sites = {one: place for place, one in enumerate(dict.fromkeys(batch.site[start:end]))}
    runs, first, last = _cut(batch.run, start, end)
    traces, lead, tail = _cut(batch.traces, first, last)
    columns: Any = {name: getattr(batch, name)[start:end] for name in ("rows", "detail", "count")}
    columns |= {name: getattr(batch, name)[first:last] for name in ("key", "number")}
    columns |= {name: getattr(batch, name)[lead:tail] for name in ("scope", "activity", "purpose")}
    return pb.SignalBatch(emitter=batch.emitter, incarnation=batch.incarnation, first=batch.first + before,
                          recorded=batch.recorded, site=[sites[one] for one in batch.site[start:end]], run=runs,
                          traces=traces, sites=[batch.sites[one] for one in sites], **columns)


def _cut(lengths: Sequence[int], start: int, end: int) -> tuple[list[int], int, int]:
    """Of runs, what lies between the entries ``start`` and ``end``: their lengths there, the first run and that after
    the last."""
    found, first, at = [], 0, 0
    for length in lengths:
        inside = min(end, at + length) - max(start, at)
        at += length
        if inside > 0:
            found.append(inside)
        elif not found:
            first += 1
    return found, first, first + len(found)


def _columns(entries: Entries) -> pb.SignalBatch:
    sites = entries[0::WIDTH]
    known = dict.fromkeys(sites)
    said = []
    if not set(map(type, known)) <= {Known}:
        said = [one if type(one) is tuple else (one, 1, "") for one in sites]
        sites = [site for site, _, _ in said]
        known = dict.fromkeys(sites)
    place = dict(zip(known, range(len(known)), strict=True))
    traces, run = _runs(entries[1::WIDTH])
    numbers = [trace[1] for trace in traces]
    if set(map(type, numbers)) <= {int}:
        parties, many = _runs([trace[2] for trace in traces])
        scopes = [who.service for who in parties]
    else:  # a scope with a name of its own is a party
        parties, many = [trace[2] for trace in traces], [1] * len(traces)
        scopes = [scope_of(trace) for trace in traces]
        numbers = [0] * len(traces)
    batch = pb.SignalBatch(
        site=map(place.__getitem__, sites), sites=[_site(site) for site in known],
        key=[trace[0] for trace in traces], run=run, number=numbers,
        scope=scopes, activity=[who.activity for who in parties], purpose=[who.purpose for who in parties],
        traces=many)
    if said:
        batch.rows.extend([rows for _, rows, _ in said])
        if any(detail for _, _, detail in said):
            batch.detail.extend([detail for _, _, detail in said])
    return batch


def _runs(column: list[Any]) -> tuple[list[Any], list[int]]:
    """What is in the column, without what is the same as the one before it, and how often each stands in a row.

    Told apart by identity: to compare texts would take longer.
    """
    starts = [*compress(range(len(column)), chain((True,), map(is_not, column[1:], column)))]
    return [column[start] for start in starts], [*map(sub, [*starts[1:], len(column)], starts)]


def _site(site: Site) -> pb.Site:
    return pb.Site(op=site.op, asset=site.asset, fields=site.fields, linked=site.linked, family=site.family,
                   via=site.via, links=[pb.Link(field=field, sources=sources) for field, sources in site.links])


def _neutral(given: Any, trace: Trace) -> tuple[tuple[Site, int, str], Trace]:
    """The entry as it can be sent; what had to be changed is said in its detail."""
    site, rows, detail = given if type(given) is tuple else (given, 1, "")
    changed: list[str] = []
    clean = Site(_text(site.op, changed, "op"), _text(site.asset, changed, "asset"),
                 tuple(_text(field, changed, "fields") for field in site.fields),
                 tuple((_text(field, changed, "links"), tuple(_text(name, changed, "links") for name in names))
                       for field, names in site.links),
                 bool(site.linked), _text(site.family, changed, "family"), _text(site.via, changed, "via"))
    key, scope = _text(trace[0], changed, "key"), _text(scope_of(trace), changed, "scope")
    who = Who(activity=_text(trace[2].activity, changed, "activity"),
              purpose=_text(trace[2].purpose, changed, "purpose"))
    if not isinstance(rows, int) or not 0 <= rows <= _MAX_ROWS:
        changed.append("rows")
        rows = _MAX_ROWS if isinstance(rows, int) and rows > 0 else 0
    said = _text(detail, changed, "detail")
    if not changed:
        return (clean, rows, said), (key, scope, who)
    try:
        known = json.loads(said) if said else {}
    except ValueError:
        known = {}
    return (clean, rows, _said(known, changed)), (key, scope, who)


def _text(value: Any, changed: list[str], name: str) -> str:
    text = value if isinstance(value, str) else str(value)
    clean = text.encode("utf-8", "replace").decode()
    if len(clean) > MAX_DETAIL:
        clean = "" if name == "detail" else clean[:1024]
    if clean is not value and clean != value:
        changed.append(name)
    return clean


def _said(known: Any, changed: Sequence[str]) -> str:
    return json.dumps({**(known if isinstance(known, dict) else {}), "neutralised": sorted(set(changed))},
                      sort_keys=True)
