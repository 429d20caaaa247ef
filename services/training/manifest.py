"""[D] A training manifest: what a run is for, what it reads, what it makes.

    name: assistant_eval
    version: 1
    owner: assistant-quality
    purpose: assistance
    region: EU                                  # where it runs
    run: train                                  # or: evaluate, extract, index
    model: text                                 # or: signs
    inputs:
      - {table: core.daily_sessions, columns: [utterance, answer], where: "region = 'NO'"}
      - {corpus: landmarks}                     # a file of questions and answers
      - {checkpoint: assistant@1}               # the weights go on from these (or: those that are asked)
      - {answers_of: assistant, prompts: {corpus: landmarks}}      # or prompts: {table: …, column: …}
    learn: {from: [utterance], to: answer}      # a corpus: from question, to answer, whatever this says
    parameters: {history: 3}
    output: assistant
    serve: true
    allow: [drop_column, drop_rows, replace_table]   # what may be done where an input is refused
    replace: {core.daily_activity: dash.regional_activity}

A run that asks a model says ``ask`` in the place of ``learn``, and which column names a row: ``row``.  A checkpoint
without a version is the newest.  ``where`` is ``lineage/condition.py``'s; parameters are ``services/kinds.py``'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lineage.condition import Condition
from lineage.condition import parse as condition
from lineage.errors import InputError
from lineage.yaml_file import Config
from services.kinds import INDEX, KINDS
from services.training.runs import RUNS, Kind

_KEYS = ("name", "version", "owner", "purpose", "region", "run", "model", "inputs", "learn", "ask", "parameters",
         "output", "serve", "allow", "replace")
REMEDIES = ("drop_column", "drop_rows", "replace_table")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TABLE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CHECKPOINT = re.compile(r"(?P<name>[a-z][a-z0-9_]*)(?:@(?P<version>[1-9][0-9]{0,8}))?")
MAX_CHARACTERS = 100_000


@dataclass(frozen=True)
class TableInput:
    """``prompts``: its one column is what a teacher is asked."""

    table: str
    columns: tuple[str, ...]
    place: str
    where: Condition | None = None
    prompts: bool = False

    @property
    def used(self) -> tuple[str, ...]:
        """What is read, and what decides which rows are."""
        return tuple(dict.fromkeys((*self.columns, *(self.where.columns if self.where else ()))))


@dataclass(frozen=True)
class CorpusInput:
    corpus: str
    place: str
    prompts: bool = False

    @property
    def asset(self) -> str:
        return f"file:corpus/{self.corpus}.tsv"

    @property
    def path(self) -> str:
        return f"corpus/{self.corpus}.tsv"


@dataclass(frozen=True)
class CheckpointInput:
    """``version`` 0: the newest."""

    name: str
    version: int
    place: str

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


@dataclass(frozen=True)
class Manifest:
    """``activity`` is "training:assistant_eval".  ``base``: the checkpoint that a run goes on from, or asks;
    ``teacher``: the one whose answers are learnt.  ``row``: the column by which a report or a feature names a row.
    ``allow``: the remedies that it names, None where it says nothing of them; ``replace``: table → the one that may
    stand for it."""

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
    run: str = "train"
    base: CheckpointInput | None = None
    teacher: CheckpointInput | None = None
    row: str = ""
    parameters: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    allow: tuple[str, ...] | None = None
    replace: Mapping[str, str] = field(default_factory=dict)

    @property
    def activity(self) -> str:
        return f"training:{self.name}"


@dataclass
class _Inputs:
    tables: list[TableInput] = field(default_factory=list)
    corpora: list[CorpusInput] = field(default_factory=list)
    base: CheckpointInput | None = None
    teacher: CheckpointInput | None = None


def parse(text: str, where: str = "manifest") -> Manifest:
    """Raises InputError (PAI020) with file:line for any key that is missing, unknown or of another type, and PAI027
    for a condition."""
    if len(text) > MAX_CHARACTERS:
        raise InputError("PAI020", f"the manifest has {len(text)} characters; at most {MAX_CHARACTERS} are read",
                         where=where)
    config = Config.parse(text, "PAI020", where)
    config.only(_KEYS)
    run = _run(config)
    inputs = _inputs(config, run)
    said = _said(config, run, inputs)
    kind = config.text("model", run.kind)
    models = [name for name in KINDS if (name == INDEX) is (run.kind == INDEX)]
    if kind not in models:
        raise config.error(f"there is no model {kind!r}; there are {', '.join(models)}", "model")
    manifest = Manifest(
        name=_name(config, "name"), version=config.number("version"), owner=config.text("owner"),
        purpose=config.text("purpose"), region=config.text("region", ""), tables=tuple(inputs.tables),
        corpora=tuple(inputs.corpora), learn_from=said.texts("from") if said else (),
        learn_to=said.text("to") if said else "", output=_name(config, "output"), serve=config.flag("serve", False),
        kind=kind, run=run.name, base=inputs.base, teacher=inputs.teacher,
        row=said.text("row") if said and run.asks else "",
        parameters=_parameters(config, run, kind, inputs.base is not None), allow=_allow(config),
        replace=_replace(config))
    if manifest.serve and run.asks:
        raise config.error(f"a run that is to {run.name} makes nothing that could be served", "serve")
    _columns(config, run, manifest)
    return manifest


def _allow(config: Config) -> tuple[str, ...] | None:
    if not config.has("allow"):
        return None
    allow = config.texts("allow")
    for remedy in allow:
        if remedy not in REMEDIES:
            raise config.error(f"there is no remedy {remedy!r}; there are {', '.join(REMEDIES)}", "allow")
    return allow


def _replace(config: Config) -> dict[str, str]:
    if not config.has("replace"):
        return {}
    tables = config.mapping("replace")
    found = {of: tables.text(of) for of in tables.names()}
    for name in (*found, *found.values()):
        if not _TABLE.fullmatch(name):
            raise config.error(f"{name!r} is not a table: database.table", "replace")
    for of in found:
        way = [of]
        while way[-1] in found and way[-1] not in way[:-1]:
            way.append(found[way[-1]])
        if way[-1] in way[:-1]:
            raise InputError("PAI028", f"a table stands for itself in the end: {' → '.join(way)}",
                             where=config.error("", "replace").where, next="let each table be replaced by another")
    return found


def _columns(config: Config, run: Kind, manifest: Manifest) -> None:
    """What ``learn`` or ``ask`` names is read; a feature's own column is made, and needs a name of its own."""
    made = manifest.learn_to if run.name == "extract" else ""
    if run.name == "extract" and (made == "row" or not _COLUMN.fullmatch(made)):
        raise config.error(f"{made!r} names no new column ({run.says}: {{to: column}}): letters, digits and _, and not "
                           "row", run.says)
    named = filter(None, (*manifest.learn_from, "" if made else manifest.learn_to, manifest.row))
    wanted = [(item, column) for column in named for item in manifest.tables if not item.prompts]
    for item, column in wanted:
        if column not in item.columns:
            raise config.error(f"{run.says} names {column!r}, which is no input of {item.table}", run.says)


def _run(config: Config) -> Kind:
    name = config.text("run", "train")
    if name not in RUNS:
        raise config.error(f"there is no run {name!r}; there are {', '.join(RUNS)}", "run")
    return RUNS[name]


def _inputs(config: Config, run: Kind) -> _Inputs:
    found = _Inputs()
    for item in config.mappings("inputs"):
        if item.has("checkpoint"):
            item.only(("checkpoint",))
            if found.base is not None or not run.base:
                raise item.error("a run has one checkpoint to go on from at most" if run.base else
                                 f"a run that is to {run.name} takes no checkpoint", "checkpoint")
            found.base = _checkpoint(item, "checkpoint")
        elif item.has("answers_of"):
            item.only(("answers_of", "prompts"))
            if found.teacher is not None or run.name != "train":
                raise item.error("a run that trains learns the answers of one model at most", "answers_of")
            found.teacher = _checkpoint(item, "answers_of")
            _add(found, item.mapping("prompts"), prompts=True)
        else:
            _add(found, item)
    if run.base == "needed" and found.base is None:
        raise config.error(f"a run that is to {run.name} needs the checkpoint that is asked: {{checkpoint: name}}",
                           "inputs")
    if not found.tables and not found.corpora:
        raise config.error("a checkpoint alone gives no rows: name a table, a corpus or answers_of besides", "inputs")
    return found


def _said(config: Config, run: Kind, inputs: _Inputs) -> Config | None:
    """``learn`` or ``ask``, as the run has it."""
    other = "learn" if run.asks else "ask"
    if config.has(other):
        raise config.error(f"a run that is to {run.name} says {run.says}, and not {other}", other)
    if not config.has(run.says):
        if any(not item.prompts for item in inputs.tables):
            raise config.error(f"a manifest with a table says what it {run.does}: "
                               f"{run.says}: {{from: [columns], to: column}}")
        return None
    said = config.mapping(run.says)
    said.only(("from", "to", "row") if run.asks else ("from", "to"))
    return said


def _parameters(config: Config, run: Kind, kind: str, tuned: bool) -> Mapping[str, int]:
    if not config.has("parameters"):
        return MappingProxyType({})
    given, known = config.mapping("parameters"), {} if run.asks else KINDS[kind].known(tuned)
    if not known:
        raise config.error(f"a run that is to {run.name} has no parameters" if run.asks
                           else f"a model {kind!r} has no parameters", "parameters")
    given.only(tuple(known))
    found = {name: given.number(name) for name in given.names()}
    for name, value in found.items():
        if value not in known[name]:
            raise given.error(f"{name} is {value}; it is {known[name][0]} to {known[name][-1]}", name)
    return MappingProxyType(found)


def _add(found: _Inputs, item: Config, *, prompts: bool = False) -> None:
    if item.has("corpus"):
        item.only(("corpus",))
        found.corpora.append(CorpusInput(_name(item, "corpus"), item.error("").where, prompts))
        return
    known = ("table", "column", "where") if prompts else ("table", "columns", "where")
    item.only(known if item.has("table") or prompts else (*known, "corpus", "checkpoint", "answers_of"))
    table, columns = item.text("table"), (item.text("column"),) if prompts else item.texts("columns")
    if not _TABLE.fullmatch(table):
        raise item.error(f"{table!r} is not a table: database.table", "table")
    for column in columns:
        if not _COLUMN.fullmatch(column) or columns.count(column) > 1:
            raise item.error(f"{column!r} is not a column, or is given twice", "column" if prompts else "columns")
    where = condition(item.text("where"), item.error("", "where").where) if item.has("where") else None
    found.tables.append(TableInput(table, columns, item.error("", "table").where, where, prompts))


def _checkpoint(item: Config, key: str) -> CheckpointInput:
    text = item.text(key)
    match = _CHECKPOINT.fullmatch(text)
    if match is None:
        raise item.error(f"{text!r} names no checkpoint: name, or name@version", key)
    return CheckpointInput(match["name"], int(match["version"] or 0), item.error("", key).where)


def _name(config: Config, key: str) -> str:
    value = config.text(key)
    if not _NAME.fullmatch(value):
        raise config.error(f"{key} is {value!r}; it is of lower-case letters, digits and _", key)
    return value
