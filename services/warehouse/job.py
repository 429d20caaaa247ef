"""[B] A job file: a header that says what the SQL is for, then the statements.

    -- job: daily_sessions          (or  -- query: name  for one that writes nothing)
    -- owner: assistant-quality
    -- purpose: assistance
    -- output: core.daily_sessions
    -- schedule: daily              (optional)
    -- annotations: A, B            (optional: labels of the columns of a table that the job itself makes)
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from difflib import get_close_matches

from lineage.errors import InputError

_HEADER = re.compile(r"--\s*(?P<key>[A-Za-z_]+)\s*:\s*(?P<value>.*?)\s*")
_ANNOTATION = re.compile(r"[A-Z][A-Z0-9_]*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_KEYS = ("job", "query", "owner", "purpose", "output", "schedule", "annotations")
_COMMENT = re.compile(r"\s*(?:--[^\n]*(?:\n|$)|/\*.*?\*/)", re.DOTALL)


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


def parse(text: str, where: str) -> Job:
    """Raises InputError: PAI022 for a header that is malformed, PAI021 for a text that ends within a statement."""
    header: dict[str, str] = {}
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("--"):
            break
        match = _HEADER.fullmatch(line.strip())
        if match is None:
            continue  # a comment like any other
        if match["key"] not in _KEYS:
            close = get_close_matches(match["key"], _KEYS, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"keys are {', '.join(_KEYS)}"
            raise InputError("PAI022", f"the header has the unknown key {match['key']!r}; {hint}",
                             where=f"{where}:{number}")
        if match["key"] in header:
            raise InputError("PAI022", f"the header gives {match['key']!r} twice", where=f"{where}:{number}")
        header[match["key"]] = match["value"]
    kind = "query" if "query" in header else "job"
    for key in (kind, "owner", "purpose") + (("output",) if kind == "job" else ()):
        if not header.get(key):
            raise InputError("PAI022", f"the header lacks a line -- {key}: …", where=f"{where}:1",
                             next="see services/warehouse/jobs/daily_sessions.sql")
    if not _NAME.fullmatch(header[kind]):
        raise InputError("PAI022", f"{header[kind]!r} is not a name of lower-case letters, digits and _",
                         where=f"{where}:1")
    annotations = tuple(part.strip() for part in header.get("annotations", "").split(",") if part.strip())
    if not all(map(_ANNOTATION.fullmatch, annotations)):
        raise InputError("PAI022", f"annotations are labels as A, B in upper case, not {header['annotations']!r}",
                         where=f"{where}:1")
    return Job(f"{kind}:{header[kind]}", header["owner"], header["purpose"], header.get("output", ""), annotations,
               tuple(_statements(text, where)), where)


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
            if not sqlite3.complete_statement(part if part.rstrip().endswith(";") else f"{part}\n;"):
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
