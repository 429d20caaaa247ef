"""[D] Training: a manifest in, admission, rows, a model, a checkpoint with a digest out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from lineage import dsse
from lineage.model import Label
from lineage.privacylib import PrivacyLib
from protos.inference_pb2 import LoadRequest
from protos.training_pb2 import TrainRequest, TrainResponse
from protos.training_pb2_grpc import TrainingServicer, add_TrainingServicer_to_server
from services import admission, versions
from services import checkpoint as checkpoints
from services.admission import Made, Permission
from services.checkpoint import Checkpoint
from services.debug import DebugLog
from services.errors import calling, reported
from services.seams import Clock, Store
from services.training import distil, evaluate, extract, finetune, gate, output, reader
from services.training.chain import Chain
from services.training.chain import chain as chained
from services.training.executed import Run
from services.training.gate import MANIFEST, PURPOSE
from services.training.manifest import Manifest, parse
from services.training.output import Kept
from services.training.reader import Material
from services.training.remedy import applied, left, no_more_rows, standing, told

# Seconds for inference to take a checkpoint into service.
LOAD_DEADLINE = 15.0
# The runs that ask a model and make none.
ASKING = {"evaluate": evaluate.made, "extract": extract.made}


class TrainingService(TrainingServicer):
    """``policy``, ``warehouse``, ``inference``: stubs.  ``sign``: with training's key, an executed manifest, which
    ``keys`` (key id → public key) open; ``code``: the digest of the code that trains; ``permission``: what is judged
    here before a checkpoint registers."""

    name = "training"

    def __init__(self, lib: PrivacyLib, store: Store, clock: Clock, *, policy: Any, warehouse: Any,
                 inference: Any, sign: Callable[[bytes], bytes], keys: Mapping[str, bytes], code: str,
                 permission: Permission) -> None:
        self._lib = lib
        self._debug = DebugLog(lib, store)
        self._store = store
        self._policy = policy
        self._warehouse = warehouse
        self._inference = inference
        self._sign, self._keys = sign, keys
        self._permission = permission
        self._code = code
        # One run at a time: two would take the same version number.
        self._lock = asyncio.Lock()

    def register(self, server: Any) -> None:
        add_TrainingServicer_to_server(self, server)

    async def start(self) -> None:
        """What a run has left behind that was killed is nothing that was made, and personal data all the same."""
        for folder, _ in (checkpoints.FILE, *output.FILES.values()):
            versions.swept(self._store, folder)

    async def stop(self) -> None:
        """Nothing is kept outside the store."""

    async def Train(self, request: TrainRequest, context: Any) -> TrainResponse:
        async with reported(context, self.name, self._debug), self._lock:
            manifest = parse(request.manifest)
            purpose = request.purpose or manifest.purpose
            run = await self._admitted(manifest, request.manifest, purpose)
            with self._lib.activity(manifest.activity, purpose=purpose, claims=run.admission.token):
                made = await self._run(run)
            # Outside the activity: that inference loads the weights is no use of them by the training run.
            if isinstance(made, Checkpoint) and manifest.serve:
                await self._serve(made)
            if isinstance(made, Kept):
                self._lib.respond({"output": [MANIFEST], "digest": [], "rows": []})
                return TrainResponse(output=made.asset, digest=made.digest, rows=made.output.rows)
            self._lib.respond({"checkpoint": [MANIFEST], "digest": [], "rows": [], "serving": [MANIFEST]})
            return TrainResponse(checkpoint=made.id, digest=made.digest, rows=made.rows, serving=manifest.serve)

    async def _admitted(self, manifest: Manifest, text: str, purpose: str) -> Run:
        """For the manifest's own purpose, then for the caller's, which is asked for what the first has left: a claim
        can restrict what the manifest says, never lift it."""
        chain = chained(self._lib, self._store, self._keys, manifest)
        # What may not be used any more for what it was made for is no way to use the rows that it was made of.
        await self._still(chain, manifest.activity, "")
        inputs = await gate.describe(self._warehouse, manifest, chain)
        admissions, remedies = [], []
        for wanted in dict.fromkeys((manifest.purpose, purpose)):
            others = await standing(self._warehouse, manifest)
            given = await gate.admit(self._policy, manifest, wanted, inputs, others)
            admissions.append(given)
            remedies += told(manifest, given)
            inputs, manifest = left(inputs, given, others), applied(manifest, given)
        no_more_rows(manifest, admissions[0], given)
        await self._still(chain, manifest.activity, manifest.purpose, purpose)
        return Run(manifest, text, purpose, inputs, given, self._code, chain, remedies)

    async def _run(self, run: Run) -> Checkpoint | Kept:
        manifest = run.manifest
        for corpus in manifest.corpora:
            self._lib.register(corpus.asset, {"question": Label(operational="corpus"),
                                              "answer": Label(operational="corpus")}, manifest.owner)
        material = await reader.read(self._lib, self._store, self._warehouse, manifest)
        material.whose += run.chain.whose
        if run.chain.teacher is not None:
            await distil.answers(self._inference, run.chain.teacher, material)
        base = run.chain.weights(self._lib, self._store)
        # Off the event loop, which answers other requests meanwhile.
        if (asks := ASKING.get(manifest.run)) is not None:
            found = await asyncio.to_thread(asks, run, base, material)
            kept = output.kept(self._store, run, found, material)
            await self._holds(run, kept)
            output.write(self._lib, self._store, kept, material, self._sign)
            return kept
        model = await asyncio.to_thread(finetune.learnt, run, base, material)
        weights = model.dumps()
        made = run.made(versions.free(self._store, checkpoints.FILE[0], manifest.output), weights, material)
        await self._holds(run, made)
        self._write(made, weights, material)
        return made

    async def _holds(self, run: Run, made: Made) -> None:
        """What was admitted may have been forbidden, or withdrawn, while a model learnt or was asked."""
        await self._still(run.chain, run.manifest.activity, "", run.manifest.purpose, run.purpose)
        await admission.still(self._policy, self._permission, made, "registration")

    async def _still(self, chain: Chain, made: str, *purposes: str) -> None:
        """Asks of each checkpoint that a run goes back to, for its own purpose (""), the manifest's and the run's."""
        await admission.all_still(self._policy, self._permission, chain.links, "registration", made, *purposes)

    def _write(self, made: Checkpoint, weights: bytes, material: Material) -> None:
        """The manifest last: with it the checkpoint exists; of a write that fails nothing is left."""
        lib = self._lib
        lib.register(made.asset, made.labels, made.owner)
        with versions.whole(self._store, checkpoints.FILE[0], made.id):
            with lib.write(made.asset, fields=("weights",), sources={"weights": material.sources}, keys=material.keys,
                           detail={"kinds": material.kinds} if material.kinds else None):
                self._store.write(checkpoints.weights_path(made.id), weights)
            with lib.write(made.asset, fields=("manifest",),
                           sources={"manifest": [MANIFEST, PURPOSE, *material.whose]}):
                self._store.write(checkpoints.manifest_path(made.id),
                                  dsse.sealed(made.statement(**made.executed), self._sign, checkpoints.SIGNER))

    async def _serve(self, made: Checkpoint) -> None:
        with calling("inference"):
            await self._inference.Load(
                LoadRequest(checkpoint=made.id, digest=made.digest),
                sources={"checkpoint": [MANIFEST], "digest": []}, timeout=LOAD_DEADLINE)
