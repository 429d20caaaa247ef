"""A process that records until it is killed, for test_delivery.py: ``emitting.py TARGET SPOOL WITNESS COUNT INTERVAL``.

It writes one byte to WITNESS after each signal, so that how many it recorded is known without it.
After COUNT signals it flushes, closes and prints its account; with COUNT 0 it never ends.
It ships every INTERVAL seconds.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from lineage.privacylib import CollectorSink, Site

READ = Site("read", "web:ask", ("utterance",), (), False, "A", "")


def main(target: str, spool: str, witness: str, count: int, interval: float) -> None:
    sink = CollectorSink("web", target, spool=Path(spool), interval=interval)
    seen = os.open(witness, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    recorded = 0
    while not count or recorded < count:
        sink.append(READ, f"{sink.incarnation}/{recorded}", "web-1", "", "", 1, "")
        os.write(seen, b".")
        recorded += 1
        if recorded % 50 == 0:
            time.sleep(0.001)
    sink.flush(10)
    sink.close()
    print(json.dumps(sink.account))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
