"""[B] SQL text in, one syntax tree out; and an error that underlines the place.

sqlglot is more lenient than an engine (it takes ``SELECT a,, b``): parsing here is no promise that the
engine will run the statement, only that it could be read.  What sqlglot leaves unread is refused.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import Token, TokenType

from lineage.errors import InputError

_WIDTH = 120
# Brackets and CASEs inside one another.  Compiled, sqlglot does not always notice that the stack ends.
DEEPEST = 500
_OPENS = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE})
_CLOSES = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END})
_TYPES = frozenset(Parser.NESTED_TYPE_TOKENS)
_TEMPLATE = re.compile(r"\{\{|\{%|\{#")
# A quoted token or comment that closes, else one that does not.
_CLOSED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|[^'"`\[/-]+|[-/]""", re.S)

# SQLite's short forms, which sqlglot leaves unread.
_RESPELLED = re.compile(r"\b(replace\s+into|update\s+or)\b", re.I)
_ALTERNATIVES = frozenset({"ROLLBACK", "ABORT", "REPLACE", "FAIL", "IGNORE"})


class SqlFault(Exception):
    """Something in the text at ``span`` (first and last character, from 0) cannot be read or resolved."""

    def __init__(self, what: str, span: tuple[int, int] = (0, 0)) -> None:
        super().__init__(what)
        self.what = what
        self.span = span


def _no_fallback(record: logging.LogRecord) -> bool:
    return "Falling back to parsing as a 'Command'" not in record.getMessage()


# The caller gets an error for such a statement; sqlglot's warning would only be said twice.
logging.getLogger("sqlglot").addFilter(_no_fallback)


def parse(sql: str, dialect: str) -> exp.Expr:
    """The tree of the only statement in ``sql``.

    Raises SqlFault for anything else, and RecursionError for what needs more stack than there is.
    """
    text = sql
    try:
        grammar = _grammar(dialect)
        check_text(sql)
        if _RESPELLED.search(sql):
            text = _respelled(sql, dialect)
        tokens = grammar.tokenize(text)
        _check_depth(tokens)
        trees = [tree for tree in grammar.parser().parse(tokens, text) if tree is not None]
    except (SqlFault, RecursionError):
        raise
    except ParseError as error:
        raise _parse_fault(sql, error) from None
    except TokenError:
        raise _token_fault(sql) from None
    except Exception as error:  # sqlglot's own slips on garbage must not pass for a bug of ours
        raise SqlFault(f"the text cannot be parsed: {type(error).__name__}: {error}") from None
    trees = [tree for tree in trees if not isinstance(tree, exp.Semicolon)]
    if not trees:
        raise SqlFault("there is no statement in the text")
    if len(trees) > 1:
        raise SqlFault(f"there are {len(trees)} statements; give one", spans(sql, dialect)[1])
    if isinstance(trees[0], exp.Command):
        raise _command_fault(sql, trees[0])
    return trees[0]


@lru_cache(maxsize=64)
def _grammar(dialect: str) -> Dialect:
    return Dialect.get_or_raise(dialect)


@lru_cache(maxsize=128)
def spans(sql: str, dialect: str) -> tuple[tuple[int, int], ...]:
    """First and last character (from 0) of each statement.  Raises SqlFault for an open quote."""
    try:
        tokens = sqlglot.tokenize(sql, dialect=dialect)
    except Exception:
        raise _token_fault(sql) from None
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            parts.append([])
        else:
            parts[-1].append(token)
    return tuple((part[0].start, part[-1].end) for part in parts if part)


def span_of(node: exp.Expr) -> tuple[int, int]:
    """Where ``node`` stands: of its own tokens, else of the nearest node around it that has any."""
    current: exp.Expr | None = node
    while current is not None:
        spans = [(n.meta["start"], n.meta["end"]) for n in current.walk() if "start" in n.meta]
        if spans:
            return min(s for s, _ in spans), max(e for _, e in spans)
        current = current.parent
    return 0, 0


class Place(NamedTuple):
    """Where a fault stands: line and column from 1; its line, cut to a width, and what underlines it."""

    line: int
    column: int
    shown: str
    under: str


def place_of(fault: SqlFault, sql: str, line: int = 1) -> Place:
    """``line`` is the number of the first line of ``sql``."""
    start = min(max(fault.span[0], 0), max(len(sql) - 1, 0))
    row = sql.count("\n", 0, start)
    begin = sql.rfind("\n", 0, start) + 1
    end = sql.find("\n", begin)
    text = sql[begin:end if end >= 0 else len(sql)]
    column = start - begin
    length = max(1, min(fault.span[1] - start + 1, len(text) - column))
    left = max(0, column - _WIDTH // 2) if len(text) > _WIDTH else 0
    shown = "".join(c if c.isprintable() else " " for c in text[left:left + _WIDTH])
    under = " " * (column - left) + "^" * min(length, _WIDTH - (column - left))
    return Place(line + row, column + 1, shown, under)


def report(fault: SqlFault, sql: str, name: str, line: int) -> InputError:
    """PAI021 with ``where`` = name:line:column (from 1) and the offending line underlined."""
    place = place_of(fault, sql, line)
    return InputError("PAI021", f"{fault.what}\n    {place.shown}\n    {place.under}",
                      where=f"{name}:{place.line}:{place.column}",
                      next="correct the statement at the underlined place; it was not run")


def check_text(sql: str) -> None:
    """Raises SqlFault for a text that engine and parser may understand differently, or that is no SQL yet."""
    if (nul := sql.find("\0")) >= 0:
        # SQLite ends the statement there; the parser does not.
        raise SqlFault("the text holds a NUL character", (nul, nul))
    if _TEMPLATE.search(sql) is None:
        return
    position = 0
    while (match := _CLOSED.match(sql, position)) is not None:
        if match[0][0] not in "'\"`-/" and (found := _TEMPLATE.search(match[0])) is not None:
            start = position + found.start()
            raise SqlFault("this is a template, not yet SQL: render it first (dbt compile writes to target/compiled)",
                           (start, start + 1))
        position = match.end()


def _check_depth(tokens: list[Token]) -> None:
    depth, chain, types, before = 0, 0, 0, TokenType.SEMICOLON
    for token in tokens:
        kind = token.token_type
        if kind is TokenType.GT:
            types = max(0, types - 1)
        elif kind in _OPENS or (kind is TokenType.LT and before in _TYPES):
            if kind is TokenType.LT:
                types += 1  # ARRAY<ARRAY<…>>
            else:
                depth += 1
            # a[1][1][1]…: the parser's time grows with the cube of it.
            chain = chain + 1 if before is TokenType.R_BRACKET else 0
            if max(depth, chain, types) > DEEPEST:
                raise SqlFault(f"the statement is nested too deeply: more than {DEEPEST} brackets or CASEs inside one "
                               "another", (token.start, token.end))
        elif kind in _CLOSES:
            depth = max(0, depth - 1)
        before = kind


def _respelled(sql: str, dialect: str) -> str:
    """``REPLACE INTO`` as INSERT and ``UPDATE OR IGNORE`` as UPDATE, at the same places: the flow is the same."""
    chars = list(sql)
    tokens = sqlglot.tokenize(sql, dialect=dialect)
    words = ["" if t.token_type in (TokenType.STRING, TokenType.IDENTIFIER) else t.text.upper() for t in tokens]
    for i, token in enumerate(tokens[:-1]):
        # The tokenizer takes what follows a leading REPLACE for one text.
        if words[i] == "REPLACE" and words[i - 1:i] != ["OR"] and _RESPELLED.match(sql, token.start):
            chars[token.start:token.end + 1] = "INSERT "
        elif words[i:i + 2] == ["UPDATE", "OR"] and words[i + 2:i + 3] and words[i + 2] in _ALTERNATIVES:
            start, end = tokens[i + 1].start, tokens[i + 2].end + 1
            chars[start:end] = " " * (end - start)
    return "".join(chars)


def _parse_fault(sql: str, error: ParseError) -> SqlFault:
    detail = error.errors[0] if error.errors else {}
    what = str(detail.get("description") or error)
    what = re.sub(r"<Token .*?text: (.*?), line: .*?>", lambda m: "the end" if m[1] == "SENTINEL" else repr(m[1]), what,
                  flags=re.S)
    what = re.sub(r"<class '[\w.]*?(\w+)'>", r"\1", what)
    lines = sql.split("\n")
    row = min(max(int(detail.get("line") or 1), 1), len(lines)) - 1
    last = sum(len(text) + 1 for text in lines[:row]) + int(detail.get("col") or 1) - 1
    # sqlglot's column is the token's last character.
    first = last - max(len(str(detail.get("highlight") or "")), 1) + 1
    return SqlFault(f"the text cannot be parsed: {what}", (first, last))


def _token_fault(sql: str) -> SqlFault:
    position = 0
    while (match := _CLOSED.match(sql, position)) is not None:
        if match[0] == "/" and sql.startswith("/*", position):
            break
        position = match.end()
    return SqlFault("a quoted text or comment is not closed", (position, position))


def _command_fault(sql: str, tree: exp.Command) -> SqlFault:
    word = str(tree.this)
    start = max(sql.upper().find(word.upper()), 0)
    return SqlFault(f"{word} is not a statement that can be analysed", (start, start + len(word) - 1))
