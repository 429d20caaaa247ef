"""Where signals go: to the collector, or to memory (a stand-in beside the real one).

Signals are numbered when they are recorded.  The collector's sink holds them in a bounded
buffer and ships them from a thread of its own; a batch that fails is sent again, and the
collector ignores what it already has.  What the buffer cannot hold is counted, and its
numbers stay missing, so that the collector reports the hole: nothing is dropped silently.
A spool on disk is not part of this module yet.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

import grpc

from protos import collector_pb2 as pb
from protos import collector_pb2_grpc

if TYPE_CHECKING:
    from lineage.privacylib.capture import Record, Site

MAX_BUFFER = 200_000
MAX_BATCH = 2_000
_INTERVAL = 0.05


class Sink(Protocol):
    def append(self, site: Site, key: str, scope: str, activity: str, purpose: str, rows: int,
               detail: str) -> None: ...

    def flush(self, timeout: float) -> bool:
        """True when everything recorded before the call has been delivered."""

    def close(self) -> None: ...

    @property
    def account(self) -> dict[str, int]:
        """recorded, delivered, dropped."""


class MemorySink:
    """Keeps the records; for tests and for use without a collector."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, site: Site, key: str, scope: str, activity: str, purpose: str, rows: int, detail: str) -> None:
        from lineage.privacylib.capture import Record

        self.records.append(Record(len(self.records), site, key, scope, activity, purpose, rows, detail))

    def flush(self, timeout: float) -> bool:
        return True

    def close(self) -> None:
        pass

    @property
    def account(self) -> dict[str, int]:
        return {"recorded": len(self.records), "delivered": len(self.records), "dropped": 0}


class CollectorSink:
    """Ships to a collector at ``target`` ("127.0.0.1:4242")."""

    def __init__(self, emitter: str, target: str) -> None:
        self.emitter = emitter
        self._buffer: deque[Any] = deque()
        self._pending: list[Any] = []
        self._lock = threading.Lock()
        self._shipping = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._recorded = self._delivered = self._dropped = 0
        self._channel = grpc.insecure_channel(target)
        self._stub = collector_pb2_grpc.CollectorStub(self._channel)
        self._thread = threading.Thread(target=self._run, name=f"ship-{emitter}", daemon=True)
        self._thread.start()

    def append(self, site: Site, key: str, scope: str, activity: str, purpose: str, rows: int, detail: str) -> None:
        with self._lock:
            seq = self._recorded
            self._recorded += 1
            if len(self._buffer) >= MAX_BUFFER:
                self._dropped += 1
                return
            self._buffer.append((seq, site, key, scope, activity, purpose, rows, detail))

    def flush(self, timeout: float) -> bool:
        """Ships now, from the caller's thread; tries again until ``timeout`` seconds are over."""
        import time

        end = time.monotonic() + timeout
        while not self._ship():
            if time.monotonic() >= end:
                return False
            time.sleep(_INTERVAL)
        return True

    def close(self) -> None:
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=2)
        self._channel.close()

    @property
    def account(self) -> dict[str, int]:
        with self._lock:
            return {"recorded": self._recorded, "delivered": self._delivered, "dropped": self._dropped}

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(_INTERVAL)
            self._ship()

    def _ship(self) -> bool:
        with self._shipping:
            # The length is taken once a flush: looping until empty makes tiny batches under load.
            with self._lock:
                self._pending.extend(self._buffer)
                self._buffer.clear()
            while self._pending:
                batch = _contiguous(self._pending)
                try:
                    self._stub.Ship(encode(self.emitter, batch), timeout=5)
                except grpc.RpcError:
                    return False
                del self._pending[:len(batch)]
                with self._lock:
                    self._delivered += len(batch)
            return True


def _contiguous(records: list[Any]) -> list[Any]:
    """The longest run of following numbers at the head, at most MAX_BATCH."""
    first = records[0][0]
    end = 1
    while end < min(len(records), MAX_BATCH) and records[end][0] == first + end:
        end += 1
    return records[:end]


def encode(emitter: str, records: list[Any]) -> pb.SignalBatch:
    """A columnar batch: each distinct site once, then one entry a signal in each column."""
    sites: dict[Site, int] = {}
    index = [sites.setdefault(record[1], len(sites)) for record in records]
    columns: Any = list(zip(*records, strict=True))
    return pb.SignalBatch(
        emitter=emitter, first=records[0][0], site=index, key=columns[2], scope=columns[3], activity=columns[4],
        purpose=columns[5], rows=columns[6], detail=columns[7],
        sites=[pb.Site(op=site.op, asset=site.asset, fields=site.fields, linked=site.linked, family=site.family,
                       via=site.via, links=[pb.Link(field=field, sources=sources) for field, sources in site.links])
               for site in sites])
