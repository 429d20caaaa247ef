"""[B] A job file: a header that says whose the SQL is and what for, then the statements.

    -- job: daily_sessions          (or  -- query: name  for one that writes nothing)
    -- owner: assistant-quality
    -- purpose: assistance
    -- output: core.daily_sessions
    -- schedule: daily              (optional: run by the scheduler, once for each ds; or: stream)
    -- window: 60m on core.sessions.asked_at    (of a stream: it runs for each window that new rows fall into,
                                     with the parameters window_start and window_end)
    -- inputs: core.sessions        (optional: the tables it reads; the SQL has to read just these)
    -- parameters: ds               (optional: the names that stand in the SQL as :ds)
    -- annotations: A, B            (optional: the labels of a table that the job itself makes)
    -- region: US                   (optional: where it runs, a country or EU; without it, where the data are)
    INSERT INTO core.daily_sessions SELECT …

Read alike by the warehouse, which runs the SQL, and by Discover, which reads lineage from it; neither is here.

>>> found = parse("-- job: daily\\n-- owner: quality\\n-- purpose: assistance\\n-- output: core.daily\\nINSERT …", "f")
>>> found.activity, found.output, found.sql, found.line
('job:daily', 'core.daily', 'INSERT …', 5)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from lineage.errors import InputError

SCHEDULES = ("daily", "stream")
# What a stream's SQL is told: two times as RFC 3339 has them, the end not included.
WINDOW = ("window_start", "window_end")
_NEXT = "see services/warehouse/jobs/daily_sessions.sql for the form"
_LINE = re.compile(r"--\s*(?P<key>[A-Za-z_]+)\s*:(?P<value>.*)")
_REQUIRED = {"job": ("job", "owner", "purpose", "output"), "query": ("query", "owner", "purpose")}
_OPTIONAL = {"job": ("schedule", "window", "inputs", "parameters", "annotations", "region"),
             "query": ("schedule", "inputs", "parameters", "region")}
_WORD = r"[a-z][a-z0-9_]*"
_TABLE = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?"
_NAME = (re.compile(_WORD), "lower-case letters, digits and _")
_FORMS = {
    "job": _NAME, "query": _NAME, "purpose": _NAME,
    "output": (re.compile(_TABLE), "a table as core.daily_sessions"),
    "schedule": (re.compile("|".join(SCHEDULES)), f"one of {', '.join(SCHEDULES)}"),
    "window": (re.compile(r"[1-9]\d{0,4}[mhd] on \w+\.\w+\.\w+"), "as 60m on core.sessions.asked_at (m, h or d)"),
    "inputs": (re.compile(rf"{_TABLE}(\s*,\s*{_TABLE})*"), "tables as core.sessions, core.profiles"),
    "parameters": (re.compile(rf"{_WORD}(\s*,\s*{_WORD})*"), "names as ds, region in lower case"),
    "region": (re.compile(r"[A-Z]{2,3}"), "a country or group as US, EU"),
    "annotations": (re.compile(r"[A-Z][A-Z0-9_]*(\s*,\s*[A-Z][A-Z0-9_]*)*"), "labels as A, B in upper case"),
}

# Texts, quoted names and comments, where no parameter is; else a parameter.  As SQLite reads it, a comment that is not
# closed goes to the end.
_PARAMETER = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?(?:\*/|\Z)|:(?P<name>[A-Za-z_]\w*)""",
                        re.DOTALL)


@dataclass(frozen=True, slots=True)
class JobFile:
    """``activity`` is "job:daily_sessions" or "query:…"; ``sql`` begins in line ``line`` of ``file``."""

    name: str
    owner: str
    purpose: str
    output: str
    schedule: str
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    annotations: tuple[str, ...]
    sql: str
    kind: str = "job"
    file: str = ""
    line: int = 1
    window: str = ""
    region: str = ""

    @property
    def activity(self) -> str:
        return f"{self.kind}:{self.name}"


def parse(text: str, name: str) -> JobFile:
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
    if ("window" in value) != (value.get("schedule") == "stream"):
        raise InputError("PAI022", "a stream has a window, and nothing else has: schedule: stream, window: …",
                         where=f"{name}:{found.get('window', found.get('schedule', (1, '')))[0]}", next=_NEXT)

    def several(key: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in value.get(key, "").split(",") if part.strip())

    return JobFile(value[kind], value["owner"], value["purpose"], value.get("output", ""), value.get("schedule", ""),
                   several("inputs"), several("parameters"), several("annotations"),
                   "\n".join(lines[number - 1:]).strip("\n"), kind, name, number, value.get("window", ""),
                   value.get("region", ""))


def bound(sql: str, given: Mapping[str, str]) -> str:
    """A statement with each parameter as an SQL text: it can be no more than a value.  Raises KeyError for one that is
    not given."""
    def put(match: re.Match[str]) -> str:
        name = match["name"]
        return match[0] if name is None else "'" + given[name].replace("'", "''") + "'"

    return _PARAMETER.sub(put, sql)


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
