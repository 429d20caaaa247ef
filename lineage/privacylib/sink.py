"""Where signals go: to the collector, or to a stand-in beside it (memory, a file of JSON lines, nowhere).

``account`` adds up to the same in every sink: ``recorded`` is what was appended; ``delivered`` arrived;
``spooled`` went through the disk on its way; ``aggregated`` travels within another signal that is alike;
``dropped`` found no room and ``lost`` was refused or could not be read back.  Nothing is dropped silently:
recorded = delivered + dropped + lost + what still waits.

>>> from lineage.privacylib.capture import Site
>>> sink = MemorySink()
>>> sink.append(Site("read", "web:ask", ("utterance",), (), False, "A", ""), "k", "web-1", "", "", 1, "")
>>> sink.records[0].site.asset, sink.account["recorded"], sink.account["delivered"]
('web:ask', 1, 1)
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lineage.privacylib.shipper import CollectorSink

if TYPE_CHECKING:
    from lineage.privacylib.capture import Record, Site

__all__ = ["CollectorSink", "JsonLinesSink", "MemorySink", "NullSink", "Sink"]


class Sink(Protocol):
    def append(self, site: Site, key: str, scope: str, activity: str, purpose: str, rows: int,
               detail: str) -> None: ...

    def flush(self, timeout: float) -> bool:
        """True when everything recorded before the call has been delivered."""

    def close(self) -> None: ...

    @property
    def account(self) -> dict[str, int]:
        """recorded, delivered, spooled, aggregated, dropped, lost."""


class MemorySink:
    """Keeps the records; for tests and for use without a collector."""

    def __init__(self) -> None:
        from lineage.privacylib.capture import Record  # which imports this module

        self.records: list[Record] = []
        self._make = Record

    def append(self, site: Site, key: str, scope: str, activity: str, purpose: str, rows: int, detail: str) -> None:
        self.records.append(self._make(len(self.records), site, key, scope, activity, purpose, rows, detail))

    def flush(self, timeout: float) -> bool:
        return True

    def close(self) -> None:
        pass

    @property
    def account(self) -> dict[str, int]:
        return _account(len(self.records), len(self.records))


class JsonLinesSink:
    """Appends one JSON object a signal to a file; for a look at what a service says.

    Raises OSError when the file cannot be opened.  A line that cannot be written is counted in
    ``dropped``, and the service goes on.
    """

    def __init__(self, path: Path | str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()
        self._recorded = self._dropped = 0

    def append(self, site: Site, key: str, scope: str, activity: str, purpose: str, rows: int, detail: str) -> None:
        with self._lock:
            signal = {"seq": self._recorded, "op": site.op, "asset": site.asset, "fields": site.fields,
                      "links": site.links, "linked": site.linked, "family": site.family, "via": site.via, "key": key,
                      "scope": scope, "activity": activity, "purpose": purpose, "rows": rows,
                      "detail": json.loads(detail) if detail else {}}
            self._recorded += 1
            line = json.dumps(signal).encode() + b"\n"
            try:
                self._dropped += os.write(self._file, line) < len(line)
            except OSError:  # a full disk, or closed
                self._dropped += 1

    def flush(self, timeout: float) -> bool:
        return True

    def close(self) -> None:
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
            self._file = -1

    @property
    def account(self) -> dict[str, int]:
        return _account(self._recorded, self._recorded - self._dropped, self._dropped)


class NullSink:
    """Keeps nothing and counts nothing: what a service costs without signals."""

    def append(self, site: Site, key: str, scope: str, activity: str, purpose: str, rows: int, detail: str) -> None:
        pass

    def flush(self, timeout: float) -> bool:
        return True

    def close(self) -> None:
        pass

    @property
    def account(self) -> dict[str, int]:
        return _account(0, 0)


def _account(recorded: int, delivered: int, dropped: int = 0) -> dict[str, int]:
    return {"recorded": recorded, "delivered": delivered, "spooled": 0, "aggregated": 0, "dropped": dropped, "lost": 0}
