"""[D] Which checkpoints are served: loaded from the store, and only with a manifest that training has signed for just
these weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

from lineage import dsse
from lineage.errors import InputError, RunError
from lineage.privacylib import PrivacyLib
from services import checkpoint as checkpoints
from services.checkpoint import Checkpoint
from services.inference.endpoint import Endpoint
from services.inference.remote import Remote
from services.inference.speaker import Learnt, Speaker
from services.kinds import KINDS
from services.model import Model
from services.seams import Store

T = TypeVar("T")


class Serving(NamedTuple, Generic[T]):
    checkpoint: Checkpoint | Endpoint
    model: T


class Registry:
    """``keys``: key id → public key of who may sign an executed manifest."""

    def __init__(self, lib: PrivacyLib, store: Store, keys: Mapping[str, bytes]) -> None:
        self._lib = lib
        self._store = store
        self._keys = keys
        self._loaded: dict[str, Serving[object]] = {}
        self._serving: dict[str, str] = {}
        # Names under which a model answers that somebody else runs.
        self._elsewhere: set[str] = set()

    def load(self, checkpoint: str, digest: str = "") -> Serving[object]:
        """Puts "assistant@2" into service.  ``digest``: what the caller expects, the manifest's own when empty.

        Raises InputError for a checkpoint that is missing or no model (PAI004), whose manifest is not genuine (PAI330)
        or of other weights, or that is other than expected (PAI331); what was served before is still served then.
        """
        name, _ = checkpoints.parse_id(checkpoint)
        found = self._manifest(checkpoint)
        with self._lib.read(found.asset, fields=("weights",)):
            weights = self._store.read(checkpoints.weights_path(checkpoint))
        actual = checkpoints.digest(weights)
        for wanted in (digest or found.digest, found.digest):
            if actual != wanted:
                raise InputError("PAI331", f"{checkpoint} has the digest {actual[:12]}…, not {wanted[:12]}…: it is "
                                           "not served", where=found.asset, next="train it again")
        self._loaded[checkpoint] = Serving(found, KINDS[found.kind].loads(weights))
        if name not in self._elsewhere:  # else it answers only who asks for it by its version
            self._serving[name] = checkpoint
        return self._loaded[checkpoint]

    def add(self, remote: Remote) -> None:
        """A model that somebody else runs answers from now on under its name."""
        self._loaded[remote.endpoint.id] = Serving(remote.endpoint, remote)
        self._serving[remote.endpoint.model] = remote.endpoint.id
        self._elsewhere.add(remote.endpoint.model)

    def resume(self, name: str) -> None:
        """Serves the newest checkpoint of ``name`` that is meant to be served, if the store has one."""
        for version in range(checkpoints.newest(self._store, name), 0, -1):
            checkpoint = f"{name}@{version}"
            if self._store.exists(checkpoints.manifest_path(checkpoint)) and self._manifest(checkpoint).serve:
                self.load(checkpoint)
                return

    def find(self, model: str, kind: type[T]) -> Serving[T]:
        """By name, or pinned ("assistant@1") where that was loaded.

        Raises RunError (PAI031) where there is none, InputError (PAI004) for a model of another kind.
        """
        found = self._loaded.get(self._serving.get(model, model))
        if found is None:
            raise RunError("PAI031", f"no checkpoint of {model!r} is served", where="inference",
                           next="train one: services/training/manifests/assistant_base.yaml")
        if not isinstance(found.model, kind):
            raise InputError("PAI004", f"{model!r} is a model of the kind {found.checkpoint.kind}: it cannot do this",
                             where="inference")
        return Serving(found.checkpoint, found.model)

    def speaker(self, model: str) -> Serving[Speaker]:
        """Raises as :meth:`find`."""
        found = self.find(model, object)
        if isinstance(found.model, Remote):
            return Serving(found.checkpoint, found.model)
        learnt = self.find(model, Model)
        return Serving(learnt.checkpoint, Learnt(learnt.model))

    def has(self, model: str) -> bool:
        return self._serving.get(model, model) in self._loaded

    def _manifest(self, checkpoint: str) -> Checkpoint:
        asset = f"checkpoint:{checkpoint}"
        if not self._store.exists(checkpoints.manifest_path(checkpoint)):
            raise InputError("PAI004", f"the store has no checkpoint {checkpoint}", where=asset)
        with self._lib.read(asset, fields=("manifest",)):
            data = self._store.read(checkpoints.manifest_path(checkpoint))
        found = checkpoints.stated(dsse.opened(data, self._keys, asset), asset)
        if found.id != checkpoint:
            raise InputError("PAI331", f"the manifest is that of {found.id}", where=asset)
        self._lib.register(asset, found.labels, found.owner)
        return found
