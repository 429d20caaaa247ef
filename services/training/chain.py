"""[D] Checkpoints that a run goes on from, asks or learns from: found before admission, with their labels.

What a model has learnt from is in its weights, so a use of the weights is a use of that: their labels are the run's
inputs like a column's.  Only the checkpoint's manifest is read here; the weights are read by the admitted run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lineage.errors import InputError
from lineage.model import Label
from lineage.names import join
from lineage.privacylib import PrivacyLib
from lineage.privacylib.contract import labels_of
from protos.inference_pb2 import GenerateResponse
from services import ancestry, versions
from services import checkpoint as checkpoints
from services.ancestry import Link
from services.checkpoint import Checkpoint
from services.kinds import KINDS
from services.seams import Store
from services.training.manifest import CheckpointInput, Manifest
from services.training.runs import RUNS

# What a teacher says: the contract's own label holds, whatever its weights are.
ANSWER = "rpc:inference.Generate.response#answer"


class Chain(NamedTuple):
    """``base``: whose weights are gone on from, or asked; ``teacher``: whose answers are learnt; ``links``: both, and
    all that they were made of."""

    base: Checkpoint | None = None
    teacher: Checkpoint | None = None
    links: Sequence[Link] = ()

    @property
    def used(self) -> list[Checkpoint]:
        return [one for one in (self.base, self.teacher) if one]

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """As the executed manifest tells of them: which weights, and what their manifest said.  The same weights can
        come of another run, for another purpose."""
        return [{"asset": one.asset, "sha256": one.digest, "manifest": one.manifest_digest,
                 **({"subjects": whose} if (whose := one.subjects) else {})} for one in self.used]

    @property
    def whose(self) -> list[str]:
        """What the executed manifest tells of persons is made from."""
        return [join(one.asset, "manifest") for one in self.used if one.subjects]

    @property
    def labels(self) -> dict[str, Label]:
        """Field-level name → label, of what the run uses of them."""
        found = {join(one.asset, "weights"): one.labels["weights"] for one in self.used}
        if self.teacher is not None:
            found[ANSWER] = labels_of(GenerateResponse.DESCRIPTOR)["answer"]
        return found

    def weights(self, lib: PrivacyLib, store: Store) -> Any:
        """The base's model, None where there is no base; call it in the run's activity.

        Raises InputError (PAI331) for bytes that are not those that the checkpoint's manifest tells of.
        """
        if self.base is None:
            return None
        with lib.read(self.base.asset, fields=("weights",)):
            data = store.read(checkpoints.weights_path(self.base.id))
        if checkpoints.digest(data) != self.base.digest:
            raise InputError("PAI331", f"{self.base.id} does not have the digest that its manifest tells: no run goes "
                                       "on from it", where=self.base.asset, next="train it again")
        return KINDS[self.base.kind].loads(data)


def chain(lib: PrivacyLib, store: Store, keys: Mapping[str, bytes], manifest: Manifest) -> Chain:
    """``keys``: key id → public key of who may sign an executed manifest.

    Raises InputError: PAI028 for a version of the run's own output that is still to be made, PAI029 for a checkpoint
    that is not there or is a model of another kind; and as ``ancestry.manifest`` and ``ancestry.back``.
    """
    base, teacher = (None if wanted is None else _found(lib, store, keys, manifest, wanted)
                     for wanted in (manifest.base, manifest.teacher))
    asks = RUNS[manifest.run].asks
    if base is not None and not asks:
        kind = KINDS[manifest.kind]
        if base.kind != (kind.begins or manifest.kind):
            raise _unfit(manifest.base, f"it is a model of the kind {base.kind!r}, and the run makes one of the kind "
                                        f"{manifest.kind!r}")
        if kind.tune is None:
            raise _unfit(manifest.base, f"a model of the kind {base.kind!r} does not go on learning")
    for wanted, one in ((manifest.teacher, teacher), (manifest.base, base if asks else None)):
        if one is not None and one.kind != "text":
            raise _unfit(wanted, f"it is a model of the kind {one.kind!r}, which answers no question")
    found = Chain(base, teacher)
    return found._replace(links=ancestry.back(lib, store, keys, *found.used))


def _found(lib: PrivacyLib, store: Store, keys: Mapping[str, bytes], manifest: Manifest,
           wanted: CheckpointInput) -> Checkpoint:
    newest = versions.newest(store, checkpoints.FILE[0], wanted.name)
    version = wanted.version or newest
    if version > newest and wanted.name == manifest.output:
        raise InputError("PAI028", f"{manifest.activity} would begin from {wanted}, which is a version of its own "
                                   f"output that no run has made: the newest is {_named(wanted.name, newest)}",
                         where=wanted.place, next=f"name a version that is there, or write {wanted.name} alone")
    wants = f"{wanted.name}@{version}"
    if not version or not store.exists(checkpoints.manifest_path(wants)):
        raise _unfit(wanted, f"the newest is {_named(wanted.name, newest)}")
    return ancestry.manifest(lib, store, keys, wants)


def _named(name: str, version: int) -> str:
    return f"{name}@{version}" if version else "none"


def _unfit(wanted: CheckpointInput | None, why: str) -> InputError:
    assert wanted is not None
    return InputError("PAI029", f"no run can go on from {wanted}: {why}", where=wanted.place,
                      next="train it first, or name another checkpoint")
