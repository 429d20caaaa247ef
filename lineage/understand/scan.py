"""Understand: IngestScan, the PrivacyLib extension that scans what is read and proposes tags.

It runs after a read, and at a source probe.  What a label does not cover is a finding (PAI101) at the
field; whatever was found becomes a part of the asset (``web:ask#photo.exif.gps``), with its parent as
source.  No payload value leaves this module.  It refuses nothing (that is Enforce's), and looks only at
what comes in.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Mapping
from threading import Lock

from lineage.model import Finding
from lineage.names import join
from lineage.privacylib.extension import Extension
from lineage.privacylib.operation import Operation
from lineage.understand.detectors import Proposal, detect, detect_picture
from lineage.understand.exif import block_of, is_picture
from lineage.understand.taxonomy import covers

_MAX_CACHED = 1_024
# A read with its payload, or a source probe: what an HTTP handler says once it has parsed the body.
_INCOMING = frozenset({"read", "source"})


class IngestScan(Extension):
    """Scans reads of ``assets`` (names without field; None: every asset)."""

    def __init__(self, assets: Collection[str] | None = None) -> None:
        self._assets = None if assets is None else frozenset(assets)
        # Digest of (field, EXIF block) → proposals: the same picture asked about twice is read once.
        self._pictures: OrderedDict[bytes, tuple[Proposal, ...]] = OrderedDict()
        self._lock = Lock()

    def after(self, op: Operation) -> None:
        """Reports what the payload holds beyond its labels.  Never raises for what a payload contains."""
        if op.kind not in _INCOMING or not isinstance(op.payload, Mapping):
            return
        if self._assets is not None and op.asset not in self._assets:
            return
        for field, value in op.payload.items():
            for proposal in self._proposals(field, value):
                self._report(op, field, proposal)

    def _report(self, op: Operation, field: str, proposal: Proposal) -> None:
        label = op.lib.label(op.asset, proposal.path)  # a part without a label of its own has its parent's
        if not covers(label.category, proposal.category):
            says = label.category or (f"operational: {label.operational}" if label.operational else "nothing")
            place = join(op.asset, proposal.path)
            op.lib.finding(Finding(
                code="PAI101",
                asset=join(op.asset, field),
                what=f"{place} holds {proposal.category} (rule {proposal.rule}, {proposal.confidence}); "
                     f"its label says {says}",
                next=f"have the label of {place} cover {proposal.category}, or strip it before it enters",
            ))
        op.lib.proposed(op.asset, proposal.path, proposal.category)

    def _proposals(self, field: str, value: object) -> tuple[Proposal, ...]:
        if not isinstance(value, bytes) or not is_picture(value):
            return detect(field, value)
        block = block_of(value)
        if not block:
            return ()
        key = hashlib.blake2b(block, key=field.encode()[:64], digest_size=16).digest()
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
                return self._pictures[key]
        proposals = tuple(detect_picture(field, block))
        with self._lock:
            self._pictures[key] = proposals
            if len(self._pictures) > _MAX_CACHED:
                self._pictures.popitem(last=False)
        return proposals
