"""[D] A checkpoint in the store: ``checkpoints/<name>@<version>/weights.safetensors`` and ``manifest.json``.

The manifest is written last: a checkpoint without one is none.  Labels travel in it, so that
whoever serves the checkpoint knows what its weights were learnt from.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field

from lineage.errors import InputError
from lineage.model import Label
from services.kinds import KINDS
from services.seams import Store

_ID = re.compile(r"(?P<name>[a-z][a-z0-9_]*)@(?P<version>[1-9][0-9]{0,8})")


@dataclass(frozen=True)
class Checkpoint:
    """``id`` is "assistant@2"; ``digest`` is the SHA-256 of the weights, in hex."""

    name: str
    version: int
    digest: str
    rows: int
    trained_by: str
    purpose: str
    owner: str
    inputs: tuple[str, ...]
    serve: bool
    annotations: tuple[str, ...] = field(default=())
    category: str = ""
    kind: str = "text"

    @property
    def id(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def asset(self) -> str:
        return f"checkpoint:{self.id}"

    @property
    def labels(self) -> dict[str, Label]:
        """The weights have the join of their inputs' labels; the manifest holds none of their data."""
        weights = Label(self.category, self.annotations, "" if self.category else "weights")
        return {"weights": weights, "manifest": Label(operational="structure")}

    def dumps(self) -> bytes:
        return (json.dumps({"format": 1, **asdict(self)}, sort_keys=True, indent=1) + "\n").encode()


def loads(data: bytes, where: str) -> Checkpoint:
    """Raises InputError (PAI004) for a manifest that :meth:`Checkpoint.dumps` cannot have made."""
    try:
        said = json.loads(data)
        if said.pop("format") != 1:
            raise ValueError("another format")
        said |= {name: tuple(map(str, said[name])) for name in ("inputs", "annotations")}
        if said.setdefault("kind", "text") not in KINDS:
            raise ValueError(f"a model of an unknown kind {said['kind']!r}")
        return Checkpoint(**said)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("PAI004", f"the checkpoint's manifest cannot be read: {error}", where=where) from None


def digest(weights: bytes) -> str:
    return hashlib.sha256(weights).hexdigest()


def weights_path(checkpoint: str) -> str:
    return f"checkpoints/{checkpoint}/weights.safetensors"


def manifest_path(checkpoint: str) -> str:
    return f"checkpoints/{checkpoint}/manifest.json"


def parse_id(text: str) -> tuple[str, int]:
    """("assistant", 2) for "assistant@2".  Raises InputError (PAI004)."""
    match = _ID.fullmatch(text)
    if match is None:
        raise InputError("PAI004", f"{text!r} names no checkpoint: name@version", where="checkpoint")
    return match["name"], int(match["version"])


def newest(store: Store, name: str) -> int:
    """The highest version in the store; 0 for none.  Versions count up from 1 without a hole."""
    version = 0
    while store.exists(weights_path(f"{name}@{version + 1}")):
        version += 1
    return version
