"""[B] Job files: a header that says whose the SQL is and what for, and the lineage that the SQL declares.

    -- job: daily_sessions          (or  -- query: name  for one that writes nothing)
    -- owner: assistant-quality
    -- purpose: assistance
    -- output: core.daily_sessions
    -- schedule: daily              (optional)
    -- annotations: A, B            (optional: the labels of an output that the job itself makes)
    INSERT INTO core.daily_sessions SELECT …

``resolve`` is for runs: it keeps of the analysis what the engine confirms.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from lineage.discover.sql import Schema, Statement, analyse, defined, split
from lineage.errors import InputError
from lineage.model import Edge, Links
from lineage.names import asset_of, join, parse

_NEXT = "see services/warehouse/jobs/daily_sessions.sql for the form"
_LINE = re.compile(r"--\s*(?P<key>[A-Za-z_]+)\s*:(?P<value>.*)")
_REQUIRED = {"job": ("job", "owner", "purpose", "output"), "query": ("query", "owner", "purpose")}
_OPTIONAL = {"job": ("schedule", "annotations"), "query": ("schedule",)}
_NAME = (re.compile(r"[a-z][a-z0-9_]*"), "lower-case letters, digits and _")
_FORMS = {
    "job": _NAME, "query": _NAME, "purpose": _NAME,
    "output": (re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?"), "a table as core.daily_sessions"),
    "annotations": (re.compile(r"[A-Z][A-Z0-9_]*(\s*,\s*[A-Z][A-Z0-9_]*)*"), "labels as A, B in upper case"),
}


@dataclass(frozen=True, slots=True)
class Job:
    """``activity`` is "job:daily_sessions" or "query:…"; ``sql`` begins in line ``line`` of ``file``."""

    name: str
    owner: str
    purpose: str
    output: str
    schedule: str
    annotations: tuple[str, ...]
    sql: str
    kind: str = "job"
    file: str = ""
    line: int = 1

    @property
    def activity(self) -> str:
        return f"{self.kind}:{self.name}"


def parse_job(text: str, name: str) -> Job:
    """Reads a job file's text; ``name`` is the file's, for errors.

    The header ends where the SQL begins; a comment there that is not ``key: value`` is a comment like any other.
    Raises InputError (PAI022), ``where`` name:line, for a key that is unknown, missing, given twice or malformed.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    found: dict[str, tuple[int, str]] = {}
    number = 0
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("--"):
            break
        match = _LINE.fullmatch(line.strip())
        if match is not None:
            _take(found, match["key"], match["value"].strip(), f"{name}:{number}")
    kind = "query" if "query" in found and "job" not in found else "job"
    for key in _REQUIRED[kind]:
        if key not in found:
            raise InputError("PAI022", f"the header lacks the line '-- {key}: …'", where=f"{name}:1", next=_NEXT)
    for key, (at, _) in found.items():
        if key not in _REQUIRED[kind] + _OPTIONAL[kind]:
            raise InputError("PAI022", f"a {kind} has no {key!r}", where=f"{name}:{at}", next=f"remove {key!r}")
    value = {key: text for key, (_, text) in found.items()}
    annotations = tuple(part.strip() for part in value.get("annotations", "").split(",") if part.strip())
    return Job(value[kind], value["owner"], value["purpose"], value.get("output", ""), value.get("schedule", ""),
               annotations, "\n".join(lines[number - 1:]).strip("\n"), kind, name, number)


def declared_edges(job: Job, schema: Schema) -> list[Edge]:
    """What the job's SQL says before anything runs, sorted: column → column, and every read column → the job.

    A job may make its table first (CREATE TABLE …; INSERT …).  Raises InputError: PAI021 for SQL that cannot be
    analysed, PAI022 when no statement writes the header's output, or a query writes.
    """
    known, edges, outputs = dict(schema), dict[tuple[str, str], Edge](), set[str]()
    for line, sql in split(job.sql, name=job.file or job.name, line=job.line):
        table = defined(sql)
        if table is not None:
            known[table[0]] = table[1]
            continue
        statement = analyse(sql, known, name=job.file or job.name, line=line)
        if statement.writes is not None:
            outputs.add(statement.writes[0])
            known.setdefault(statement.writes[0], dict.fromkeys(statement.writes[1], ""))
        for source, target, evidence in _flows(job, statement):
            _nameable(source, target, f"{job.file or job.name}:{line}")
            edge = edges.setdefault((source, target), Edge(source, target, "declared", {"B"}, confidence="HIGH"))
            edge.evidence.add(evidence)
            if target != job.activity:
                edge.via.add(job.activity)
    _check_output(job, outputs)
    return [edges[key] for key in sorted(edges)]


def resolve(statement_sql: str, schema: Schema, read: Mapping[str, Collection[str]],
            written: tuple[str, Collection[str]]) -> Links | None:
    """Target column → the sources ("warehouse:…") on which the analysis and the engine agree.

    ``read`` and ``written`` are the engine's word: table → columns.  Sources are direct and indirect ones.  None when
    the SQL cannot be analysed, or the analysis has another target than the engine: then nobody knows which column
    came from which.  A table that the schema lacks (a job made it) is taken as the engine tells it.
    """
    table, columns = written
    known = {_plain(name) for name in schema}
    told: dict[str, dict[str, str]] = {}
    for name, names in (*read.items(), written):
        if _plain(name) not in known:
            told.setdefault(name, {}).update(dict.fromkeys(names, ""))
    try:
        statement = analyse(statement_sql, {**schema, **told})
    except InputError:
        return None
    if statement.writes is None or _plain(statement.writes[0]) != _plain(table):
        return None
    confirmed = {_plain(name): {column.lower() for column in names} for name, names in read.items()}
    flows = {flow.target.lower(): flow.direct | flow.indirect for flow in statement.columns}
    links = []
    for column in columns or statement.writes[1]:
        sources = sorted(f"warehouse:{s}" for s in flows.get(column.lower(), ()) if _confirmed(s, confirmed))
        links.append((column, tuple(sources)))
    return tuple(links)


def _take(found: dict[str, tuple[int, str]], key: str, value: str, where: str) -> None:
    known = sorted({key for keys in (*_REQUIRED.values(), *_OPTIONAL.values()) for key in keys})
    if key not in known:
        close = get_close_matches(key.lower(), known, 1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; keys are {', '.join(known)}"
        raise InputError("PAI022", f"the header has the unknown key {key!r}{hint}", where=where, next=_NEXT)
    if key in found:
        raise InputError("PAI022", f"the header gives {key!r} twice", where=where, next=_NEXT)
    if not value:
        raise InputError("PAI022", f"the header's {key!r} is empty", where=where, next=_NEXT)
    form, meaning = _FORMS.get(key, (None, ""))
    if form is not None and not form.fullmatch(value):
        raise InputError("PAI022", f"{value!r} cannot be the header's {key!r}: {meaning}", where=where, next=_NEXT)
    found[key] = int(where.rpartition(":")[2]), value


def _check_output(job: Job, outputs: Collection[str]) -> None:
    fits = _plain(job.output) in map(_plain, outputs) if job.kind == "job" else not outputs
    if not fits:
        says = f"the header's output is {job.output}" if job.kind == "job" else "a query writes nothing"
        raise InputError("PAI022", f"{says}, but the SQL writes {', '.join(sorted(outputs)) or 'nothing'}",
                         where=f"{job.file or job.name}:{job.line}", next="correct the header or the statement")


def _flows(job: Job, statement: Statement) -> list[tuple[str, str, str]]:
    """(source, target, evidence) of one statement; a column that only stays where it is, is no flow."""
    found = [(join(f"warehouse:{table}", column), job.activity, "sql")
             for table, columns in statement.reads.items() for column in columns or ("",)]
    if statement.writes is None:
        return found
    for flow in statement.columns:
        target = f"warehouse:{statement.writes[0]}#{flow.target}"
        for sources, evidence in ((flow.direct, "sql"), (flow.indirect, "sql:indirect")):
            found.extend((f"warehouse:{s}", target, evidence) for s in sources if f"warehouse:{s}" != target)
    return found


def _nameable(source: str, target: str, where: str) -> None:
    for name in (source, target):
        try:
            parse(name)
        except InputError:
            column = name.removeprefix(f"{asset_of(name)}#")
            raise InputError("PAI021", f"lineage cannot name the column {column!r}", where=where,
                             next="give it a name of letters, digits and _ with AS") from None


def _plain(table: str) -> str:
    return table.lower().removeprefix("main.")


def _confirmed(source: str, read: Mapping[str, Collection[str]]) -> bool:
    table, _, column = source.partition("#")
    return _plain(table) in read and (not column or column.lower() in read[_plain(table)])
