"""[A] One value at a probe, made ready to be compared: whole, leaf by leaf, and evened out.

Structured values (mappings, lists, protobuf messages, JSON in a text) are taken apart into leaves.
The work is bounded, whatever comes: what was left out is counted in ``Limits``, by reason.

>>> limits = Limits()
>>> Value({"home": {"street": "Karl Johans gate 1"}, "floors": [1, 2]}, limits).leaves
(('floors.0', b'1'), ('floors.1', b'2'), ('home.street', b'Karl Johans gate 1'))
>>> Value('{"floors": [1, 2]}', limits).leaves
(('floors.0', b'1'), ('floors.1', b'2'))
>>> Value(b"caf\\xe9", limits).whole, dict(limits)
(b'caf\\xe9', {'not UTF-8': 1})
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time
from enum import Enum
from functools import cached_property
from itertools import islice
from typing import Any

from google.protobuf.message import Message

# Bytes of a value that are searched; beyond them only equality is looked at.
MAX_SEARCHED = 1 << 20
# Bytes of a value up to which equality is looked at in full.
MAX_COMPARED = 16 << 20
MAX_JSON = 256 * 1024
MAX_FOLDED = 64 * 1024
MAX_LEAVES = 256
MAX_NODES = 16 * MAX_LEAVES
MAX_DEPTH = 32
_MARK = 4096
# Between leaves: never part of UTF-8.
GAP = b"\xff\xfe\xff"
Limits = Counter[str]
Leaf = tuple[str, bytes]


class Value:
    """``whole``: its first MAX_SEARCHED bytes, empty where it has no form as bytes; ``leaves``: of a
    structure, sorted by path; ``raw``: the value itself where it is a text or bytes, of ``size``; ``cut``:
    ``whole`` is not all of it; ``complete``: all of it was looked at."""

    def __init__(self, given: Any, limits: Limits) -> None:
        self.raw: str | bytes | None = None
        self.leaves: tuple[Leaf, ...] = ()
        self.complete, self.cut = True, False
        # Keyed; given by the probes when the value first matches.
        self.hash = ""
        structure: Any = None
        if isinstance(given, (bytes, bytearray, memoryview)):
            self.raw = given if isinstance(given, bytes) else bytes(given[:MAX_COMPARED + 1])
            self.whole = self.raw[:MAX_SEARCHED]
            self.cut = len(given) > MAX_SEARCHED
        elif isinstance(given, str):
            self.raw = given
            encoded = _encoded(given[:MAX_SEARCHED], limits)
            self.whole = encoded[:MAX_SEARCHED]
            self.cut = len(given) > MAX_SEARCHED or len(encoded) > MAX_SEARCHED
        elif _children(given) is not None:
            structure, self.whole = given, _serialized(given)
        else:
            self.whole = _scalar(given, limits)
        self.size = len(self.raw) if self.raw is not None else len(self.whole)
        if self.size > MAX_COMPARED:
            self.raw = None  # not kept alive for as long as the scope is
        if self.cut:
            limits["too large to be searched in full"] += 1
            self.complete = False
        self.text: str | None = None
        if structure is None:
            self.text = given[:MAX_SEARCHED] if isinstance(given, str) else _text(self.whole, limits)
        if structure is None and self.text is not None:
            structure = _json(self.text, limits)
        self.structured = structure is not None
        if self.structured:
            self._take_apart(structure, limits)
        self.empty = not self.whole and not self.leaves

    def _take_apart(self, structure: Any, limits: Limits) -> None:
        found = list(islice(_leaves(structure, limits), MAX_LEAVES + 1))
        if len(found) > MAX_LEAVES:
            limits["too many leaves"] += 1
            self.complete = False
        self.leaves = tuple(sorted(found[:MAX_LEAVES]))

    @cached_property
    def parts(self) -> frozenset[bytes]:
        return frozenset(leaf for _, leaf in self.leaves)

    @cached_property
    def searched(self) -> bytes:
        """Where another value is looked for: the whole, and each leaf as it is without quoting."""
        return GAP.join([self.whole, *(leaf for _, leaf in self.leaves)]) if self.leaves else self.whole

    @cached_property
    def content(self) -> bytes:
        """What it says, without the keys of a structure: what distinguishes it, and what is hashed."""
        if not self.structured:
            return self.whole
        return GAP.join(leaf for _, leaf in self.leaves)

    @cached_property
    def folded(self) -> str:
        """Case, white space and Unicode form evened out; empty where it is no text."""
        text = self.text
        if text is None and self.leaves:
            text = "\0".join(leaf.decode("utf-8", "replace") for _, leaf in self.leaves)
        if not text or len(text) > MAX_FOLDED:
            return ""
        folded = text.casefold() if text.isascii() else unicodedata.normalize(
            "NFC", unicodedata.normalize("NFC", text).casefold())
        return " ".join(folded.split())

    @cached_property
    def mark(self) -> bytes:
        """At most 4 KiB that tell it from other values."""
        content = self.content
        if len(content) <= _MARK and not self.cut:
            return content
        return b"%d/" % (self.size or len(content)) + content[:_MARK // 2] + content[-_MARK // 2:]


def _leaves(structure: Any, limits: Limits) -> Iterator[Leaf]:
    """Depth first, without recursion; a structure that holds itself ends at MAX_DEPTH."""
    stack: list[tuple[str, Any, int]] = [("", structure, 0)]
    nodes = 0
    while stack:
        path, node, depth = stack.pop()
        nodes += 1
        if nodes > MAX_NODES or len(stack) > MAX_NODES:
            limits["too many leaves"] += 1
            return
        children = _children(node)
        if children is None:
            leaf = node[:MAX_SEARCHED] if isinstance(node, (str, bytes)) else node
            data = _scalar(leaf, limits)
            if data:
                yield path, data[:MAX_SEARCHED]
        elif depth >= MAX_DEPTH:
            limits["nested too deep"] += 1
        else:
            dot = f"{path}." if path else ""
            inside = [(f"{dot}{key}", child, depth + 1) for key, child in islice(children, MAX_LEAVES + 1)]
            stack += reversed(inside)


def _children(node: Any) -> Iterator[tuple[object, Any]] | None:
    """What is inside a node; None for a leaf."""
    if isinstance(node, Message):
        return ((field.name, value) for field, value in node.ListFields())
    if is_dataclass(node) and not isinstance(node, type):
        return ((field.name, getattr(node, field.name)) for field in fields(node))
    if isinstance(node, Mapping):
        return iter([(str(key)[:64] if isinstance(key, (str, int)) else "?", value)
                     for key, value in islice(node.items(), MAX_LEAVES + 1)])
    return enumerate(node) if _is_list(node) else None


def _serialized(node: Any) -> bytes:
    """A message as it stands on the wire, so that it is found inside bytes; nothing for other structures."""
    if isinstance(node, Message) and node.ByteSize() <= MAX_SEARCHED:
        return node.SerializeToString(deterministic=True)
    return b""


def _is_list(node: Any) -> bool:
    return isinstance(node, Collection) and not isinstance(node, (str, bytes, bytearray, memoryview))


def _scalar(node: Any, limits: Limits) -> bytes:
    """A leaf as bytes: empty for nothing and for what no form is known of (its own code is not run)."""
    if isinstance(node, Enum):
        node = node.value
    if isinstance(node, (bytes, bytearray, memoryview)):
        return bytes(node)
    if isinstance(node, str):
        return _encoded(node, limits)
    if isinstance(node, bool):
        return b"true" if node else b"false"
    if isinstance(node, (date, time)):
        return node.isoformat().encode()
    if isinstance(node, float) or (isinstance(node, int) and node.bit_length() <= 4096):
        return repr(node).encode() if type(node) in (int, float) else repr(float(node)).encode()
    if node is not None:
        limits["of a type that is not compared"] += 1
    return b""


def _encoded(text: str, limits: Limits) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a character
        limits["not UTF-8"] += 1
        return text.encode("utf-8", "surrogatepass")


def _text(data: bytes, limits: Limits) -> str | None:
    """The text that it is; None for bytes that are none (a picture is no text that went wrong)."""
    if b"\0" in data[:1024]:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if len(data) == MAX_SEARCHED and error.start > len(data) - 4:  # cut within a character
            return data[:error.start].decode()
        limits["not UTF-8"] += 1
        return None


def _json(text: str, limits: Limits) -> Any:
    """The object or list that a text holds as JSON, else None.  Numbers stay as they are written."""
    if text[:256].lstrip()[:1] not in ("{", "["):
        return None
    if len(text) > MAX_JSON:
        limits["JSON too large to be taken apart"] += 1
        return None
    try:
        made = json.loads(text, parse_int=str, parse_float=str)
    except ValueError:
        return None
    except RecursionError:
        limits["nested too deep"] += 1
        return None
    return made if isinstance(made, (dict, list)) else None
