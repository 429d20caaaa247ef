"""[D] A checkpoint's run done again, by the same code and manifest, with one wearer's rows as they were, taken out, or
altered: what the weights are then.  Training reads as it always does (``services/training/reader.py``), from the past.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from lineage.errors import InputError, SightlineError
from lineage.privacylib import PrivacyLib
from lineage.privacylib.claims import Claims, decode
from protos.inference_pb2 import GenerateRequest, GenerateResponse
from services import checkpoint as checkpoints
from services.checkpoint import Checkpoint
from services.kinds import KINDS
from services.training import distil, finetune, reader
from services.training.chain import Chain
from services.training.manifest import Manifest, TableInput, parse
from services.training.reader import Material
from sim.stack.code import training_code
from sim.stack.deployment import at
from sim.stack.past import Past, Person, Read, Reading, cannot

Value = TypeVar("Value")
# Of weights where no row is left to learn from.
NONE = ""


@dataclass(frozen=True)
class Again:
    """``weights``: the digest; ``snapshots``: that of the rows of each input but checkpoints, in their order."""

    weights: str
    snapshots: Sequence[str]


class _Files:
    """The run's data folder, read only."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def exists(self, path: str) -> bool:
        return (self._data / path).is_file()

    def read(self, path: str, start: int = 0, size: int | None = None) -> bytes:
        return (self._data / path).read_bytes()[start:None if size is None else start + size]


class _Teacher:
    """Stands for inference's stub: one checkpoint, asked for nothing but texts.  Where inference would have said more
    (a picture, a review of its answers), the weights that come of it are others, and nothing is certified."""

    def __init__(self, made: Checkpoint, weights: bytes) -> None:
        self._made = made
        self._model: Any = KINDS[made.kind].loads(weights)

    async def Generate(self, request: GenerateRequest, **how: Any) -> GenerateResponse:
        return GenerateResponse(answer=self._model.answer(request.prompt), checkpoint=self._made.id)


class Rerun:
    """One checkpoint's run.  ``envelope``: its executed manifest as it lies in the store; ``bases``: the checkpoints
    that it was made of, which have to be certified themselves: their weights are taken as they are.

    Raises InputError (PAI004, PAI330) for a checkpoint that is not there or not genuine, RunError (PAI411) where the
    run cannot be done again.
    """

    def __init__(self, data: Path, checkpoint: str, keys: Mapping[str, bytes]) -> None:
        self._files = _Files(data)
        self._keys = keys
        self.made, self.envelope = self._found(checkpoint)
        if checkpoints.digest(self._files.read(checkpoints.weights_path(checkpoint))) != self.made.digest:
            raise cannot("the weights are not those that the manifest is about", checkpoint)
        self.run: Mapping[str, Any] = self.made.executed
        self.bases = [one["asset"].partition(":")[2] for one in self.run["inputs"]
                      if one["asset"].startswith("checkpoint:")]
        self._tables = [one for one in self.run["inputs"] if one["asset"].startswith("warehouse:")]
        self.reads = [Read(_table(one), tuple(one["columns"]), one["where"], one["rows"]) for one in self._tables]
        deployment = at(data / "deploy")
        self._manifest = self._as_run(deployment.manifests)
        self.past = Past(data, deployment, self._claims(), self.run["epoch"])

    def _found(self, checkpoint: str) -> tuple[Checkpoint, bytes]:
        checkpoints.parse_id(checkpoint)
        path = checkpoints.manifest_path(checkpoint)
        if not self._files.exists(path):
            raise InputError("PAI004", f"the run has no checkpoint {checkpoint}", where=path,
                             next="ls runs/latest/data/checkpoints")
        data = self._files.read(path)
        return checkpoints.opened(data, self._keys, checkpoint), data

    def owned(self) -> None:
        """Raises RunError (PAI411) for a personal table of which nobody knows whose rows it has."""
        for one in self._tables:
            personal = any(label["category"] or label["annotations"] for label in one["labels"].values())
            if personal and not self.past.table(_table(one)).subject:
                raise cannot("no column says whose its rows are", one["asset"])

    def again(self, person: Person) -> Again:
        """Trains.  Raises RunError (PAI411) where training fails of something else than too few rows."""
        try:
            material, weights = _apart(self._train(person))
        except InputError as error:
            if error.code != "PAI020" or not person.change:
                raise cannot(f"the run fails now: {error.what}", self.made.asset) from None
            return Again(NONE, ())
        except SightlineError as error:
            raise cannot(f"the run fails now: {error.what}", self.made.asset) from None
        return Again(weights, [one["sha256"] for one in material.inputs])

    async def _train(self, person: Person) -> tuple[Material, str]:
        """As ``TrainingService`` does it: what was read, and the digest of the weights."""
        lib = PrivacyLib("certificate")
        warehouse: Any = Reading(self.past, self.reads, person)
        store: Any = self._files
        chain = self._chain()
        run: Any = SimpleNamespace(manifest=self._manifest, chain=chain)
        with lib.scope():
            material = await reader.read(lib, store, warehouse, self._manifest)
            if chain.teacher is not None:
                weights = self._files.read(checkpoints.weights_path(chain.teacher.id))
                await distil.answers(_Teacher(chain.teacher, weights), chain.teacher, material)
            model = finetune.learnt(run, chain.weights(lib, store), material)
        return material, checkpoints.digest(model.dumps())

    def _chain(self) -> Chain:
        """The versions that the run took, whatever is the newest by now."""
        left = [self._found(name)[0] for name in self.bases]
        base = left.pop(0) if self._manifest.base is not None else None
        return Chain(base, left.pop(0) if self._manifest.teacher is not None else None)

    def _claims(self) -> Claims:
        try:
            return decode(base64.b64decode(self.run["token"], validate=True))
        except (KeyError, ValueError, TypeError):
            raise cannot("its manifest keeps no token", self.made.asset) from None

    def _as_run(self, folder: Path) -> Manifest:
        """The manifest that was sent, with the inputs as the run really read them."""
        if self.run["code"]["sha256"] != training_code():
            raise cannot("another version of the code trained it", self.made.asset)
        wanted = self.run["manifest"]["sha256"]
        texts = (path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml")))
        text = next((text for text in texts if sha256(text.encode()).hexdigest() == wanted), None)
        if text is None:
            raise cannot("the manifest that was sent is not among the deployed ones", self.made.asset)
        sent = parse(text)
        if len(sent.tables) != len(self._tables):
            raise cannot("the run read other tables than its manifest names", self.made.asset)
        tables = tuple(_read_as(item, one) for item, one in zip(sent.tables, self._tables, strict=True))
        left = {column for one in self._tables for column in one["columns"]}
        learnt = tuple(name for name in sent.learn_from if name in left) if self._tables else sent.learn_from
        return replace(sent, tables=tables, learn_from=learnt)


def _read_as(item: TableInput, one: Mapping[str, Any]) -> TableInput:
    """A remedy may have put another table in its place, or left columns out."""
    return replace(item, table=_table(one), columns=tuple(one["columns"]))


def _table(one: Mapping[str, Any]) -> str:
    return str(one["asset"]).partition(":")[2]


def _apart(work: Coroutine[Any, Any, Value]) -> Value:
    """In a thread with a loop of its own: whoever certifies may be in a loop already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
