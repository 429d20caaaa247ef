"""The sink that ships to the collector, from a thread of its own and through a spool while it is away.

In this order: what dead incarnations of the emitter left, then this one's spool, then what is in
memory.  A batch leaves memory once the collector has acknowledged it (it is durable there) or it is
in the spool; it leaves the spool once acknowledged.  What arrives twice the collector ignores.  A
batch that the collector refuses is halved until the signal that it will not have stands alone: that
one is lost, counted, and a hole in the numbers.

>>> from lineage.privacylib import Capture, PrivacyLib
>>> sink = CollectorSink("web", "127.0.0.1:9")         # nobody listens there
>>> with PrivacyLib("web", [Capture(sink)]).scope(key="0af7651916cd43dd8448eb211c80319c") as context:
...     sink.flush(timeout=0)
True
>>> sink.close()
>>> sink.account["recorded"], sink.account["delivered"]
(0, 0)
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from lineage.privacylib.batch import WIDTH, batches, halves, numbers
from lineage.privacylib.buffer import MAX_BUFFER, Buffer
from lineage.privacylib.spool import SPOOL_BYTES, Spool, emitters, left, new_incarnation
from protos import collector_pb2 as pb
from protos import collector_pb2_grpc

INTERVAL = 0.05
# Seconds for one batch: a collector that hangs is away.
DEADLINE = 5.0
_LOG = logging.getLogger(__name__)
# A collector that comes back is found within a second.
_OPTIONS = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000))


class CollectorSink(Buffer):
    """Ships to a collector at ``target`` ("127.0.0.1:4242").

    ``spool``: the folder for signals while the collector is away, at most ``spool_bytes`` per start of
    the emitter; without one they wait in memory.  A folder that cannot be used is counted in
    ``account["spool_errors"]`` and does not stop the service.  ``limit``: of the buffer, in signals.
    """

    def __init__(self, emitter: str, target: str, *, spool: Path | None = None, spool_bytes: int = SPOOL_BYTES,
                 limit: int = MAX_BUFFER, interval: float = INTERVAL) -> None:
        self.emitter = emitter
        self._interval = interval
        self._errors = self._told = self._in_spool = 0
        self._delivered = self._spooled = self._lost = self._recovered = 0
        self._spool, self._dead = self._open(spool, spool_bytes)
        self.incarnation = self._spool.incarnation if self._spool else new_incarnation()
        super().__init__(limit, self._spool.mark if self._spool else None)
        self._pending: deque[pb.SignalBatch] = deque()
        # Halves of a refused batch that are dealt with already, while others still wait.
        self._settled: set[tuple[int, int]] = set()
        self._shipping = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        self._stub: Any = collector_pb2_grpc.CollectorStub(self._channel)
        self._thread = threading.Thread(target=self._run, name=f"ship-{emitter}", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def flush(self, timeout: float) -> bool:
        """Ships now, from the caller's thread; tries again until ``timeout`` seconds are over."""
        end = time.monotonic() + timeout
        while not self._ship():
            if time.monotonic() >= end:
                return False
            time.sleep(INTERVAL)
        return True

    def close(self) -> None:
        """Ships or spools what is left, within seconds; what is recorded from now on is dropped."""
        if self._closed:
            return
        atexit.unregister(self.close)
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=2)
        self._channel.close()  # ends a call that hangs; what it carried is then spooled
        self._thread.join(timeout=2)

    @property
    def account(self) -> dict[str, int]:
        return {"recorded": self.recorded, "delivered": self._delivered, "spooled": self._spooled,
                "aggregated": self.aggregated, "dropped": self.dropped, "lost": self._lost,
                "recovered": self._recovered, "spool_errors": self._errors}

    # --- the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._wake.wait(self._interval):
            self._round()
        self.shut()
        done = self._round()
        with self._shipping:
            self._collect(full=True)
            self._stash()
            self._lost += sum(map(numbers, self._pending))
            if self._spool is not None:
                (self._spool.remove if done and not self._pending else self._spool.release)()
            for spool in self._dead:
                spool.release()

    def _round(self) -> bool:
        try:
            return self._ship()
        except Exception:  # whatever it is, the next round must come
            _LOG.exception("%s: a round of shipping failed", self.emitter)
            return False

    def _ship(self) -> bool:
        """One round; False while the collector is away, and then as much as can be is in the spool."""
        with self._shipping:
            collected = self._collect()
            done = self._deliver_left() and self._deliver_spool() and self._deliver_pending()
            if done and not collected:
                self._collect()
                done = self._deliver_pending()
            if done and self._told < self._numbered:
                done = self._send(self._heartbeat(self.incarnation))
            if not done:
                self._stash()
            return done

    def _collect(self, full: bool = False) -> bool:
        """From the buffer to batches in memory; False when there are as many as the buffer holds."""
        if not full and sum(map(numbers, self._pending)) >= self._limit:
            return False
        taken = self.take()
        self._pending.extend(batches(self.emitter, taken.entries, taken.counts, first=taken.first,
                                     incarnation=self.incarnation))
        return True

    def _stash(self) -> None:
        while self._pending and self._spool is not None:
            try:
                self._spool.segments.append(self._pending[0].SerializeToString())
            except OSError as error:
                self._trouble(error)
                return
            count = numbers(self._pending.popleft())
            self._spooled += count
            self._in_spool += count

    # --- delivery ---------------------------------------------------------------------------

    def _deliver_left(self) -> bool:
        """What dead incarnations left, and how far they had come: what else they recorded is a hole."""
        while self._dead:
            spool = self._dead[0]
            for batch in self._frames(spool):
                if not self._send(batch):
                    return False
            if not self._send(self._heartbeat(spool.incarnation, spool.mark[0])):
                return False
            spool.remove()
            del self._dead[0]
        return True

    def _deliver_spool(self) -> bool:
        if self._spool is None:
            return True
        for batch in self._frames(self._spool):
            if not self._send(batch):
                return False
            self._in_spool -= numbers(batch)
        # What could not be read back.
        self._lost += self._in_spool
        self._in_spool = 0
        return True

    def _deliver_pending(self) -> bool:
        while self._pending:
            if not self._send(self._pending[0]):
                return False
            self._pending.popleft()
        return True

    def _frames(self, spool: Spool) -> Iterator[pb.SignalBatch]:
        """The batches of a spool; each is done with when the next is asked for."""
        while (frame := spool.segments.first()) is not None:
            try:
                yield pb.SignalBatch.FromString(frame)
            except DecodeError:
                _LOG.warning("%s: a spooled batch cannot be read", self.emitter)
            spool.segments.done()
            if len(self._waiting) > self._limit // 2 * WIDTH:  # a long spool must not fill the buffer meanwhile
                self._collect()
                self._stash()

    def _send(self, batch: pb.SignalBatch) -> bool:
        """True when the batch is dealt with: delivered, or refused down to single signals."""
        own = batch.incarnation == self.incarnation
        if own:
            batch.recorded = self.recorded
        try:
            self._stub.Ship(batch, timeout=DEADLINE)
        except grpc.RpcError as error:
            return error.code() == grpc.StatusCode.INVALID_ARGUMENT and self._refused(batch, error)
        except ValueError:  # the channel was closed
            return False
        if own:
            self._delivered += numbers(batch)
            self._told = max(self._told, batch.recorded)
        else:
            self._recovered += numbers(batch)
        return True

    def _refused(self, batch: pb.SignalBatch, error: grpc.RpcError) -> bool:
        if len(batch.site) < 2:
            _LOG.warning("%s: signal %d was refused: %s", self.emitter, batch.first, error.details())
            self._lost += numbers(batch) if batch.incarnation == self.incarnation else 0
            return True
        for half in halves(batch):
            one = (half.first, len(half.site))
            if one not in self._settled:
                if not self._send(half):
                    return False
                self._settled.add(one)
        self._settled -= {one for one in self._settled if batch.first <= one[0] < batch.first + numbers(batch)}
        return True

    def _heartbeat(self, incarnation: str, recorded: int = 0) -> pb.SignalBatch:
        return pb.SignalBatch(emitter=self.emitter, incarnation=incarnation, first=recorded, recorded=recorded)

    # --- the spool --------------------------------------------------------------------------

    def _open(self, root: Path | None, limit: int) -> tuple[Spool | None, list[Spool]]:
        if root is None:
            return None, []
        try:
            return Spool.create(root, self.emitter, limit), left(root, self.emitter)
        except OSError as error:
            self._trouble(error)
            return None, []

    def _trouble(self, error: OSError) -> None:
        if not self._errors:
            _LOG.warning("%s: the spool cannot be used, signals wait in memory: %s", self.emitter, error)
        self._errors += 1


def recover(root: Path, target: str, timeout: float = 5.0) -> dict[str, int]:
    """Ships what dead emitters left under ``root``, for those that are not started again.

    Returns how many signals of each emitter were delivered.
    """
    found = {}
    for emitter in emitters(root):
        sink = CollectorSink(emitter, target, spool=root)
        sink.flush(timeout)
        sink.close()
        found[emitter] = sink.account["recovered"]
    return found
