"""[B] Runs an export: the policy's verdict, the workers' parts, a look at each, and the list of them.

A worker that dies leaves a hole; the export goes on, and says so: in its answer, in the list of parts,
and by lineage, which knows how many there were to be.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lineage.errors import RunError
from lineage.model import Label
from lineage.names import join
from lineage.privacylib import PrivacyLib
from protos.policy_pb2 import Flow, JudgeRequest, Labelled
from services.seams import Store, Workers
from services.warehouse import export as exports_of
from services.warehouse import part
from services.warehouse.catalog import Table
from services.warehouse.consent import Consent, Origin, Visible
from services.warehouse.export import Export
from services.warehouse.permission import Permission, asked, judged

_REQUEST = "rpc:warehouse.Export.request#export"


class Done(NamedTuple):
    """``written`` of ``parts`` are there, with ``rows`` rows."""

    rows: int
    parts: int
    written: int
    output: str


class Exporter:
    def __init__(self, lib: PrivacyLib, store: Store, policy: Any, catalog: Mapping[str, Table], folder: Path,
                 workers: Workers | None, consent: Consent, permission: Permission | None = None) -> None:
        self._lib = lib
        self._store = store
        self._policy = policy
        self._catalog = catalog
        self._folder = folder
        self._workers = workers
        self._consent = consent
        self._permission = permission

    def start(self) -> None:
        """Registers what each export would make, so that its labels are known before it runs.  Raises InputError."""
        for path in sorted(self._folder.glob("*.yaml")):
            export = exports_of.find(self._folder, path.stem, self._catalog)
            self._lib.register(export.output, export.labels, export.owner)

    async def run(self, name: str) -> Done:
        """Raises InputError (PAI012, PAI022), PolicyDenied, and RunError (PAI031) without workers."""
        export = exports_of.find(self._folder, name, self._catalog)
        if self._workers is None:
            raise RunError("PAI031", "this warehouse has no workers, so nothing was exported", where=export.output)
        token = await asked(self._policy, _request(export), [_REQUEST])
        seen = await self._visible(export, token)
        with self._lib.activity(export.activity, purpose=export.purpose, claims=token):
            baggage = self._lib.baggage()
            answers = await self._workers.run([
                part.task(export, number, baggage, seen) for number in range(export.parts)])
            made = {answer["part"]: answer for answer in answers if answer is not None}
            self._list(export, made)
        return Done(sum(answer["rows"] for answer in made.values()), export.parts, len(made), export.output)

    async def _visible(self, export: Export, token: bytes) -> Visible:
        """The rows that may be exported, by the token."""
        claims = self._permission.read(token, export.activity) if self._permission else None
        if claims is None or self._permission is None:
            return Visible({}, frozenset())
        table, withdrawn, subjects = export.table, frozenset[str](), {}
        if table.subject and table.name in claims.consenting:
            epoch, withdrawn = await self._consent.withdrawn(export.purpose)
            self._permission.epoch(claims, export.activity, epoch)
            subjects[table.name] = table.subject
        rows, unasked = self._permission.admitted(claims, table.name)
        chosen = table.origin and (rows is not None or (subjects and unasked))
        return Visible(subjects, withdrawn, origins={table.name: Origin(table.origin, rows, unasked)} if chosen else {})

    def _list(self, export: Export, made: Mapping[int, dict[str, Any]]) -> None:
        """Reads every part back and lists its digest.  Raises RunError (PAI033) for one that was changed."""
        lib, asset = self._lib, f"file:{export.manifest}"
        joined = export.labels[export.columns[0]].annotations  # what governs the rows governs their digests
        lib.register(asset, {"digests": Label(operational="digest", annotations=joined)}, export.owner)
        digests = {}
        for number in sorted(made):
            with lib.read_part(export.output, number, export.parts, fields=export.columns, rows=made[number]["rows"]):
                data = self._store.read(export.part(number))
            digests[number] = hashlib.sha256(data).hexdigest()
            if digests[number] != made[number]["digest"]:
                raise RunError("PAI033", f"part {number} was changed after it was written", where=export.output)
        content = {"format": 1, "parts": export.parts, "digests": digests,
                   "missing": [number for number in range(export.parts) if number not in made]}
        with lib.write(asset, sources={"digests": [join(export.output, name) for name in export.columns]}):
            self._store.write(export.manifest, json.dumps(content, indent=1, sort_keys=True).encode())


def _request(export: Export) -> JudgeRequest:
    """Every column is a source of every column, as for a job."""
    own, made = export.table.labels, export.labels
    flows = [Flow(source=_labelled(join(export.table.asset, source), own[source]),
                  sink=_labelled(join(export.output, sink), made[sink]))
             for source in sorted(export.columns) for sink in sorted(export.columns)]
    return JudgeRequest(activity=export.activity, purpose=export.purpose, principal=export.owner, flows=flows,
                        region=export.region, tables=[judged(export.table, "")])


def _labelled(asset: str, label: Label) -> Labelled:
    return Labelled(asset=asset, annotations=label.annotations, annotated=label.annotated)
