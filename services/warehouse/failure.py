"""[B] What is told of a statement that failed while it ran: never a value of the rows it met.

An engine's message may quote one (``json_extract('{}', utterance)`` fails with the utterance in its text), and goes
to whoever sent the statement, whatever they may read.  So only texts that are known to be made of fixed words and of
names pass; of all others the kind is told.  Errors of analysis, before a row is read, quote the statement alone and
are told as they are.
"""

from __future__ import annotations

import re

# SQLite's own texts (3.40 to 3.50) that a statement may end with, without what some of them quote.
_FIXED = re.compile(
    r"integer overflow|malformed JSON|datatype mismatch|string or blob too big|out of memory|database or disk is full"
    r"|database(?: table)? is locked|LIKE or GLOB pattern too complex|parser stack overflow|interrupted"
    r"|ESCAPE expression must be a single character|JSON cannot hold BLOB values|not authorized"
    r"|(?:UNIQUE|NOT NULL|PRIMARY KEY) constraint failed: [\w.]+(?:, [\w.]+)*|(?:CHECK|FOREIGN KEY) constraint failed"
    r"|cannot store \w+ value in \w+ column [\w.]+")
# Spark's condition: "[DIVIDE_BY_ZERO] Division by zero. …".
_CONDITION = re.compile(r"\[([A-Z][A-Z0-9_.]*)\]")


def said(error: Exception) -> str:
    """The fixed text at the beginning of the error's, or the name of its kind.

    >>> import sqlite3
    >>> said(sqlite3.OperationalError("JSON path error near 'what is that?'"))
    'OperationalError'
    >>> said(sqlite3.IntegrityError("UNIQUE constraint failed: t.a"))
    'UNIQUE constraint failed: t.a'
    """
    text = str(error)
    if match := _FIXED.match(text) or _CONDITION.match(text):
        return match[0]
    return str(getattr(error, "sqlite_errorname", "") or type(error).__name__)
