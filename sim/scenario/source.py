"""Reads a YAML 1.2 text into a tree that knows the line of everything, and is safe to read.

Serves all four stages; what the tree must look like is reader.py's business.  It is built from
ruamel's parse events instead of its loader, so that the scalars are those of the YAML 1.2 core
schema whatever a ``%YAML`` line says (``NO`` is Norway), aliases are shared instead of copied,
and the limits bite before memory does.
"""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml import events as ev
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scanner import Scanner

from lineage.errors import InputError
from sim.scenario.words import place, shown

BIGGEST = 1_000_000  # bytes of a file
DEEPEST = 40  # levels of nesting, aliases followed
MOST = 100_000  # values of a file, aliases followed

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None, "true": True, "True": True, "TRUE": True,
          "false": False, "False": False, "FALSE": False}
_BARE_COMPARATOR = re.compile(r"[:,\[-]\s*([<>]=?\s*[-+.0-9]+)")


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar, a list of nodes or a dict of nodes, with the place of it and of each key.

    ``size`` counts the values below it and itself, ``height`` the levels, both with aliases followed.
    """

    value: Any
    where: str
    keys: dict[str, str] = field(default_factory=dict)
    size: int = 1
    height: int = 1

    @classmethod
    def of(cls, value: Any, where: str) -> Node:
        """A tree of plain data, all of it at one place."""
        if isinstance(value, dict):
            return cls({key: cls.of(item, where) for key, item in value.items()}, where, dict.fromkeys(value, where))
        if isinstance(value, list):
            return cls([cls.of(item, where) for item in value], where)
        return cls(value, where)

    def plain(self) -> Any:
        """The tree as plain data."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value


def resolve(text: str) -> Any:
    """What an unquoted scalar is in YAML 1.2's core schema.

    Raises ValueError for a number that is not finite or does not fit 64 bits.

    >>> resolve("NO"), resolve("010"), resolve("1e3"), resolve("~"), resolve("True")
    ('NO', 10, 1000.0, None, True)
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        if len(text) > 24:
            raise ValueError("a whole number must fit 64 bits")
        number = int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        if not -(2**63) <= number < 2**63:
            raise ValueError("a whole number must fit 64 bits")
        return number
    if _NOT_FINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and not math.isfinite(float(text))):
        raise ValueError("a number must be finite")
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    where: str
    anchor: str | None
    items: list[Node] | None  # None for a mapping
    fields: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    key: str | None = None  # a mapping's key that waits for its value

    size: int = 1
    height: int = 1

    def close(self) -> Node:
        value = self.items if self.items is not None else self.fields
        return Node(value, self.where, self.keys, self.size, self.height)


class _Tagged(MarkedYAMLError):
    """A tag stands in the text."""


class _TaglessScanner(Scanner):
    """Refuses a tag where it begins: ruamel's decoding of a long one takes quadratic time."""

    def fetch_tag(self) -> None:
        raise _Tagged(problem="a tag (!) cannot stand in a scenario; write a plain value, or quote the text",
                      problem_mark=self.reader.get_mark())


class _Builder:
    def __init__(self, path: Path) -> None:
        self.file = place(path)  # once: it asks the file system
        self.root: Node | None = None
        self.documents = 0
        self.stack: list[_Open] = []
        self.anchors: dict[str, Node] = {}

    def refuse(self, what: str, where: str) -> InputError:
        return InputError("PAI010", what, where=where)

    def feed(self, event: Any) -> None:
        where = f"{self.file}:{event.start_mark.line + 1}"
        if isinstance(event, ev.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self.refuse("a second document starts here; a file holds one scenario, "
                                  "a Python scenario file may hold many", where)
        elif isinstance(event, ev.SequenceEndEvent | ev.MappingEndEvent):
            opened = self.stack.pop()
            self.add(opened.close(), opened.anchor)
        elif isinstance(event, ev.NodeEvent):
            self.node(event, where)

    def node(self, event: Any, where: str) -> None:
        """A scalar, an alias, or the start of a list or mapping."""
        top = self.stack[-1] if self.stack else None
        awaits_key = top is not None and top.items is None and top.key is None
        if isinstance(event, ev.ScalarEvent) and top is not None and awaits_key:
            self.key(top, event, where)
        elif awaits_key:
            raise self.refuse("a key must be a word, not a list, mapping or alias", where)
        elif isinstance(event, ev.ScalarEvent):
            if event.value == "" and event.style is None and top is not None and top.key is not None:
                where = top.keys[top.key]  # what is not there has its mark at whatever comes next
            self.add(Node(self.scalar(event, where), where), event.anchor)
        elif isinstance(event, ev.AliasEvent):
            if event.anchor not in self.anchors:
                raise self.refuse(f"the alias *{shown(event.anchor)} stands before the end of its anchor, "
                                  "or has none", where)
            self.add(replace(self.anchors[event.anchor], where=where), None)
        else:
            if len(self.stack) >= DEEPEST:
                raise self.refuse(f"nested more than {DEEPEST} levels deep", where)
            self.stack.append(_Open(where, event.anchor, [] if isinstance(event, ev.SequenceStartEvent) else None))

    def key(self, top: _Open, event: Any, where: str) -> None:
        name = self.text(event, where)
        if name in top.keys:
            raise self.refuse(f"the key {shown(name)} is given twice; the first is at {top.keys[name]}", where)
        if name == "<<" and event.style is None:
            raise self.refuse("the merge key << is not YAML 1.2; write the keys out", where)
        top.key = name
        top.keys[name] = where
        if event.anchor is not None:
            self.anchors[event.anchor] = Node(name, where)

    def text(self, event: Any, where: str) -> str:
        value = str(event.value)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise self.refuse(f"{shown(value)} holds half a character (a lone surrogate)", where) from None
        return value

    def scalar(self, event: Any, where: str) -> Any:
        value = self.text(event, where)
        if event.style is not None:  # quoted or a block: always text
            return value
        try:
            return resolve(value)
        except ValueError as error:
            raise self.refuse(f"{error}, not {shown(value)}", where) from None

    def add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        # An alias counts as all that it stands for: otherwise nine short lines could mean a billion values.
        top.size += node.size
        top.height = max(top.height, node.height + 1)
        if top.size > MOST or top.height > DEEPEST:
            raise self.refuse(f"more than {MOST:,} values or {DEEPEST} levels, aliases followed", node.where)
        if top.items is not None:
            top.items.append(node)
        elif top.key is not None:
            top.fields[top.key], top.key = node, None


def read_text(path: Path) -> str:
    """The file as text.  Raises InputError (PAI010) where it is no UTF-8, is too big or cannot be read."""
    try:
        if not path.is_file():
            raise InputError("PAI012", "no such file", where=place(path), next="sightline list")
        if path.stat().st_size > BIGGEST:
            raise InputError("PAI010", f"larger than {BIGGEST:,} bytes", where=place(path))
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise InputError("PAI010", f"cannot be read: {getattr(error, 'strerror', None) or error}",
                         where=str(path)) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("PAI010", f"is not UTF-8: the byte {data[error.start]:#04x} does not fit",
                         where=place(path, data.count(b"\n", 0, error.start) + 1)) from None


def read_yaml(path: Path) -> Node:
    """The one document of a file.  Raises InputError (PAI010, PAI012) with file:line."""
    return parse(read_text(path), path)


def parse(text: str, path: Path) -> Node:
    """The one document of ``text``; ``path`` is only named.  Raises InputError (PAI010)."""
    builder = _Builder(path)
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner = _TaglessScanner
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ruamel warns of an anchor that is used again; the last one counts
            for event in yaml.parse(StringIO(text)):
                builder.feed(event)
    except InputError:
        raise
    except Exception as error:  # whatever a parser trips over, the file is what it tripped over
        raise _malformed(error, text, path) from None
    if builder.root is None or builder.root.value is None:
        raise InputError("PAI010", "the file is empty; a scenario has at least scenario, stage and expect",
                         where=place(path, 1))
    return builder.root


def _malformed(error: Exception, text: str, path: Path) -> InputError:
    line, problem = 1, f"cannot be parsed as YAML ({type(error).__name__})"
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        problem = ", ".join(part for part in (error.context, error.problem) if part)
    elif isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        problem = f"the character {shown(error.character)} cannot stand in YAML"
    if isinstance(error, _Tagged):
        return InputError("PAI010", str(error.problem), where=place(path, line))
    lines = text.splitlines()
    bare = _BARE_COMPARATOR.search(lines[line - 1]) if line <= len(lines) else None
    hint = f'; quote a comparator: "{bare[1].strip()}"' if bare else ""
    return InputError("PAI010", f"not YAML: {problem}{hint}", where=place(path, line))
