"""Signals as columnar batches: what repeats is interned, what is left is one entry in each column.

A batch never fails to be made: a text that is not UTF-8, a count that is no count and a detail too
long to send are neutralised, and the signal's detail says so under ``neutralised``.

>>> from lineage.privacylib.capture import Site
>>> site = Site("read", "web:ask", ("utterance",), (), False, "A", "")
>>> batch = encode("web", [(site, "k1", "web-1", "", "", 1, ""), (site, "k2", "web-2", "", "", 1, "")], first=7)
>>> len(batch.sites), list(batch.site), list(batch.key), numbers(batch)
(1, [0, 0], ['k1', 'k2'], 2)
>>> [(half.first, list(half.key)) for half in halves(batch)]
[(7, ['k1']), (8, ['k2'])]
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from protos import collector_pb2 as pb

if TYPE_CHECKING:
    from lineage.privacylib.capture import Site

MAX_BATCH = 2_000
# Below the 4 MiB that gRPC takes by default; a detail longer than MAX_DETAIL (in characters) is not sent.
MAX_BYTES = 3 << 20
MAX_DETAIL = 1 << 20
_MAX_ROWS = 2**32 - 1
_COLUMNS = ("key", "scope", "activity", "purpose", "rows", "detail", "count")

# Site, key, scope, activity, purpose, rows, detail: a signal before it has its number.
Entry = tuple[Any, str, str, str, str, int, str]


def encode(emitter: str, entries: Sequence[Entry], counts: Sequence[int] = (), *, first: int = 0,
           incarnation: str = "", recorded: int = 0) -> pb.SignalBatch:
    """One batch of ``entries``; ``counts``: how many signals each stands for, empty when each stands for itself."""
    try:
        batch = _columns(entries)
    except (TypeError, ValueError):
        batch = _columns([_neutral(entry) for entry in entries])
    batch.emitter, batch.incarnation, batch.first, batch.recorded = emitter, incarnation, first, recorded
    batch.count.extend(counts)
    return batch


def batches(emitter: str, entries: Sequence[Entry], counts: Sequence[int] = (), *, first: int = 0,
            incarnation: str = "") -> Iterator[pb.SignalBatch]:
    """``entries`` in order, in batches of at most MAX_BATCH entries and MAX_BYTES bytes."""
    for start in range(0, len(entries), MAX_BATCH):
        some, many = entries[start:start + MAX_BATCH], counts[start:start + MAX_BATCH]
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
        batch.detail[0] = _said({}, ["detail"])
        yield batch


def _part(batch: pb.SignalBatch, start: int, end: int) -> pb.SignalBatch:
    before = sum(batch.count[:start]) if batch.count else start
    columns: Any = {name: getattr(batch, name)[start:end] for name in _COLUMNS}
    # Only the sites that this part has: one that is refused must not spoil the others.
    used: dict[int, int] = {}
    index = [used.setdefault(one, len(used)) for one in batch.site[start:end]]
    return pb.SignalBatch(emitter=batch.emitter, incarnation=batch.incarnation, first=batch.first + before,
                          recorded=batch.recorded, site=index, sites=[batch.sites[one] for one in used], **columns)


def _columns(entries: Sequence[Entry]) -> pb.SignalBatch:
    sites: dict[Site, int] = {}
    index = [sites.setdefault(entry[0], len(sites)) for entry in entries]
    columns: Any = list(zip(*entries, strict=True)) or [()] * 7
    return pb.SignalBatch(
        site=index, key=columns[1], scope=columns[2], activity=columns[3], purpose=columns[4], rows=columns[5],
        detail=columns[6], sites=[_site(site) for site in sites])


def _site(site: Site) -> pb.Site:
    return pb.Site(op=site.op, asset=site.asset, fields=site.fields, linked=site.linked, family=site.family,
                   via=site.via, links=[pb.Link(field=field, sources=sources) for field, sources in site.links])


def _neutral(entry: Entry) -> Entry:
    """The entry as it can be sent; what had to be changed is said in its detail."""
    site, *texts, rows, detail = entry
    changed: list[str] = []
    clean = type(site)(_text(site.op, changed, "op"), _text(site.asset, changed, "asset"),
                       tuple(_text(field, changed, "fields") for field in site.fields),
                       tuple((_text(field, changed, "links"), tuple(_text(name, changed, "links") for name in names))
                             for field, names in site.links),
                       bool(site.linked), _text(site.family, changed, "family"), _text(site.via, changed, "via"))
    key, scope, activity, purpose = (
        _text(text, changed, name) for text, name in zip(texts, ("key", "scope", "activity", "purpose"), strict=True))
    if not isinstance(rows, int) or not 0 <= rows <= _MAX_ROWS:
        changed.append("rows")
        rows = _MAX_ROWS if isinstance(rows, int) and rows > 0 else 0
    said = _text(detail, changed, "detail")
    if not changed:
        return clean, key, scope, activity, purpose, rows, said
    try:
        known = json.loads(said) if said else {}
    except ValueError:
        known = {}
    return clean, key, scope, activity, purpose, rows, _said(known, changed)


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
