"""Signal logging: the extension that turns each operation into one numbered signal.

The static part of a signal (a *site*) is interned; what is left per signal is one tuple.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from lineage.model import Links
from lineage.privacylib.extension import Extension
from lineage.privacylib.operation import Operation
from lineage.privacylib.sink import Sink


class Site(NamedTuple):
    op: str
    asset: str
    fields: tuple[str, ...]
    links: Links
    linked: bool
    family: str
    via: str


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

    def after(self, op: Operation) -> None:
        # A source probe holds a payload for later comparison; it is not itself a signal.
        if op.silent or op.kind == "source":
            return
        detail = op.detail
        if op.keys:
            detail = {**detail, "keys": op.keys}
        context = op.context
        self.sink.append(
            Site(op.kind, op.asset, op.fields, op.links, op.linked, op.family, op.via),
            context.key, context.scope, context.activity, context.purpose, op.rows,
            json.dumps(detail, sort_keys=True) if detail else "")
