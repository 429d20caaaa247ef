"""[D] What a run has done: the executed manifest, which says of the weights what they were made of and under which
decisions.  The checkpoint's labels are the join of its inputs'.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

from lineage.model import Label
from lineage.names import join
from services import checkpoint as checkpoints
from services.admission import kept
from services.checkpoint import Checkpoint
from services.training.chain import Chain
from services.training.gate import Admission, Inputs
from services.training.manifest import Manifest
from services.training.reader import Material


@dataclass(frozen=True)
class Run:
    """An admitted run.  ``manifest``, ``inputs``: what is really run, with ``remedies`` applied; ``text``: the manifest
    as it was sent; ``code``: the digest of the code that trains."""

    manifest: Manifest
    text: str
    purpose: str
    inputs: Inputs
    admission: Admission
    code: str
    chain: Chain
    remedies: list[dict[str, Any]] = field(default_factory=list)

    def made(self, version: int, weights: bytes, material: Material) -> Checkpoint:
        """The checkpoint that the run has made, with its executed manifest."""
        manifest = self.manifest
        return Checkpoint(manifest.output, version, checkpoints.digest(weights), len(material.pairs),
                          manifest.activity, self.purpose, manifest.owner, manifest.serve, self.inputs.annotations,
                          self.inputs.category, manifest.kind, self.executed(material))

    def executed(self, material: Material) -> dict[str, Any]:
        """What the run has read, and under which decisions: of whatever it has made."""
        manifest, admission = self.manifest, self.admission
        return {
            "region": manifest.region,
            "manifest": {"version": manifest.version, "sha256": hashlib.sha256(self.text.encode()).hexdigest()},
            "code": {"sha256": self.code},
            "parameters": dict(manifest.parameters),
            "inputs": [*(self._labelled(one) for one in material.inputs), *self.chain.inputs],
            "remedies": self.remedies,
            "decisions": [admission.decision],
            "requirements": list(admission.requirements),
            "epoch": admission.claims.epoch,
            "admission": kept(admission.request, admission.claims),
            # What the policy service has signed.  It has ended by the time that anybody reads it here, and was good for
            # training alone: it is kept as evidence (``lineage.demonstrate.certificate``).
            "token": base64.b64encode(admission.token).decode(),
        }

    def _labelled(self, one: dict[str, Any]) -> dict[str, Any]:
        """An input that was read, with what its columns are labelled as."""
        if "columns" not in one:
            return one
        labels = {column: self.inputs.labels.get(join(one["asset"], column), Label()) for column in one["columns"]}
        return {**one, "labels": {column: {"category": label.category, "annotations": list(label.annotations)}
                                  for column, label in labels.items()}}
