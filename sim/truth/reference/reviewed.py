"""The digest of a job's text, or of a function, as a reviewed reclassification names it: by hand, letter by letter, and
not by the PAI's own code.  Truth.

Of a function the monitor reads the file, in this tree: whether a process runs what its file says, it does not know."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from sim.truth.reference.rules import Rule, transformations
from sim.truth.reference.sql import statements

ROOT = Path(__file__).resolve().parents[3]
_DEFINITIONS = ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef

_QUOTES = {"'": "'", '"': '"', "`": "`", "[": "]"}
_SIGNS = ("->>", "->", "||", "<=", ">=", "<>", "==", "!=", "<<", ">>")


def digest(text: str) -> str:
    """Of the statements of a job that move data."""
    found = [[one for one in _tokens(sql) if one != ";"] for sql in statements(text)]
    moving = [one for one in found if one[:1] != ["create"]]
    return hashlib.sha256(json.dumps(moving, ensure_ascii=False).encode()).hexdigest()


def digests(rules: Iterable[Rule]) -> dict[str, str]:
    """"code:module:function" → digest, of every function that an entry of the rules names and a file defines."""
    named = {name for rule in rules for entry in rule.lowered for name in transformations(entry)}
    found = {name: of_code(name.removeprefix("code:")) for name in named if name.startswith("code:")}
    return {name: one for name, one in found.items() if one}


@cache
def of_code(name: str, root: Path = ROOT) -> str:
    """Of "module:function": the definition, and all of its module that it names, on and on.  "" where there is none."""
    module, _, function = name.partition(":")
    try:
        body = ast.parse((root / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")).body
    except (OSError, SyntaxError, UnicodeDecodeError):
        return ""
    wanted, before = {function.partition(".")[0]}, 0
    if not any(wanted & _binds(statement) for statement in body):
        return ""
    while len(wanted) != before:
        before = len(wanted)
        for statement in body:
            if wanted & _binds(statement):
                wanted |= {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    told = [_undocumented(statement) for statement in body if wanted & _binds(statement)]
    return hashlib.sha256(json.dumps([function, told], ensure_ascii=False).encode()).hexdigest()


def _binds(statement: ast.stmt) -> set[str]:
    """The names of the module that a statement of its own gives a meaning to."""
    if isinstance(statement, _DEFINITIONS):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(one.asname or one.name).split(".")[0] for one in statement.names}
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _undocumented(statement: ast.stmt) -> str:
    """Its text, without comments, layout and docstrings."""
    copy = ast.parse(ast.unparse(statement)).body[0]
    for node in ast.walk(copy):
        if isinstance(node, _DEFINITIONS) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(copy)


def _tokens(sql: str) -> Iterator[str]:
    at = 0
    while at < len(sql):
        letter, two = sql[at], sql[at:at + 2]
        if letter in " \t\n\f\r":
            at += 1
        elif two in ("--", "/*"):
            end = sql.find("\n" if two == "--" else "*/", at + 2)
            at = len(sql) if end < 0 else end + len("\n" if two == "--" else "*/")
        else:
            begin, at = at, _end(sql, at)
            word = sql[begin:at]
            # A parameter is another one in another case, also where it begins with what may stand in a word.
            bare = (_is_word(word[0]) and word[0] != "$") or word[:1] == "." != word
            quoted = word[-1] == "'" or word[0] in _QUOTES
            yield word.lower() if bare and not quoted and word.isascii() else word


def _end(sql: str, at: int) -> int:
    letter = sql[at]
    if letter in "xX" and sql[at + 1:at + 2] == "'" and (end := sql.find("'", at + 2)) > 0:
        return end + 1
    if letter in _QUOTES and (end := _closed(sql, at)) > 0:
        return end
    if letter in ":@$?" and at + 1 < len(sql) and _is_word(sql[at + 1]):
        return _while(sql, at + 1, beyond=True)
    if _digit(sql, at) or (letter == "." and _digit(sql, at + 1)):
        return _number(sql, at)
    if _is_word(letter):
        return _while(sql, at, beyond=True)
    return at + max((len(sign) for sign in _SIGNS if sql.startswith(sign, at)), default=1)


def _closed(sql: str, at: int) -> int:
    """The place after the closing quote; a doubled one is a letter, but in brackets."""
    quote = _QUOTES[sql[at]]
    end = sql.find(quote, at + 1)
    while end > 0 and quote != "]" and sql[end + 1:end + 2] == quote:
        end = sql.find(quote, end + 2)
    return end + 1


def _number(sql: str, at: int) -> int:
    while _digit(sql, at):
        at += 1
    if sql[at:at + 1] == ".":
        at += 1
        while _digit(sql, at):
            at += 1
    if sql[at:at + 1] in ("e", "E"):
        sign = at + 1 + (sql[at + 1:at + 2] in ("+", "-"))
        if _digit(sql, sign):
            at = sign
            while _digit(sql, at):
                at += 1
    return _while(sql, at)


def _while(sql: str, at: int, beyond: bool = False) -> int:
    while at < len(sql) and (_plain(sql[at]) or (beyond and _is_word(sql[at]))):
        at += 1
    return at


def _digit(sql: str, at: int) -> bool:
    return sql[at:at + 1].isascii() and sql[at:at + 1].isdigit()


def _plain(letter: str) -> bool:
    return letter.isascii() and (letter.isalnum() or letter == "_")


def _is_word(letter: str) -> bool:
    """Beyond ASCII every letter is part of a word."""
    return _plain(letter) or letter == "$" or letter >= "\x80"
