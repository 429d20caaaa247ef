"""[B] The lineage that a job file's SQL declares (``lineage.jobfile`` has the form of the file).

``resolve`` is for runs: it keeps of the analysis what the engine confirms.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lineage.discover.sql import Schema, Statement, analyse, defined, split
from lineage.errors import InputError
from lineage.jobfile import JobFile
from lineage.model import Edge, Links
from lineage.names import asset_of, join, parse

_ROW_IDS = frozenset({"rowid", "oid", "_rowid_"})


def declared_edges(job: JobFile, schema: Schema) -> list[Edge]:
    """What the job's SQL says before anything runs, sorted: column → column, and every read column → the job.

    A job may make its table first (CREATE TABLE …; INSERT …).  Raises InputError: PAI021 for SQL that cannot be
    analysed, PAI022 when no statement writes the header's output, a query writes, or the inputs are others.
    """
    known, edges, outputs = dict(schema), dict[tuple[str, str], Edge](), set[str]()
    inputs: set[str] = set()
    for line, sql in split(job.sql, name=job.file or job.name, line=job.line):
        table = defined(sql)
        if table is not None:
            known[table[0]] = table[1]
            continue
        statement = analyse(sql, known, name=job.file or job.name, line=line)
        inputs.update(_plain(table) for table in statement.reads)
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
    _check_inputs(job, inputs - set(map(_plain, outputs)))
    return [edges[key] for key in sorted(edges)]


def resolve(statement_sql: str, schema: Schema, read: Mapping[str, Collection[str]],
            written: tuple[str, Collection[str]], *, direct: bool = False) -> Links | None:
    """Target column → the sources ("warehouse:…") on which the analysis and the engine agree.

    ``read`` and ``written`` are the engine's word: table → columns.  Sources are direct and indirect ones, or
    ``direct`` ones alone: what the value is made of, not what decided it.  None when
    the SQL cannot be analysed, or the analysis has another target than the engine: then nobody knows which column
    came from which.  A table, or a column of one, that the schema lacks (a job made it) is taken as the
    engine tells it; a row id is no column.
    """
    table, columns = written
    known = {_plain(name): name for name in schema}
    told: dict[str, dict[str, str]] = {}
    for name, names in (*read.items(), written):
        name = known.get(_plain(name), name)
        more = told.setdefault(name, dict(schema.get(name, {})))
        held = {column.lower() for column in more} | _ROW_IDS
        more.update({column: "" for column in names if column.lower() not in held})
    try:
        statement = analyse(statement_sql, {**schema, **told})
    except InputError:
        return None
    if statement.writes is None or _plain(statement.writes[0]) != _plain(table):
        return None
    confirmed = {_plain(name): {column.lower() for column in names} for name, names in read.items()}
    flows = {flow.target.lower(): flow.direct if direct else flow.direct | flow.deciding for flow in statement.columns}
    links = []
    for column in columns or statement.writes[1]:
        sources = sorted(f"warehouse:{s}" for s in flows.get(column.lower(), ()) if _confirmed(s, confirmed))
        links.append((column, tuple(sources)))
    return tuple(links)


def _check_output(job: JobFile, outputs: Collection[str]) -> None:
    fits = _plain(job.output) in map(_plain, outputs) if job.kind == "job" else not outputs
    if not fits:
        says = f"the header's output is {job.output}" if job.kind == "job" else "a query writes nothing"
        raise InputError("PAI022", f"{says}, but the SQL writes {', '.join(sorted(outputs)) or 'nothing'}",
                         where=f"{job.file or job.name}:{job.line}", next="correct the header or the statement")


def _check_inputs(job: JobFile, inputs: set[str]) -> None:
    """A table that the job writes too is not an input: it is there before the job's inputs are."""
    if job.inputs and inputs != {_plain(table) for table in job.inputs}:
        raise InputError("PAI022", f"the header's inputs are {', '.join(job.inputs)}, but the SQL reads "
                         f"{', '.join(sorted(inputs)) or 'nothing'}", where=f"{job.file or job.name}:{job.line}",
                         next="correct the header or the statement")


def _flows(job: JobFile, statement: Statement) -> list[tuple[str, str, str]]:
    """(source, target, evidence) of one statement; a column that only stays where it is, is no flow."""
    found = [(join(f"warehouse:{table}", column), job.activity, "sql")
             for table, columns in statement.reads.items() for column in columns or ("",)]
    if statement.writes is None:
        return found
    for flow in statement.columns:
        target = f"warehouse:{statement.writes[0]}#{flow.target}"
        for sources, evidence in ((flow.direct, "sql"), (flow.deciding, "sql:indirect")):
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
