"""What lies in the checkpoints' folder when a run is over, whatever anybody says of it: weights, executed manifests.

A manifest is opened with training's public key; what is no genuine statement says nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lineage import dsse
from lineage.enforce.tokens import Signer
from lineage.errors import InputError


class Stored(NamedTuple):
    """``weights``: their digest, in hex, "" where there are none; ``statement``: of a genuine manifest, else empty;
    ``scraps``: files that are neither, such as a part of one."""

    name: str
    weights: str
    statement: Mapping[str, Any]
    scraps: int = 0

    @property
    def whole(self) -> bool:
        """The weights are those that a genuine manifest tells of, under this name."""
        subject = {"name": f"checkpoint:{self.name}", "digest": {"sha256": self.weights}}
        return bool(self.weights) and self.statement.get("subject") == [subject]

    @property
    def predicate(self) -> Mapping[str, Any]:
        return dict(self.statement.get("predicate", {}))


def stored(data: Path, seed: int) -> dict[str, Stored]:
    """Checkpoint ("assistant@2") → what is there of it; folders without a file are not there."""
    keys = {"training": Signer(str(seed), "training").public_key}
    found = {}
    for folder in sorted((data / "checkpoints").glob("*@*")):
        weights, manifest = folder / "weights.safetensors", folder / "manifest.json"
        files = [path for path in folder.iterdir() if path.is_file()]
        if files:
            digest = hashlib.sha256(weights.read_bytes()).hexdigest() if weights in files else ""
            found[folder.name] = Stored(folder.name, digest, _statement(manifest, keys),
                                        sum(path not in (weights, manifest) for path in files))
    return found


def _statement(manifest: Path, keys: Mapping[str, bytes]) -> Mapping[str, Any]:
    try:
        return dsse.opened(manifest.read_bytes(), keys) if manifest.exists() else {}
    except InputError:
        return {}
