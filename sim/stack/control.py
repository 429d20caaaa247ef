"""What the simulator asks of a running service from outside: to deliver everything, and to say how much that was."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from lineage.privacylib import CollectorSink
from lineage.privacylib.mediation import Watch
from protos import control_pb2, control_pb2_grpc
from sim.stack.injected import Seams
from sim.stack.pool import Pool


class Control(control_pb2_grpc.ControlServicer):
    """Drain: everything recorded is delivered, everything tapped is on disk."""

    def __init__(self, sink: CollectorSink, seams: Seams, watch: Watch | None = None, pool: Pool | None = None) -> None:
        self._sink = sink
        self._seams = seams
        self._watch = watch
        self._pool = pool

    async def Drain(self, request: control_pb2.DrainRequest, context: Any) -> control_pb2.DrainResponse:
        await asyncio.to_thread(self._sink.flush, 5.0)
        self._seams.flush()
        audit = self._watch.account() if self._watch is not None else None
        workers = self._pool.recorded if self._pool else {}
        return control_pb2.DrainResponse(account=json.dumps(
            {**self._sink.account, "hits": self._seams.hits(), "audit": audit, "workers": workers}))
