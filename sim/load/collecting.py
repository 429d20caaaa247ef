"""The collector's side of ``sightline bench ingest``: signals a second into the store, beside sqlite-utils.

Both get the same signals in batches of the same size and put them durably into a file of their own; a round measures
one after the other, so that what slows a round slows both.  Ours begins with the bytes as they arrive: parsing,
checking and the commit are in it.  sqlite-utils begins with rows that are dictionaries already.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlite_utils

from lineage.discover.decode import decode
from lineage.discover.store import Store
from lineage.privacylib import Site
from lineage.privacylib.batch import MAX_BATCH, batches, packed
from protos.collector_pb2 import SignalBatch
from sim.load.intervals import median, ratio
from sim.world.random import key_id

SIGNALS = 20_000
_FIELDS = ("session", "utterance", "answer", "region")


def measure(rounds: int, *, signals: int = SIGNALS, seed: int = 1,
            progress: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Signals a second of CPU time, as [value, low, high], and the ratio; ``stored`` is counted in the file."""
    sent = [batch.SerializeToString() for batch in batches("web", packed(_signals(signals, seed)))]
    dicts = [[_row(signal) for signal in decode(SignalBatch.FromString(data))] for data in sent]
    ours, theirs, stored = [], [], 0
    for number in range(rounds + 1):  # the first warms up
        progress(f"collector: round {number} of {rounds}")
        with tempfile.TemporaryDirectory(prefix="sightline-collecting-") as folder:
            mine, stored = _ours(Path(folder) / "ours.db", sent)
            other = _theirs(Path(folder) / "theirs.db", dicts)
        if number:
            ours.append(signals / mine)
            theirs.append(signals / other)
    return {"signals_per_second_a_core": median(ours).rounded(0), "insert_all": median(theirs).rounded(0),
            "ratio": ratio(ours, theirs).rounded(3), "rounds": rounds, "sent": signals, "stored": stored,
            "lost": signals - stored, "batch": MAX_BATCH, "confidence": "95 % bootstrap over rounds"}


def _signals(count: int, seed: int) -> Iterator[tuple[Site, str, str, str, str, int, str]]:
    sites = [Site(op, asset, _FIELDS, tuple((field, (f"web:ask#{field}",)) for field in _FIELDS) if op != "read"
                  else (), op != "read", "A", "") for asset in ("web:ask", "web:log", "web:session")
             for op in ("read", "write")]
    for number in range(count):
        yield (sites[number % len(sites)], key_id(seed, number // 6), f"web-{number // 6}", "", "assistance", 1, "")


def _ours(path: Path, sent: list[bytes]) -> tuple[float, int]:
    with closing(Store(path)) as store:
        begun = time.process_time()
        for data in sent:
            batch = SignalBatch.FromString(data)
            store.add(decode(batch), batch.count, emitter=batch.emitter, incarnation=batch.incarnation,
                      recorded=batch.recorded)
        return time.process_time() - begun, sum(store.counts().values())


def _theirs(path: Path, rows: list[list[dict[str, Any]]]) -> float:
    database = sqlite_utils.Database(path)
    with closing(database):
        database.enable_wal()
        begun = time.process_time()
        for some in rows:
            database.table("signals").insert_all(some, pk=("emitter", "seq"), ignore=True)
        return time.process_time() - begun


def _row(signal: Any) -> dict[str, Any]:
    return {**asdict(signal), "fields": list(signal.fields), "links": list(signal.links), "keys": list(signal.keys)}
