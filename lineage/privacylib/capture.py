"""Signal logging: the extension that turns each operation into one numbered signal.

What signals have in common is interned (their *site*, their scope's *trace*); what is left of one
is a tuple of four.

>>> from lineage.privacylib import MemorySink, PrivacyLib
>>> sink = MemorySink()
>>> lib = PrivacyLib("web", [Capture(sink)])
>>> with lib.scope(key="0af7651916cd43dd8448eb211c80319c"), lib.read("web:ask", keys=["k1"]):
...     pass
>>> sink.records[0].scope, sink.records[0].detail
('web-1', '{"keys": ["k1"]}')
"""

from __future__ import annotations

import itertools
import json
import math
from typing import Any, NamedTuple

from lineage.privacylib.context import Trace, scope_of
from lineage.privacylib.extension import Extension, Pen
from lineage.privacylib.failure import told
from lineage.privacylib.operation import Operation
from lineage.privacylib.sink import Sink
from lineage.privacylib.site import Site

__all__ = ["Capture", "Record", "Site"]


class Record(NamedTuple):
    """One signal before it is shipped; ``detail`` is JSON or empty."""

    seq: int
    site: Site
    key: str
    scope: str
    activity: str
    purpose: str
    rows: int
    detail: str


class Capture(Extension):
    """Gives every operation and note to a sink, in order."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        # A buffer is written to as it is, and finds out the rest later.
        self._pen = sink if isinstance(sink, Pen) else _Appending(sink)
        self._add = getattr(sink, "add", None)

    def after(self, op: Operation) -> None:
        # A source probe holds a payload for later comparison; it is not itself a signal.
        said = op.said
        if op.site.op == "source" or (said is not None and said.get("silent")):
            return
        detail = said.get("detail") if said is not None else None
        if op.keys:
            detail = {**(detail or {}), "keys": op.keys}
        text = json.dumps(detail, sort_keys=True) if detail else ""
        trace = op.context.trace
        if self._add is not None:
            self._add(op.site, trace, op.rows, text)
        else:
            self.sink.append(op.site, trace[0], scope_of(trace), trace[2].activity, trace[2].purpose, op.rows, text)

    def pen(self, site: Site) -> Pen | None:
        return self._pen if site.op != "source" else None


class _Appending(Pen):
    """For a sink that wants every part of each signal at once."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.mark, self.count, self.put, self.ceiling = [0], itertools.count(1).__next__, self._append, math.inf

    def _append(self, written: tuple[Any, Trace]) -> None:
        said, trace = written
        site, rows, _ = said if type(said) is tuple else (said, 1, "")
        try:
            self._sink.append(site, trace[0], scope_of(trace), trace[2].activity, trace[2].purpose, rows, "")
        except Exception as error:  # as for every extension; its message may quote the payload
            told(site.lib, site.op, site.asset, Capture.__name__, error)
