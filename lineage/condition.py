"""[D] The condition by which an input of a training run is narrowed: `where:` of a manifest.

    region = 'NO' and ds >= '2026-01-05' and session in ('a1', 'b2') and scene is not null

Comparisons, joined by `and`: nothing that could call a function, name another table or say a thing in two ways.
Texts are compared by code point, as SQLite does by default; what is NULL is only `is null`.

Read alike by training, by the warehouse, which keeps the rows back, and by Discover: the columns that it names decide
which rows there are, so they are sources of what is made of them.

>>> found = parse("region = 'NO' and sessions > 3", "m.yaml:8")
>>> found.columns, found.holds({"region": "NO", "sessions": 4}), found.holds({"region": "NO", "sessions": None})
(('region', 'sessions'), True, False)
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lineage.errors import InputError

Literal = str | int | float
MAX_CHARACTERS = 2_000
_NEXT = "write it like: region = 'NO' and ds >= '2026-01-05'"
_TOKEN = re.compile(r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?[0-9]+(?:\.[0-9]+)?)(?![\w.])|(?P<word>[A-Za-z_]\w*)
                        |(?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,))""", re.VERBOSE)
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_KEYWORDS = frozenset({"and", "or", "not", "in", "is", "null", "like", "between"})
# What SQL types hold texts; the others hold numbers.  Bytes are compared with nothing.
_TEXT, _NUMBERS = "TEXT", ("INTEGER", "REAL")


@dataclass(frozen=True)
class Comparison:
    """``sign``: one of = != < <= > >=, or "in", "is null", "is not null"; ``values``: one, several, or none."""

    column: str
    sign: str
    values: tuple[Literal, ...] = ()

    def holds(self, cell: object) -> bool:
        if self.sign.startswith("is"):
            return (cell is None) == (self.sign == "is null")
        alike = [value for value in self.values if isinstance(value, str) == isinstance(cell, str)]
        if cell is None or isinstance(cell, bytes) or not alike:
            return False
        return cell in alike if self.sign == "in" else _COMPARED[self.sign](cell, alike[0])

    def __str__(self) -> str:
        values = ["'" + value.replace("'", "''") + "'" if isinstance(value, str) else f"{Decimal(repr(value)):f}"
                  for value in self.values]
        said = f"({', '.join(values)})" if self.sign == "in" else "".join(values)
        return f"{self.column} {self.sign} {said}".rstrip()


@dataclass(frozen=True)
class Condition:
    """All of its comparisons hold.  As text it is written in one way, whatever spaces and capitals it came with."""

    comparisons: tuple[Comparison, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Each once, in the order of their first mention."""
        return tuple(dict.fromkeys(one.column for one in self.comparisons))

    def holds(self, row: Mapping[str, object]) -> bool:
        return all(one.holds(row[one.column]) for one in self.comparisons)

    def check(self, types: Mapping[str, str], where: str) -> None:
        """``types``: column → TEXT, INTEGER, REAL or BLOB.  Raises InputError (PAI027) for a column that is not there,
        or one that holds another kind of thing than it is compared with."""
        for one in self.comparisons:
            if one.column not in types:
                raise _wrong(f"there is no column {one.column!r}; there are {', '.join(types)}", where)
            known = types[one.column]
            fits = known == _TEXT if one.values and isinstance(one.values[0], str) else known in _NUMBERS
            if one.values and not fits:
                raise _wrong(f"{one.column} is {known}, and is compared with {one.values[0]!r}", where)

    def __str__(self) -> str:
        return " and ".join(map(str, self.comparisons))


def parse(text: str, where: str) -> Condition:
    """Raises InputError (PAI027), which says what is wrong and shows where in the text."""
    if len(text) > MAX_CHARACTERS:
        raise _wrong(f"it has {len(text)} characters; at most {MAX_CHARACTERS} are read", where)
    reader = _Reader(text, where)
    found = [reader.comparison()]
    while reader.kind:
        reader.keyword("and")
        found.append(reader.comparison())
    return Condition(tuple(found))


class _Reader:
    """One token ahead: its ``kind`` ("" at the end) and ``value``."""

    def __init__(self, text: str, where: str) -> None:
        self._text, self._where = text, where
        self._tokens = self._cut()
        self.kind, self.value, self._at = next(self._tokens)

    def comparison(self) -> Comparison:
        column = self._take("word", "a column")
        if column.lower() in _KEYWORDS:
            raise self._error(f"{column!r} is no column")
        if self.kind == "word":
            return self._worded(column)
        sign = self._take("sign", "a comparison: =, !=, <, <=, >, >=, in or is")
        sign = "!=" if sign == "<>" else sign
        if sign not in _COMPARED:
            raise self._error(f"{sign!r} compares nothing")
        return Comparison(column, sign, (self._literal(),))

    def keyword(self, wanted: str) -> None:
        said = self._take("word", repr(wanted))
        if said.lower() != wanted:
            raise self._error(f"{said!r} stands where {wanted!r} is to stand: comparisons are joined by `and`, "
                              "and by nothing else")

    def _worded(self, column: str) -> Comparison:
        word = self._take("word", "in or is").lower()
        if word == "is":
            negated = self.kind == "word" and self.value.lower() == "not"
            if negated:
                self._next()
            self.keyword("null")
            return Comparison(column, "is not null" if negated else "is null")
        if word != "in":
            raise self._error(f"{word!r} is no comparison; there are =, !=, <, <=, >, >=, in, is null, is not null")
        self._sign("(")
        values = [self._literal()]
        while self.kind == "sign" and self.value == ",":
            self._next()
            values.append(self._literal())
        self._sign(")")
        if len({isinstance(value, str) for value in values}) > 1:
            raise self._error("texts and numbers stand in one list")
        return Comparison(column, "in", tuple(values))

    def _literal(self) -> Literal:
        if self.kind == "text":
            return self._take("text", "")[1:-1].replace("''", "'")
        said = self._take("number", "a text in '…' or a number")
        value = float(said) if "." in said else int(said)
        if math.isinf(value):
            raise self._error("the number is too large")
        return value

    def _sign(self, wanted: str) -> None:
        if self._take("sign", wanted) != wanted:
            raise self._error(f"{wanted!r} is missing")

    def _take(self, kind: str, wanted: str) -> str:
        if self.kind != kind:
            raise self._error(f"{self.value!r} stands where {wanted} is to stand" if self.kind
                              else f"it ends where {wanted} is to stand")
        value = self.value
        self._next()
        return value

    def _next(self) -> None:
        self.kind, self.value, self._at = next(self._tokens)

    def _cut(self) -> Iterator[tuple[str, str, int]]:
        at, end = 0, len(self._text.rstrip())
        while at < end:
            match = _TOKEN.match(self._text, at)
            if match is None or match.lastgroup is None:
                self._at = at
                raise self._error("it cannot be read")
            yield match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)
            at = match.end()
        while True:
            yield "", "", end

    def _error(self, what: str) -> InputError:
        return _wrong(f"{what}, near {self._text[self._at:self._at + 20]!r}", self._where)


def _wrong(what: str, where: str) -> InputError:
    return InputError("PAI027", f"the condition is not one: {what}", where=where, next=_NEXT)
