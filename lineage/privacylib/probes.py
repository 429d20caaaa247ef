"""[A] Privacy probes between the components of a service: what one hands to the next is compared (S3).

Within one request, each sink's payload is compared with what the sources before it saw.  The verdict
and a keyed hash are a signal; the payload stays in the process.

>>> from lineage.privacylib import Capture, MemorySink, PrivacyLib
>>> sink = MemorySink()
>>> lib = PrivacyLib("web", [Capture(sink), Probes(rate=1.0, seed=7, key=b"of this run")], family="A")
>>> with lib.scope(key="0af7651916cd43dd8448eb211c80319c"):
...     lib.source("web:ask", {"utterance": "What is that building?"})
...     hand_over(lib, "web:prompt", {"prompt": "What is that building?"}, {"prompt": ["web:ask#utterance"]})
>>> for record in sink.records:
...     print(record.site.op, record.site.asset, record.detail)
probe web:prompt {"matched": [[0, "", "7131f867bbf16e1f"]], "pairs": [["web:ask#utterance", "web:prompt#prompt", \
"EXACT_MATCH", "HIGH"]]}
probe web:prompt {"pairs": [["web:ask#utterance", "web:prompt#prompt", "sources", "HIGH"]]}

A hand-over in memory is no physical operation, so it is a probe and never a read or a write.
Operational fields are not compared.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lineage.model import Links
from lineage.names import join
from lineage.privacylib.compare import compare
from lineage.privacylib.extension import Extension
from lineage.privacylib.failure import run
from lineage.privacylib.look import SINKS, STARTS, Held, Look
from lineage.privacylib.operation import Operation, Sources
from lineage.privacylib.recent import Recent
from lineage.privacylib.sampling import Sampling
from lineage.privacylib.value import Limits, Value

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib

__all__ = ["Probes", "Sampling", "compare", "hand_over"]

_HELD = "probes"


def hand_over(lib: PrivacyLib, asset: str, payload: Mapping[str, object], sources: Sources) -> None:
    """One component hands ``payload`` (field → value) to the component ``asset``; ``sources``: field → names.

    A sink for what the scope's sources saw, and then a source itself.
    """
    with Operation(lib, lib.context, "probe", asset, fields=tuple(payload), sources=sources, payload=payload) as op:
        if op.links:
            op.detail = _said(asset, op.links)


@lru_cache(maxsize=1024)
def _said(asset: str, links: Links) -> dict[str, Any]:
    """What the code says of a hand-over, in the form of verdicts."""
    return {"pairs": [[source, join(asset, field), "sources", "HIGH"] for field, names in links for source in names]}


class Probes(Extension):
    """``rate``: the share of requests looked at, by ``seed`` and correlation key; ``key``: of the hashes,
    made anew for every run where none is given.  ``sampling`` may be replaced while it runs."""

    def __init__(self, rate: float = 1.0, seed: int = 0, key: bytes | None = None) -> None:
        self.sampling = Sampling(rate, seed)
        self.limits: Limits = Limits()
        self._key = key or secrets.token_bytes(32)
        self._recent = Recent()

    @staticmethod
    def of(lib: PrivacyLib) -> Probes | None:
        """The probes of a service, where it has some."""
        return next((extension for extension in lib.extensions if isinstance(extension, Probes)), None)

    def after(self, op: Operation) -> None:
        """Never raises for what a payload is or does."""
        kind, payload = op.kind, op.payload
        if payload is None or (kind not in SINKS and kind not in STARTS):
            return
        held = op.context.sources.get(_HELD)
        if held is None:
            if kind not in STARTS or not self.sampling.takes(op.context.key):
                return
            held = op.context.sources[_HELD] = Held()
        try:
            detail = self._looked(Look(op, held, self._common))
        except Exception as error:
            # The type alone: a message may quote the payload.
            detail = self._limited(Limits({f"failed: {type(error).__name__}": 1}))
        if detail and not op.silent:
            note = Operation(op.lib, op.context, "probe", op.asset, detail=detail)
            run(note.site.afters, note)

    def _common(self, value: Value) -> bool:
        return self._recent.common(value.mark)

    def _looked(self, look: Look) -> dict[str, Any]:
        """The verdicts; ``matched``: [index of the pair, why it is LOW, keyed hash of the source's value]."""
        pairs = look.pairs()
        self._recent.add(value.mark for value in look.fresh)
        detail = self._limited(look.limits)
        if pairs:
            detail["pairs"] = pairs
        if look.matched:
            detail["matched"] = [(index, why, self._hash(value)) for index, why, value in look.matched]
        return detail

    def _limited(self, limits: Limits) -> dict[str, Any]:
        """What was not looked at in full, counted by reason."""
        self.limits.update(limits)
        return {"limits": dict(sorted(limits.items()))} if limits else {}

    def _hash(self, value: Value) -> str:
        """Says that two matches were of the same value, and nothing else; of no use without the run's key."""
        if not value.hash:
            value.hash = hmac.digest(self._key, value.mark, "sha256")[:8].hex()
        return value.hash
