"""[D] Reads what a run learns from: columns of the warehouse with the run's token, and corpus files.

What was read is told as the executed manifest has it (``Material.inputs``), with a digest of the rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lineage.errors import InputError
from lineage.privacylib import PrivacyLib
from protos.warehouse_pb2 import ReadRequest, ReadResponse
from services import rows as typed
from services.errors import calling
from services.seams import Store
from services.training import characters, snapshot
from services.training.gate import MANIFEST
from services.training.manifest import CorpusInput, Manifest, TableInput

CORPUS = Path(__file__).with_name("corpus")
# Seconds for one table, which an engine may have to fetch from a cluster.
DEADLINE = 120.0


@dataclass
class Material:
    """(prompt, answer) rows, and the ``names`` of rows that a manifest names; ``sources`` are what they came from,
    ``keys`` the rows' correlation keys, ``inputs`` what the executed manifest says of each input.

    ``whose``: what that is made from where it tells of persons.  ``prompts``: what a teacher is asked, and ``asked``
    what those came from.  ``kinds``: source → the kind of training work that its edge is, where it is no plain training
    (``lineage/discover/manifests.py``).
    """

    pairs: list[tuple[str, str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    whose: list[str] = field(default_factory=list)


def corpus_files(folder: Path = CORPUS) -> dict[str, bytes]:
    """Store path → content of the bundled corpora: what the node puts into the data folder at its start."""
    return {"corpus/characters.tsv": characters.corpus(),
            **{f"corpus/{path.name}": path.read_bytes() for path in sorted(folder.glob("*.tsv"))}}


async def read(lib: PrivacyLib, store: Store, warehouse: Any, manifest: Manifest) -> Material:
    """Every input of the manifest.  Call it in the run's activity, with its token."""
    material = Material()
    for item in manifest.tables:
        await _table(warehouse, manifest, item, material)
    for corpus in manifest.corpora:
        _corpus(lib, store, corpus, material)
    return material


async def _table(warehouse: Any, manifest: Manifest, item: TableInput, material: Material) -> None:
    where = str(item.where or "")
    # Whose rows were read: asked before what is made of them is kept, and of a checkpoint later, too.
    request = ReadRequest(table=item.table, columns=item.columns, activity=manifest.activity, where=where,
                          pseudonyms=True)
    said = ("table", "columns", "activity", *(["where"] if where else []))
    with calling("warehouse"):
        response: ReadResponse = await warehouse.Read(
            request, sources={"pseudonyms": [], **{name: [MANIFEST] for name in said}},
            timeout=DEADLINE)
    told = list(response.rows.columns)
    columns = told[:len(item.columns)]
    if columns != list(item.columns) or len(told) > len(columns) + 1:
        raise InputError("PAI020", f"{item.table} answered with the columns {', '.join(told)}", where=item.place)
    cells = typed.cells(response.rows)
    rows = [row[:len(columns)] for row in cells]
    subjects = sorted({str(row[-1]) for row in cells if row[-1]}) if len(told) > len(columns) else None
    for row in rows:
        values = {name: "" if cell is None else str(cell) for name, cell in zip(columns, row, strict=True)}
        if item.prompts:
            material.prompts.append(values[columns[0]])
            continue
        material.pairs.append((" ".join(values[name] for name in manifest.learn_from),
                               values.get(manifest.learn_to, "")))
        material.names.append(values.get(manifest.row, ""))
    sources = [f"rpc:warehouse.Read.response#{item.table}.{column}" for column in columns]
    material.sources += sources
    material.asked += sources if item.prompts else []
    material.keys += [row.key for row in response.rows.rows if row.key]
    material.inputs.append({"asset": f"warehouse:{item.table}", "columns": columns, "where": where, "rows": len(rows),
                            "sha256": snapshot.digest(columns, rows),
                            "withheld": {"consent": response.without_consent, "origin": response.abroad},
                            **({"subjects": subjects} if subjects is not None else {})})
    material.whose += [f"rpc:warehouse.Read.response#{item.table}.{column}" for column in told[len(columns):]]


def _corpus(lib: PrivacyLib, store: Store, corpus: CorpusInput, material: Material) -> None:
    if not store.exists(corpus.path):
        raise InputError("PAI020", f"there is no corpus {corpus.corpus!r}", where=corpus.place,
                         next="ls services/training/corpus")
    with lib.read(corpus.asset) as op:
        data = store.read(corpus.path)
        pairs = parse_corpus(data, corpus.path)
        op.rows = len(pairs)
    if corpus.prompts:
        material.prompts += [question for question, _ in pairs]
        material.asked.append(corpus.asset)
    else:
        material.pairs += pairs
        material.names += [f"{corpus.corpus}:{number}" for number in range(2, len(pairs) + 2)]
    material.sources.append(corpus.asset)
    material.inputs.append({"asset": corpus.asset, "rows": len(pairs), "sha256": hashlib.sha256(data).hexdigest()})


def parse_corpus(data: bytes, where: str) -> list[tuple[str, str]]:
    """Tab-separated question and answer below a header.  Raises InputError (PAI020) with file:line."""
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError("PAI020", f"the corpus is not UTF-8: {error.reason}", where=where) from None
    if not lines or lines[0].split("\t") != ["question", "answer"]:
        raise InputError("PAI020", "a corpus begins with the line question<TAB>answer", where=f"{where}:1")
    pairs = []
    for number, line in enumerate(lines[1:], 2):
        parts = line.split("\t")
        if len(parts) != 2 or not all(parts):
            raise InputError("PAI020", "a line is question<TAB>answer", where=f"{where}:{number}")
        pairs.append((parts[0], parts[1]))
    return pairs
