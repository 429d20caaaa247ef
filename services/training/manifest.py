"""[D] A training manifest: what a run is for, what it reads, what it makes.

    name: assistant_eval
    version: 1
    owner: assistant-quality
    purpose: assistance
    region: EU                                  # where it runs
    model: text                                 # or: signs
    inputs:
      - {table: core.daily_sessions, columns: [utterance, answer]}
      - {corpus: landmarks}                     # a file of questions and answers
    learn: {from: [utterance], to: answer}      # a corpus: from question, to answer, whatever this says
    output: assistant
    serve: true
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lineage.errors import InputError
from lineage.yaml_file import Config
from services.kinds import KINDS

_KEYS = ("name", "version", "owner", "purpose", "region", "model", "inputs", "learn", "output", "serve")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TABLE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_CHARACTERS = 100_000


@dataclass(frozen=True)
class TableInput:
    table: str
    columns: tuple[str, ...]
    place: str


@dataclass(frozen=True)
class CorpusInput:
    corpus: str
    place: str

    @property
    def asset(self) -> str:
        return f"file:corpus/{self.corpus}.tsv"

    @property
    def path(self) -> str:
        return f"corpus/{self.corpus}.tsv"


@dataclass(frozen=True)
class Manifest:
    """``activity`` is "training:assistant_eval"."""

    name: str
    version: int
    owner: str
    purpose: str
    region: str
    tables: tuple[TableInput, ...]
    corpora: tuple[CorpusInput, ...]
    learn_from: tuple[str, ...]
    learn_to: str
    output: str
    serve: bool
    kind: str = "text"

    @property
    def activity(self) -> str:
        return f"training:{self.name}"


def parse(text: str, where: str = "manifest") -> Manifest:
    """Raises InputError (PAI020) with file:line for any key that is missing, unknown or of another type."""
    if len(text) > MAX_CHARACTERS:
        raise InputError("PAI020", f"the manifest has {len(text)} characters; at most {MAX_CHARACTERS} are read",
                         where=where)
    config = Config.parse(text, "PAI020", where)
    config.only(_KEYS)
    inputs = [_input(item) for item in config.mappings("inputs")]
    learn = config.mapping("learn") if config.has("learn") else None
    if learn is not None:
        learn.only(("from", "to"))
    manifest = Manifest(
        name=_name(config, "name"), version=config.number("version"), owner=config.text("owner"),
        purpose=config.text("purpose"), region=config.text("region", ""),
        tables=tuple(item for item in inputs if isinstance(item, TableInput)),
        corpora=tuple(item for item in inputs if isinstance(item, CorpusInput)),
        learn_from=learn.texts("from") if learn else (), learn_to=learn.text("to") if learn else "",
        output=_name(config, "output"), serve=config.flag("serve", False), kind=config.text("model", "text"))
    if manifest.kind not in KINDS:
        raise config.error(f"there is no model {manifest.kind!r}; there are {', '.join(KINDS)}", "model")
    if manifest.tables and learn is None:
        raise config.error("a manifest with a table says what it learns: learn: {from: [columns], to: column}")
    for item in manifest.tables:
        for column in (*manifest.learn_from, manifest.learn_to):
            if column not in item.columns:
                raise config.error(f"learn names {column!r}, which is no input of {item.table}", "learn")
    return manifest


def _input(item: Config) -> TableInput | CorpusInput:
    item.only(("corpus",) if item.has("corpus") else ("table", "columns"))
    if item.has("corpus"):
        return CorpusInput(_name(item, "corpus"), item.error("").where)
    table, columns = item.text("table"), item.texts("columns")
    if not _TABLE.fullmatch(table):
        raise item.error(f"{table!r} is not a table: database.table", "table")
    for column in columns:
        if not _COLUMN.fullmatch(column) or columns.count(column) > 1:
            raise item.error(f"{column!r} is not a column, or is given twice", "columns")
    return TableInput(table, columns, item.error("", "table").where)


def _name(config: Config, key: str) -> str:
    value = config.text(key)
    if not _NAME.fullmatch(value):
        raise config.error(f"{key} is {value!r}; it is of lower-case letters, digits and _", key)
    return value
