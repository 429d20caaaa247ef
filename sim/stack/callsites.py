"""Where a service's code calls PrivacyLib, or another service: found in the source, whether or not it ever runs.

A call is told by the name of what it is made on (``lib`` or ``_lib``; a stub is named after its service), and
an asset by a text, or a constant of a module.  One that is put together when the code runs cannot be told
here; it comes from a config (a table, a category, a checkpoint), and ``inventory.py`` has it from there.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

OPERATIONS = ("read", "write", "call")
# A sink probe: what one component of a service hands to the next is compared there.
HAND_OVER = "hand_over"


class Site(NamedTuple):
    """``kind``: "read", "write", "call", "probe" on ``name``; or "client", of the RPC "Inference.Generate"."""

    kind: str
    name: str
    where: str


@lru_cache(maxsize=256)
def sites(path: Path, module: str, methods: frozenset[str]) -> tuple[Site, ...]:
    """Of one source file, in its order.  ``module``: its name; ``methods``: every "Service.Method"."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Call):
            for kind, name in _of(node, module, methods):
                found.append((node.lineno, Site(kind, name, f"{module}:{node.lineno}")))
    return tuple(site for _, site in sorted(found))


def _of(node: ast.Attribute | ast.Call, module: str, methods: Collection[str]) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Attribute):  # called there, or taken to be called later
        if (method := f"{_last(node.value).capitalize()}.{node.attr}") in methods:
            yield "client", method
        return
    function = node.func
    if isinstance(function, ast.Name) and function.id == HAND_OVER and len(node.args) > 1:
        for name in _texts(node.args[1], module):
            yield "probe", name
    elif (isinstance(function, ast.Attribute) and _last(function.value) == "lib" and function.attr in OPERATIONS
          and node.args):
        for name in _texts(node.args[0], module):
            yield function.attr, name


def _last(node: ast.expr) -> str:
    """``self._warehouse`` → "warehouse"; ``self._stub("policy")`` → "policy"."""
    if isinstance(node, ast.Call) and _last(node.func) == "stub" and node.args:
        return str(node.args[0].value) if isinstance(node.args[0], ast.Constant) else ""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.lstrip("_")


def _texts(node: ast.expr, module: str) -> list[str]:
    """Both, where the code has ``this if … else that``."""
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body, module), *_texts(node.orelse, module)]
    return [text] if (text := _text(node, module)) else []


def _text(node: ast.expr, module: str) -> str:
    """A text, or the constant of a module that a name leads to; empty for anything else."""
    found: Any = None
    if isinstance(node, ast.Constant):
        found = node.value
    elif isinstance(node, ast.Name):
        found = getattr(importlib.import_module(module), node.id, None)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        found = getattr(getattr(importlib.import_module(module), node.value.id, None), node.attr, None)
    return found if isinstance(found, str) else ""
