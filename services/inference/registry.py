"""[D] Which checkpoints are served: loaded from the store, and only with a manifest that training has signed for just
these weights.

A model's newest checkpoint answers all of its requests, unless a roll-out shares them out (``traffic.py``); that is
kept in the store, so that it outlives the process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Generic, NamedTuple, TypeVar

from lineage.errors import InputError, PolicyDenied, RunError, SightlineError
from lineage.model import Finding
from lineage.privacylib import PrivacyLib
from services import ancestry, versions
from services import checkpoint as checkpoints
from services.admission import Asked, Permission, all_still, asked, origins
from services.checkpoint import Checkpoint
from services.inference import traffic
from services.inference.endpoint import Endpoint
from services.inference.kept import Kept
from services.inference.remote import Remote
from services.inference.speaker import Learnt, Speaker
from services.inference.traffic import Traffic
from services.kinds import KINDS
from services.model import Model
from services.seams import Store

T = TypeVar("T")
_log = logging.getLogger("sightline.inference")
# What says which checkpoint is served: it is written down, and told.
LOAD = ["rpc:inference.Load.request#checkpoint"]
ROLL_OUT = ["rpc:inference.RollOut.request#checkpoint", "rpc:inference.RollOut.request#share"]
ROLL_BACK = ["rpc:inference.RollBack.request#model"]


class Serving(NamedTuple, Generic[T]):
    """``asked``: for what consent was asked of whoever's rows it was made of."""

    checkpoint: Checkpoint | Endpoint
    model: T
    asked: Asked = Asked()


class Registry:
    """``keys``: key id → public key of who may sign an executed manifest.  ``policy``: a stub, asked before a
    checkpoint is served; ``permission``: what is judged here then, and at each answer.  ``recorded``: names of
    models of which the store says from the first one on what is served, so that it is known when they are gone."""

    def __init__(self, lib: PrivacyLib, store: Store, keys: Mapping[str, bytes], policy: Any,
                 permission: Permission, recorded: Collection[str] = ()) -> None:
        self._lib = lib
        self._store = store
        self._keys = keys
        self._policy = policy
        self._permission = permission
        self._kept = Kept(lib, store, recorded)
        # One change at a time: each asks the policy service in the middle.
        self._changing = asyncio.Lock()
        self._loaded: dict[str, Serving[object]] = {}
        self._traffic: dict[str, Traffic] = {}
        # Names of models of which a checkpoint could not be served again.
        self._failed: set[str] = set()
        # Names under which a model answers that somebody else runs.
        self._elsewhere: set[str] = set()
        # Checkpoints that were served and may not be any more, and why.
        self._ended: dict[str, str] = {}

    async def load(self, checkpoint: str, digest: str = "") -> Serving[object]:
        """Puts "assistant@2" into service.  ``digest``: what the caller expects, the manifest's own when empty.

        Raises InputError for a checkpoint that is missing or no model (PAI004), whose manifest is not genuine (PAI330)
        or of other weights, or that is other than expected (PAI331), or of which it cannot be told what it was made of
        (PAI337), and PolicyDenied for one that may not be served, or goes back to one that may not be used (any more);
        what was served before is still served then, unless it is the one that is refused (``_end``).
        """
        name, _ = checkpoints.parse_id(checkpoint)
        async with self._changing:
            serving = await self._asked(checkpoint, LOAD, digest)
            if name not in self._elsewhere:  # else it answers only who asks for it by its version
                now = self._traffic.get(name)
                self._settle(name, now.serve(checkpoint) if now else Traffic(checkpoint), LOAD)
            return serving

    async def roll_out(self, checkpoint: str, share: float) -> Traffic:
        """Gives "assistant@2" a share of the requests, from the ones that assistant@1 answers.

        Raises InputError: PAI036 for what cannot be rolled out, else as :meth:`load`, with which nothing has changed
        but what that says.
        """
        name, _ = checkpoints.parse_id(checkpoint)
        async with self._changing:
            now = self._rolled(name, beside=True)
            after = now.roll_out(checkpoint, share)
            await self._asked(checkpoint, ROLL_OUT, beside=self._loaded[now.serving].checkpoint)
            return self._settle(name, after, ROLL_OUT, keep=True)

    async def roll_back(self, name: str) -> Traffic:
        """Raises InputError (PAI036) where there is nothing to go back to, else as :meth:`load`."""
        async with self._changing:
            now = self._rolled(name)
            after = now.roll_back()
            if after.serving != now.serving:  # that it could be served once does not say that it still may be
                await self._asked(after.serving, ROLL_BACK)
            return self._settle(name, after, ROLL_BACK, keep=True)

    def _rolled(self, name: str, *, beside: bool = False) -> Traffic:
        found = self._traffic.get(name)
        if found is None or name in self._elsewhere or (beside and found.serving not in self._loaded):
            raise InputError("PAI036", f"{name[:80]!r} is served by nobody here: there is nothing to roll out "
                                       "beside, or to go back to", where=f"checkpoint:{name[:80]}",
                             next="train one that is served")
        return found

    def _settle(self, name: str, after: Traffic, told: Sequence[str], *, keep: bool = False) -> Traffic:
        self._kept.write(name, after, told, keep=keep)
        self._traffic[name] = after
        return after

    async def _asked(self, checkpoint: str, told: Sequence[str], digest: str = "",
                     beside: Checkpoint | Endpoint | None = None) -> Serving[object]:
        """``_load``; one that is served and may not be any more does not go on answering.  Where nobody could be asked
        (PAI305), nobody has said so."""
        try:
            return await self._load(checkpoint, digest, beside)
        except PolicyDenied as error:
            if error.code != "PAI305" and checkpoint in self._loaded:
                await self._end(checkpoint, error, told)
            raise

    async def _end(self, checkpoint: str, error: PolicyDenied, told: Sequence[str]) -> None:
        """Takes it out of service, also for who asks for it by its version.  What was served before it is served, as
        far as that still may be, as after a restart; else nothing: what is kept still names it, so that a restart asks
        again.  A candidate keeps its share."""
        name, _ = checkpoints.parse_id(checkpoint)
        del self._loaded[checkpoint]
        self._ended[checkpoint] = error.what
        self._failed.add(name)
        _log.warning("inference: %s is taken out of service: %s", checkpoint, error)
        self._lib.finding(Finding(error.code, f"checkpoint:{checkpoint}", f"taken out of service: {error.what}",
                                  error.next))
        now = self._traffic.get(name)
        if now is None or name in self._elsewhere:
            return
        if checkpoint == now.candidate:
            self._settle(name, now.roll_back(), told)
        elif checkpoint == now.serving:
            for before in now.older:
                if await self._resumed(before.serving, told):
                    if (other := self._traffic[name].candidate) != before.serving:
                        before = replace(before, candidate=other, share=now.share if other else 0.0)
                    self._settle(name, before, told)
                    return

    async def _load(self, checkpoint: str, digest: str = "",
                    beside: Checkpoint | Endpoint | None = None) -> Serving[object]:
        """``beside``: what it is to take requests from; a model of another kind cannot (PAI036)."""
        with self._refusals(checkpoint):
            found = self._manifest(checkpoint)
            links = ancestry.back(self._lib, self._store, self._keys, found)
        if beside is not None and beside.kind != found.kind:
            raise InputError("PAI036", f"{checkpoint} is a model of the kind {found.kind}, and {beside.id} one of the "
                                       f"kind {beside.kind}", where=found.asset)
        await all_still(self._policy, self._permission, links, "serving", found.asset, "")
        with self._lib.read(found.asset, fields=("weights",)):
            weights = self._store.read(checkpoints.weights_path(checkpoint))
        actual = checkpoints.digest(weights)
        for wanted in (digest or found.digest, found.digest):
            if actual != wanted:
                with self._refusals(checkpoint):
                    raise InputError("PAI331", f"{checkpoint} has the digest {actual[:12]}…, not {wanted[:12]}…: it is "
                                               "not served", where=found.asset, next="train it again")
        self._loaded[checkpoint] = Serving(found, KINDS[found.kind].loads(weights), asked(links))
        self._ended.pop(checkpoint, None)
        return self._loaded[checkpoint]

    def add(self, remote: Remote) -> None:
        """A model that somebody else runs answers from now on under its name."""
        self._loaded[remote.endpoint.id] = Serving(remote.endpoint, remote)
        self._traffic[remote.endpoint.model] = Traffic(remote.endpoint.id)
        self._elsewhere.add(remote.endpoint.model)

    async def resume(self, name: str) -> None:
        """Serves what was kept as served, or what was before that; where nothing was kept, the newest checkpoint of
        ``name`` that is meant to be served.  What may not be, or is not genuine, is a finding, and the one before it is
        served."""
        if (found := self._before(name)) is not None:
            if await self._resumed(found.serving):
                if found.candidate and not await self._resumed(found.candidate):
                    found = found.roll_back()
                self._traffic[name] = found
                return
            for before in found.older:
                if await self._resumed(before.serving):
                    self._traffic[name] = before
                    return
            return
        for version in versions.every(self._store, checkpoints.FILE[0], name):
            checkpoint = f"{name}@{version}"
            if not self._store.exists(checkpoints.manifest_path(checkpoint)):
                self._failed.add(name)  # it may have been served: who asks for more than an answer is to know
            elif await self._resumed(checkpoint, meant=True):
                self._traffic[name] = Traffic(checkpoint)
                return

    def _before(self, name: str) -> Traffic | None:
        """What the store says is served; what cannot be read is a finding, and says nothing."""
        try:
            return self._kept.read(name)
        except InputError as error:
            self._lib.finding(Finding(error.code, f"file:{traffic.path(name)}", error.what, error.next))
            self._failed.add(name)
            return None

    async def _resumed(self, checkpoint: str, told: Sequence[str] = (), *, meant: bool = False) -> bool:
        """``meant``: only one that is meant to be served."""
        try:
            if meant and not self._manifest(checkpoint).serve:
                return False
            await self._asked(checkpoint, told)
        except SightlineError as error:
            _log.warning("inference: %s is not served again: %s", checkpoint, error)
            self._lib.finding(Finding(error.code, f"checkpoint:{checkpoint}", f"not served again: {error.what}",
                                      error.next))
            self._failed.add(checkpoint.partition("@")[0])
            return False
        return True

    def find(self, model: str, kind: type[T]) -> Serving[T]:
        """By name, or pinned ("assistant@1") where that was loaded.

        Raises RunError (PAI031) where there is none, PolicyDenied (PAI335) where it may not be used for the purpose of
        the request, InputError: PAI004 for a model of another kind, and as ``ancestry.same`` for one that is pinned.
        """
        found = self._loaded.get(chosen := self._chosen(model))
        if found is None:
            why = self._ended.get(chosen)
            raise RunError("PAI031", f"no checkpoint of {model!r} is served" + (
                f": {chosen} was taken out of service, since {why}" if why else ""), where="inference",
                next="train it again, or load another one" if why
                else "train one: services/training/manifests/assistant_base.yaml")
        if model == found.checkpoint.id and isinstance(found.checkpoint, Checkpoint):
            with self._refusals(model):
                ancestry.same(self._lib, self._store, self._keys, found.checkpoint)
        self._permitted(found)
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
        return self._chosen(model) in self._loaded

    def digest(self, model: str) -> str:
        """Of what would answer the request that is handled; empty where nothing would."""
        found = self._loaded.get(self._chosen(model))
        return found.checkpoint.digest if found else ""

    def lost(self, model: str) -> bool:
        """It was served before, and no checkpoint of it can be now."""
        return model in self._failed and not self.has(model)

    def _chosen(self, model: str) -> str:
        """By the correlation key of the request, where several share them."""
        found = self._traffic.get(model)
        if found is None:
            return model
        return found.of(self._lib.context.key) if found.candidate else found.serving

    def _permitted(self, serving: Serving[object]) -> None:
        made = serving.checkpoint
        if isinstance(made, Checkpoint) and made.annotations:
            self._permission.use(made.content, made.annotations, origins(made), *serving.asked)

    @contextmanager
    def _refusals(self, checkpoint: str) -> Iterator[None]:
        """That a checkpoint is not what it says of itself is a decision, too."""
        try:
            yield
        except InputError as error:
            if error.code in ("PAI330", "PAI331", "PAI337"):
                self._permission.unfit(f"checkpoint:{checkpoint}", error.code, error.what)
            raise

    def _manifest(self, checkpoint: str) -> Checkpoint:
        return ancestry.manifest(self._lib, self._store, self._keys, checkpoint)
