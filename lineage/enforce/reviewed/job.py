"""What the policy service knows of a job that a reclassification may name: its text as written, and its inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lineage.discover.sql import analyse
from lineage.enforce.gate import Input
from lineage.enforce.reviewed.transformation import Column, bound, closed, of_inputs, of_sql, tokens
from lineage.enforce.rules import Rules
from lineage.enforce.statement import Tables
from lineage.errors import InputError
from protos import policy_pb2 as pb

# The column that keeps each row's correlation key, where a table has it.
KEY = "_key"


def written(request: pb.JudgeRequest) -> Sequence[str]:
    """The statements before their parameters were put in; those that run, where the two do not agree.

    By their tokens, as the digest has them: what was put in is one text each, whatever is in it.  Raises InputError
    (PAI021) for a statement with a text or comment that does not end.
    """
    _closed((*request.statements, *request.written))
    try:
        agreed = [bound(sql, request.parameters) for sql in request.written] == [*map(tokens, request.statements)]
    except KeyError:
        agreed = False
    return list(request.written if agreed else request.statements)


def _closed(statements: Iterable[str]) -> None:
    for sql in statements:
        if not closed(sql):
            raise InputError("PAI021", f"a quoted text or comment is not closed: {sql[:200]}", where="statement")


def typed(tables: Tables, read: Iterable[str]) -> dict[str, list[Column]]:
    """The columns of the tables that a job reads, as a review has them."""
    return {f"warehouse:{table}": [Column(name, one.annotations, one.annotated, tables.types[table][name])
                                   for name, one in tables.columns[table].items()] for table in sorted(read)}


def counted(rules: Rules, activity: str, columns: Mapping[str, Mapping[str, Input]],
            read: Iterable[str]) -> Iterator[Input]:
    """The columns by which the warehouse counts whom a row of the job's output stands for, if a review claims it."""
    names = {one.of for requirement in rules.requirements for one in requirement.reclassify
             if one.k and activity == f"job:{one.sql}"}
    for table in read:
        if names & set(columns[table]):
            yield from (columns[table][name] for name in sorted({*names, KEY}) if name in columns[table])


def reviewed(statements: Sequence[str], tables: Mapping[str, Sequence[tuple[str, tuple[str, ...], bool, str]]],
             ) -> tuple[str, str, dict[str, list[Column]]]:
    """The digests of a job's transformation and of its inputs, and those inputs, for whoever writes an entry.

    ``tables``: table → (column, annotations, has a label, type).  Raises InputError (PAI021).
    """
    _closed(statements)
    types = {name: {column: kind for column, _, _, kind in columns} for name, columns in tables.items()}
    read = {table for number, sql in enumerate(statements, 1)
            for table in analyse(sql, types, name=f"statement {number}").reads}
    inputs = {f"warehouse:{table}": [Column(*column) for column in tables[table]] for table in sorted(read)}
    return of_sql(statements), of_inputs(inputs), inputs
