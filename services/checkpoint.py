"""[D] A checkpoint in the store: ``checkpoints/<name>@<version>/weights.safetensors`` and ``manifest.json``.

The manifest is written last: a checkpoint without one is none.  It is the *executed* manifest, an in-toto Statement
about the weights, signed by training (``lineage.dsse``): what the run read, under which decisions, and the join of its
inputs' labels, so that whoever serves the checkpoint knows what its weights were learnt from.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lineage import dsse
from lineage.dsse import CODE, STATEMENT
from lineage.errors import InputError
from lineage.model import Label
from lineage.names import join
from services import versions
from services.kinds import KINDS

TYPE = "urn:sightline:training-run:v1"
# The principal that signs; its name is the key's id.
SIGNER = "training"
# Where they lie, and in which file.
FILE = ("checkpoints", "weights.safetensors")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("run", "purpose", "owner", "category", "kind")


@dataclass(frozen=True)
class Checkpoint:
    """``id`` is "assistant@2"; ``digest`` is the SHA-256 of the weights, in hex.  ``executed``: all that the manifest
    says of the run; ``manifest_digest``: the SHA-256 of its payload, empty where it is
    still to be sealed."""

    name: str
    version: int
    digest: str
    rows: int
    trained_by: str
    purpose: str
    owner: str
    serve: bool
    annotations: tuple[str, ...] = ()
    category: str = ""
    kind: str = "text"
    executed: Mapping[str, Any] = field(default_factory=dict, compare=False)
    manifest_digest: str = field(default="", compare=False)

    @property
    def id(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def asset(self) -> str:
        return f"checkpoint:{self.id}"

    @property
    def labels(self) -> dict[str, Label]:
        """The weights have the join of their inputs' labels; so has a manifest that says whose rows were read, by
        pseudonym, and any other holds none of their data."""
        weights = Label(self.category, self.annotations, "" if self.category else "weights")
        return {"weights": weights, "manifest": told(self.executed, self.annotations)}

    @property
    def subjects(self) -> list[str]:
        return subjects(self.executed)

    @property
    def content(self) -> str:
        """The field that holds what it was made of."""
        return join(self.asset, "weights")

    def statement(self, **of_run: Any) -> dict[str, Any]:
        """The executed manifest, with what else is to be said of the run."""
        return statement(self.asset, self.digest, **{
            **of_run, "run": self.trained_by, "purpose": self.purpose, "owner": self.owner, "serve": self.serve,
            "rows": self.rows, "annotations": list(self.annotations), "category": self.category, "kind": self.kind})


def subjects(executed: Mapping[str, Any]) -> list[str]:
    """Whose rows a run has read, by pseudonym, as far as their consent was needed; those of what it goes on from are
    among them."""
    inputs = executed.get("inputs", ())
    return sorted({str(name) for one in inputs if isinstance(one, dict) for name in one.get("subjects", ())})


def told(executed: Mapping[str, Any], annotations: tuple[str, ...]) -> Label:
    """Of an executed manifest: who says whose rows were read says something of them."""
    return Label("user.identifier", annotations) if subjects(executed) else Label(operational="structure")


def statement(asset: str, digest: str, **of_run: Any) -> dict[str, Any]:
    """The executed manifest of whatever a run has made; ``digest``: of its bytes."""
    return {"_type": STATEMENT, "predicateType": TYPE, "subject": [{"name": asset, "digest": {"sha256": digest}}],
            "predicate": of_run}


def opened(data: bytes, keys: Mapping[str, bytes], where: str) -> Checkpoint:
    """Of a manifest as it lies in the store.  Raises InputError (PAI330) for one that nobody of ``keys`` has signed, or
    that is about something else."""
    return stated(dsse.opened(data, keys, where), where)


def stated(statement: Mapping[str, Any], where: str) -> Checkpoint:
    """The checkpoint that an executed manifest is about.  Raises InputError (PAI330) for another statement."""
    try:
        if statement["predicateType"] != TYPE:
            raise ValueError(f"a predicate of the type {statement['predicateType']!r}")
        [subject] = statement["subject"]
        said, digest = statement["predicate"], subject["digest"]["sha256"]
        name, version = parse_id(str(subject["name"]).removeprefix("checkpoint:"))
        annotations, rows = said["annotations"], said["rows"]
        if not all(isinstance(said[key], str) for key in _TEXTS) or not isinstance(said["serve"], bool):
            raise ValueError("a field has another type")
        if type(rows) is not int or rows < 0 or not _DIGEST.fullmatch(digest):
            raise ValueError("its rows or its digest are none")
        if not isinstance(annotations, list) or not all(isinstance(one, str) for one in annotations):
            raise ValueError("its annotations are no texts")
        if said["kind"] not in KINDS:
            raise ValueError(f"a model of an unknown kind {said['kind']!r}")
        return Checkpoint(name, version, digest, rows, said["run"], said["purpose"], said["owner"], said["serve"],
                          tuple(annotations), said["category"], said["kind"], said, dsse.digest(statement))
    except (ValueError, KeyError, TypeError, AttributeError, InputError) as error:
        raise InputError(CODE, f"the executed manifest cannot be read: {error}", where=where) from None


def digest(weights: bytes) -> str:
    return hashlib.sha256(weights).hexdigest()


def weights_path(checkpoint: str) -> str:
    return f"{FILE[0]}/{checkpoint}/{FILE[1]}"


def manifest_path(checkpoint: str) -> str:
    return versions.manifest_path(FILE[0], checkpoint)


def parse_id(text: str) -> tuple[str, int]:
    """("assistant", 2) for "assistant@2".  Raises InputError (PAI004)."""
    match = versions.ID.fullmatch(text)
    if match is None:
        raise InputError("PAI004", f"{text!r} names no checkpoint: name@version", where="checkpoint")
    return match["name"], int(match["version"])
