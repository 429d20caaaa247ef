"""What runs of a module by now: the code of the functions that its file defines, as they stand in the module.

A function counts with the globals of its module alone.  Only what the file decorates is unwrapped: elsewhere a wrapper
is what runs, and not what was reviewed.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any, NamedTuple


class Function(NamedTuple):
    """``name``: as its code says, "Class.method" or "function"; ``bound``: to which name in the module."""

    name: str
    bound: str
    decorated: bool = False


def functions(node: ast.stmt, of: str = "") -> Iterator[Function]:
    """Of a statement of a module: the function, a class's methods, or a lambda under a name."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield Function(f"{of}{node.name}", f"{of}{node.name}", bool(node.decorator_list))
    elif isinstance(node, ast.ClassDef):
        for one in node.body:
            yield from functions(one, f"{of}{node.name}.")
    elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Lambda):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (Function(f"{of}<lambda>", f"{of}{one.id}") for one in targets if isinstance(one, ast.Name))


def codes(module: str, one: Function) -> list[CodeType]:
    """The code that runs under that name; of a property, each.  Raises LookupError where it cannot be told."""
    home = vars(sys.modules[module]) if module in sys.modules else {}
    found: Any = None
    held: Mapping[str, Any] = home
    of = ""
    for part in one.bound.split("."):
        found = held.get(f"_{of.lstrip('_')}{part}" if of and part.startswith("__") and part[-2:] != "__" else part)
        held, of = (vars(found) if isinstance(found, type) else {}), part
    return [_code(function, home, f"{module}:{one.name}", one.decorated) for function in _parts(found)]


def _parts(found: Any) -> list[Any]:
    if isinstance(found, property):
        return [one for one in (found.fget, found.fset, found.fdel) if one is not None]
    return [found.__func__ if isinstance(found, staticmethod | classmethod) else found]


def _code(found: Any, home: dict[str, Any], name: str, decorated: bool) -> CodeType:
    if decorated and callable(found):
        found = inspect.unwrap(found)
    if not isinstance(found, FunctionType) or found.__globals__ is not home:
        raise LookupError(f"what runs as {name} is not what its file says")
    return found.__code__
