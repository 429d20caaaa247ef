"""Which version of the code trains: a digest of its sources, for the executed manifest [D]."""

from __future__ import annotations

import hashlib

from sim.stack.deployment import ROOT

# What decides over the bytes of weights: the models and how their rows are read.
_SOURCES = ("services/*.py", "services/training/*.py", "lineage/condition.py")


def training_code() -> str:
    """SHA-256, in hex, over the names and bytes of the sources; read, not imported."""
    found = hashlib.sha256()
    for path in sorted(path for pattern in _SOURCES for path in ROOT.glob(pattern)):
        data = path.read_bytes()
        found.update(f"{path.relative_to(ROOT).as_posix()} {len(data)}\n".encode() + data)
    return found.hexdigest()
