"""[D] What a run makes that asks a model and makes none: a report, or features.  It lies in a folder of its own beside
its executed manifest, which is written last; versions count up from 1, as those of checkpoints do.

    reports/assistant_check@1/report.json        file:reports/assistant_check@1
    features/session_topics@1/rows.jsonl         feature:session_topics@1
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from lineage.dsse import sealed
from lineage.model import Label
from lineage.privacylib import PrivacyLib
from services.checkpoint import SIGNER, statement
from services.seams import Store
from services.training.executed import Run
from services.training.gate import MANIFEST
from services.training.reader import Material
from services.training.runs import RUNS

_FOLDERS = {"evaluate": ("reports", "report.json"), "extract": ("features", "rows.jsonl")}


@dataclass(frozen=True)
class Output:
    """``sources``: field → what it was made of, which has to be all that it was made of."""

    run: str
    name: str
    data: bytes
    labels: dict[str, Label]
    sources: dict[str, list[str]]
    rows: int

    def asset(self, version: int) -> str:
        return f"{RUNS[self.run].makes}{self.name}@{version}"


class Kept(NamedTuple):
    """``digest``: SHA-256, in hex."""

    asset: str
    digest: str
    rows: int


def keep(lib: PrivacyLib, store: Store, run: Run, output: Output, material: Material,
         sign: Callable[[bytes], bytes]) -> Kept:
    """Writes it, then its executed manifest: with that it exists, and of a write that fails nothing is left.  Call it
    in the run's activity."""
    version = newest(store, output.run, output.name) + 1
    made = Kept(output.asset(version), hashlib.sha256(output.data).hexdigest(), output.rows)
    lib.register(made.asset, {**output.labels, "manifest": Label(operational="structure")}, run.manifest.owner)
    try:
        _written(lib, store, run, output, material, made, version, sign)
    except BaseException:
        swept(store)
        raise
    return made


def _written(lib: PrivacyLib, store: Store, run: Run, output: Output, material: Material, made: Kept, version: int,
             sign: Callable[[bytes], bytes]) -> None:
    kinds = {source: RUNS[output.run].edge for names in output.sources.values() for source in names}
    with lib.write(made.asset, fields=tuple(output.sources), sources=output.sources, rows=output.rows,
                   keys=material.keys, detail={"kinds": kinds}):
        store.write(path(output.run, output.name, version), output.data)
    manifest = run.manifest
    executed = statement(made.asset, made.digest, **{
        **run.executed(material), "run": manifest.activity, "purpose": run.purpose, "owner": manifest.owner,
        "serve": False, "rows": made.rows, "annotations": list(run.inputs.annotations),
        "category": run.inputs.category, "kind": output.run})
    with lib.write(made.asset, fields=("manifest",), sources={"manifest": [MANIFEST]}):
        store.write(manifest_path(output.run, output.name, version), sealed(executed, sign, SIGNER))


def path(run: str, name: str, version: int) -> str:
    folder, file = _FOLDERS[run]
    return f"{folder}/{name}@{version}/{file}"


def manifest_path(run: str, name: str, version: int) -> str:
    return f"{_FOLDERS[run][0]}/{name}@{version}/manifest.json"


def newest(store: Store, run: str, name: str) -> int:
    """0 for none.  What a run left behind which could not finish is no version."""
    version = 0
    while store.exists(manifest_path(run, name, version + 1)):
        version += 1
    return version


def swept(store: Store) -> None:
    """Removes what has no manifest: what is left of runs that were killed while they wrote, a part of a file too."""
    for folder, _ in _FOLDERS.values():
        for made in store.folders(folder):
            if not store.exists(f"{folder}/{made}/manifest.json"):
                for name in store.names(f"{folder}/{made}"):
                    store.remove(f"{folder}/{made}/{name}")
