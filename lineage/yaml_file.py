"""Reads YAML that a person wrote, strictly: every error names file:line, the key, and the nearest known one.

A text is parsed once, and the tree kept: the services, Discover and Enforce each ask for the same few files again and
again.  So the tree is shared, and cannot be changed.  A scenario's own reader is in ``sim.scenario.source``.

>>> Config.parse("owner: me\\nmood: logging\\n", "PAI022", "r.yaml").only(("owner", "mode"))
Traceback (most recent call last):
lineage.errors.InputError: PAI022 r.yaml:2: unknown key 'mood'; did you mean 'mode'?
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from lineage.errors import InputError

# Texts whose trees are kept: many times as many as a deployment has.
KEPT = 256


def _refused(*_: object, **__: object) -> NoReturn:
    raise TypeError("a parsed YAML file is shared by all who read it; copy what is to be changed")


class Entries(dict[Any, Any]):
    """A mapping as it stands in the file.  ``line``, and ``lines`` by key: from 1."""

    line: int
    lines: dict[Any, int]
    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refused


class Items(list[Any]):
    """A list as it stands in the file.  ``lines`` by index."""

    line: int
    lines: dict[Any, int]
    __setitem__ = __delitem__ = __iadd__ = __imul__ = append = clear = extend = insert = pop = _refused
    remove = reverse = sort = _refused


def tree(text: str, code: str, where: str) -> Any:
    """What stands there, of YAML 1.2: scalars, ``Entries`` and ``Items``.  Raises InputError for what is not YAML."""
    try:
        return _tree(text)
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        problem = error.problem if isinstance(error, MarkedYAMLError) else " ".join(str(error).split())
        raise InputError(code, f"not YAML: {problem}", where=f"{where}:{mark.line + 1}" if mark else where) from error
    # An impossible day, a boolean that is none, endless nesting, a list as a key.
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise InputError(code, f"not YAML: {' '.join(str(error).split())}", where=where) from error


def tree_of(path: Path, code: str) -> Any:
    """The same of a file.  Raises OSError where it cannot be opened."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(code, f"not YAML: {' '.join(str(error).split())}", where=str(path)) from error
    return tree(text, code, str(path))


def located(where: object, data: object, key: object = None) -> str:
    """file:line of a key of a mapping, or of the mapping or list itself."""
    line: int = getattr(data, "line", 1)
    if key is not None and isinstance(data, Entries | Items):
        line = data.lines.get(key, line)
    return f"{where}:{line}"


def meant(given: object, known: Iterable[str]) -> str:
    """A suggestion, to be put behind what is wrong; empty where nothing is near."""
    close = get_close_matches(str(given), list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


@lru_cache(KEPT)
def _tree(text: str) -> Any:
    return _kept(YAML(typ="rt").load(text), {})


def _kept(node: Any, made: dict[int, Any]) -> Any:
    """``made``: by the node's id, since an alias is the same node again, and may be inside itself."""
    if id(node) in made:
        return made[id(node)]
    if isinstance(node, CommentedMap):
        entries = made[id(node)] = Entries()
        entries.line = node.lc.line + 1
        # What a merge (<<) brought in stands elsewhere.
        entries.lines = {key: at[0] + 1 for key, at in (node.lc.data or {}).items()}
        for key, value in node.items():
            dict.__setitem__(entries, key, _kept(value, made))
        return entries
    if isinstance(node, CommentedSeq):
        items = made[id(node)] = Items()
        items.line = node.lc.line + 1
        items.lines = {index: at[0] + 1 for index, at in (node.lc.data or {}).items()}
        for value in node:
            list.append(items, _kept(value, made))
        return items
    return node


class Config:
    """One mapping of a file, to be read key by key; ``code`` is that of its errors."""

    def __init__(self, data: Any, code: str, where: str, line: int | None = None) -> None:
        self.data: Any = data
        self._code = code
        self._where = where
        self._line = line
        if not isinstance(data, Entries):
            raise self.error(f"expected a mapping (key: value), not {_kind(data)}")

    @classmethod
    def parse(cls, text: str, code: str, where: str) -> Config:
        """Raises InputError for a text that is not YAML, or is no mapping."""
        return cls(tree(text, code, where), code, where)

    def error(self, what: str, key: object = None) -> InputError:
        """An error at ``key``, or at the mapping itself."""
        known = key is not None and isinstance(self.data, Entries) and key in self.data
        where = located(self._where, self.data, key) if known or self._line is None else f"{self._where}:{self._line}"
        return InputError(self._code, what, where=where)

    def only(self, known: Collection[str], needed: Iterable[str] = ()) -> None:
        """Refuses every other key, with the nearest known one as a suggestion, and to go without what is needed."""
        for key in self.data:
            if key not in known:
                hint = meant(key, known) or f"; keys are {', '.join(known)}"
                raise self.error(f"unknown key {key!r}{hint}", key)
        for key in needed:
            if key not in self.data:
                raise self.error(f"the key {key!r} is missing")

    def has(self, key: str) -> bool:
        return key in self.data

    def names(self) -> list[str]:
        """Every key, each of which has to be a text."""
        for key in self.data:
            if not isinstance(key, str):
                raise self.error(f"the key {key!r} is not a text; put it in quotes", key)
        return list(self.data)

    def value(self, key: str) -> Any:
        """As it stands; the caller judges it."""
        return self._get(key, None)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._get(key, default)
        if not isinstance(value, str) or (not value and default is None):
            raise self.error(f"{key} is {value!r}; it is a text", key)
        return str(value)

    def number(self, key: str) -> int:
        value = self._get(key, None)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.error(f"{key} is {value!r}; it is a whole number, 1 or more", key)
        return int(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self.error(f"{key} is {value!r}; it is true or false", key)
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self._get(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
            raise self.error(f"{key} is {value!r}; it is a list of texts", key)
        if not value and default is None:
            raise self.error(f"{key} is empty", key)
        return tuple(map(str, value))

    def mapping(self, key: str) -> Config:
        return Config(self._get(key, None), self._code, self._where, self.data.lines.get(key, self._line))

    def mappings(self, key: str) -> list[Config]:
        value: Any = self._get(key, None)
        if not isinstance(value, Items) or not value:
            raise self.error(f"{key} is {_kind(value)}; it is a list of mappings, at least one", key)
        return [Config(item, self._code, self._where, value.lines.get(index)) for index, item in enumerate(value)]

    def _get(self, key: str, default: Any) -> Any:
        if key in self.data:
            return self.data[key]
        if default is None:
            raise self.error(f"the key {key!r} is missing")
        return default


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    kind = "a mapping" if isinstance(value, Entries) else "a list" if isinstance(value, Items) else type(value).__name__
    return f"{kind} {str(value)[:40]!r}"
