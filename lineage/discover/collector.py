"""The lineage collector: a gRPC server that takes numbered signal batches into the store.

A batch is taken whole or refused whole; a batch sent twice changes nothing; the answer comes after
the commit, so what is acknowledged outlives the collector.  What is refused is counted with its reason;
an emitter of ours sends a refused batch again in halves, so it counts once for each half that was tried.
"""

from __future__ import annotations

from typing import Any

import grpc

from lineage.discover.decode import Refused, decode
from lineage.discover.store import Store
from protos import collector_pb2 as pb
from protos import collector_pb2_grpc

__all__ = ["Collector", "decode"]


class Collector(collector_pb2_grpc.CollectorServicer):
    """Its own channel is not instrumented: what carries the signals makes none."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def Ship(self, batch: pb.SignalBatch, context: Any) -> pb.ShipAck:
        try:
            signals = decode(batch)
        except Refused as error:
            self._store.refuse(batch.emitter, error.reason)
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"batch refused: {error}")
        self._store.add(signals, batch.count, emitter=batch.emitter, incarnation=batch.incarnation,
                        recorded=batch.recorded)
        return pb.ShipAck(next=self._store.next_seq(batch.emitter, batch.incarnation))
