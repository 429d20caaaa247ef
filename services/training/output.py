"""[D] What a run makes that asks a model and makes none: a report, or features.  It lies in a folder of its own beside
its executed manifest, which is written last; versions count up from 1, as those of checkpoints do.

    reports/assistant_check@1/report.json        file:reports/assistant_check@1
    features/session_topics@1/rows.jsonl         feature:session_topics@1
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lineage.dsse import sealed
from lineage.model import Label
from lineage.names import join
from lineage.privacylib import PrivacyLib
from services import versions
from services.checkpoint import SIGNER, statement, told
from services.seams import Store
from services.training.executed import Run
from services.training.gate import MANIFEST, PURPOSE
from services.training.reader import Material
from services.training.runs import RUNS

# Run → where what it makes lies, and in which file.
FILES = {"evaluate": ("reports", "report.json"), "extract": ("features", "rows.jsonl")}


@dataclass(frozen=True)
class Output:
    """``sources``: field → what it was made of, which has to be all that it was made of."""

    run: str
    name: str
    data: bytes
    labels: dict[str, Label]
    sources: dict[str, list[str]]
    rows: int


@dataclass(frozen=True)
class Kept:
    """What is to be kept, or is: ``executed`` is what its manifest says of the run."""

    output: Output
    version: int
    trained_by: str
    purpose: str
    annotations: tuple[str, ...]
    executed: Mapping[str, Any]

    @property
    def asset(self) -> str:
        return f"{RUNS[self.output.run].makes}{self.output.name}@{self.version}"

    @property
    def content(self) -> str:
        """The first of its fields."""
        return join(self.asset, next(iter(self.output.sources)))

    @property
    def digest(self) -> str:
        """SHA-256, in hex."""
        return hashlib.sha256(self.output.data).hexdigest()


def kept(store: Store, run: Run, output: Output, material: Material) -> Kept:
    """Nothing is written yet."""
    manifest = run.manifest
    return Kept(output, versions.free(store, FILES[output.run][0], output.name), manifest.activity, run.purpose,
                run.inputs.annotations, {
                    **run.executed(material), "run": manifest.activity, "purpose": run.purpose, "owner": manifest.owner,
                    "serve": False, "rows": output.rows, "annotations": list(run.inputs.annotations),
                    "category": run.inputs.category, "kind": output.run})


def write(lib: PrivacyLib, store: Store, made: Kept, material: Material, sign: Callable[[bytes], bytes]) -> None:
    """Writes it, then its executed manifest: with that it exists, and of a write that fails nothing is left.  Call it
    in the run's activity."""
    output = made.output
    labels = {**output.labels, "manifest": told(made.executed, made.annotations)}
    lib.register(made.asset, labels, made.executed["owner"])
    folder, file = FILES[output.run]
    kinds = {source: RUNS[output.run].edge for names in output.sources.values() for source in names}
    version = f"{output.name}@{made.version}"
    with versions.whole(store, folder, version):
        with lib.write(made.asset, fields=tuple(output.sources), sources=output.sources, rows=output.rows,
                       keys=material.keys, detail={"kinds": kinds}):
            store.write(f"{folder}/{version}/{file}", output.data)
        with lib.write(made.asset, fields=("manifest",), sources={"manifest": [MANIFEST, PURPOSE, *material.whose]}):
            store.write(versions.manifest_path(folder, version),
                        sealed(statement(made.asset, made.digest, **made.executed), sign, SIGNER))
