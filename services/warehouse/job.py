"""[B] A job, ready to be planned: what its header says, and its statements with their parameters bound.

A parameter is a text and becomes an SQL text: it can be no more than a value, whatever is in it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lineage import jobfile
from lineage.errors import InputError
from lineage.jobfile import JobFile
from lineage.model import Label

_COMMENT = re.compile(r"\s*(?:--[^\n]*(?:\n|$)|/\*.*?\*/)", re.DOTALL)
MAX_PARAMETER = 1000


@dataclass(frozen=True)
class Job:
    """``activity`` is "job:daily_sessions" or "query:…"; ``statements``: (line of its beginning, SQL)."""

    activity: str
    owner: str
    purpose: str
    output: str
    annotations: tuple[str, ...]
    statements: tuple[tuple[int, str], ...]
    where: str
    schedule: str = ""
    inputs: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    window: str = ""
    region: str = ""
    # Before ``bound``: the statements as they were written; and what was put in the place of their parameters.
    written: tuple[tuple[int, str], ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> Label | None:
        """Of the columns that it makes without one beside them."""
        return Label(operational="derived", annotations=self.annotations) if self.annotations else None

    def bound(self, given: Mapping[str, str]) -> Job:
        """With ``given`` in the place of its parameters.

        Raises InputError: PAI004 for a parameter that is missing, unknown, too long or holds a NUL, PAI021 for one
        that stands in the SQL and not in the header.
        """
        _check(self, given)
        return replace(self, statements=tuple(
            (line, _bound(sql, given, f"{self.where}:{line}")) for line, sql in self.statements),
            written=self.statements, given=dict(given))


def parse(text: str, where: str) -> Job:
    """Raises InputError: PAI022 for a header that is malformed, PAI021 for a text that ends within a statement."""
    head = jobfile.parse(text, where)
    return Job(head.activity, head.owner, head.purpose, head.output, head.annotations,
               tuple(_statements(_blanked(head), where)), where, head.schedule, head.inputs, head.parameters,
               head.window, head.region)


def _blanked(head: JobFile) -> str:
    """The SQL on the lines where it stands in the file."""
    return "\n" * (head.line - 1) + head.sql


def _check(job: Job, given: Mapping[str, str]) -> None:
    for name in sorted({*given, *job.parameters}):
        if name not in job.parameters:
            raise InputError("PAI004", f"{job.activity} has no parameter {name!r}; it has "
                             f"{', '.join(job.parameters) or 'none'}", where=job.where)
        if name not in given:
            raise InputError("PAI004", f"{job.activity} needs the parameter {name!r}", where=job.where)
        if "\0" in given[name] or len(given[name]) > MAX_PARAMETER:
            raise InputError("PAI004", f"the parameter {name!r} is a text of at most {MAX_PARAMETER} characters, "
                             "without NUL", where=job.where)


def _bound(sql: str, given: Mapping[str, str], where: str) -> str:
    try:
        return jobfile.bound(sql, given)
    except KeyError as error:
        name = error.args[0]
        raise InputError("PAI021", f"the SQL has the parameter :{name}, and the header does not",
                         where=where, next=f"add the line -- parameters: {name}") from None


def _statements(text: str, where: str) -> list[tuple[int, str]]:
    """Split where SQLite itself sees a statement's end, so that a ; inside a text is none."""
    if "\0" in text:
        raise InputError("PAI021", "there is a NUL character in it", where=where)
    found: list[tuple[int, str]] = []
    begin = 0
    for end in [match.end() for match in re.finditer(";", text)] + [len(text)]:
        part = text[begin:end]
        body = _body(part)
        if not sqlite3.complete_statement(part) and end < len(text):
            continue
        if body.rstrip("; \t\r\n"):
            line = text.count("\n", 0, begin + len(part) - len(body)) + 1
            if not sqlite3.complete_statement(f"{part}\n;"):
                raise InputError("PAI021", "the last statement has no end: a quote or comment is open",
                                 where=f"{where}:{line}")
            found.append((line, body.rstrip().removesuffix(";").rstrip()))
        begin = end
    if not found:
        raise InputError("PAI021", "there is no statement in it", where=where)
    return found


def _body(text: str) -> str:
    """Without the comments before it."""
    while match := _COMMENT.match(text):
        text = text[match.end():]
    return text.lstrip()
