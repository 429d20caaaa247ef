"""The lineage collector: a gRPC server that takes numbered signal batches into the store.

A batch is taken whole or refused whole; a batch sent twice changes nothing.
"""

from __future__ import annotations

import json
from typing import Any, cast

import grpc

from lineage.discover.store import Store
from lineage.model import Links, Op, Signal
from protos import collector_pb2 as pb
from protos import collector_pb2_grpc

OPS = frozenset({"read", "write", "call", "probe", "proposal", "gap", "asset", "decision", "finding"})


def decode(batch: pb.SignalBatch) -> list[Signal]:
    """Raises ValueError for columns of unequal length, a site outside the batch, or bad JSON."""
    columns: tuple[Any, ...] = (batch.key, batch.scope, batch.activity, batch.purpose, batch.rows, batch.detail)
    count = len(batch.site)
    if not batch.emitter:
        raise ValueError("the batch names no emitter")
    if any(len(column) != count for column in columns):
        raise ValueError(f"columns of {sorted({len(column) for column in columns})} entries beside {count} sites")
    signals = []
    for offset, (index, key, scope, activity, purpose, rows, detail) in enumerate(
            zip(batch.site, *columns, strict=True)):
        if index >= len(batch.sites):
            raise ValueError(f"signal {offset} is of site {index}; the batch has {len(batch.sites)}")
        site = batch.sites[index]
        if site.op not in OPS:
            raise ValueError(f"signal {offset} has the unknown operation {site.op!r}")
        more = json.loads(detail) if detail else {}
        if not isinstance(more, dict):
            raise ValueError(f"signal {offset} has a detail that is not an object")
        keys = tuple(more.pop("keys", ())) or ((key,) if key else ())
        links: Links = tuple((link.field, tuple(link.sources)) for link in site.links)
        signals.append(Signal(batch.emitter, batch.first + offset, cast(Op, site.op), site.asset, tuple(site.fields),
                              links, site.linked, site.family, site.via, keys, scope, activity, purpose, rows, more))
    return signals


class Collector(collector_pb2_grpc.CollectorServicer):
    """Its own channel is not instrumented: what carries the signals makes none."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def Ship(self, batch: pb.SignalBatch, context: Any) -> pb.ShipAck:
        try:
            signals = decode(batch)
        except ValueError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"batch refused: {error}")
        self._store.add(signals)
        return pb.ShipAck(next=self._store.next_seq(batch.emitter))
