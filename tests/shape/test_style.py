"""The shape that the whole tree keeps: small modules, short functions, docstrings, no promises left open.

Each check is a function from source text (or names) to complaints, and has a counter-example.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ("lineage", "services", "sim", "protos", "scenarios", "tests")
MODULE_LINES = 300
FUNCTION_LINES = 45

TOP_LEVEL = {"sim", "protos", "services", "lineage", "scenarios", "tests", "docker-compose.yml", "pyproject.toml",
             "README.md", "CHANGELOG.md", "LICENSE", "Makefile", "Dockerfile", ".dockerignore", ".gitignore", ".ci",
             ".git"}

# In pieces, so that neither this file nor its counter-examples are found themselves.
PROMISES = re.compile("|".join((
    r"\bTO" r"DO\b", r"\bFIX" r"ME\b", r"\bX" r"XX\b", r"\bNotImplemented" r"Error\b",
    r"\bpytest\.(skip|xfail|importor" r"skip)\(", r"\bmark\.(skip|skip" r"if|x" r"fail)\b", r"\bunittest\.skip")))

# An extra that needs Java: without it these are left out on a user's machine, and fail under CI.
ONE_SKIP = ("tests/services/test_warehouse_spark.py", "pytest.sk" "ip(error.what)")


def sources() -> list[Path]:
    """Every module that a person wrote."""
    return sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py")
                  if not re.search(r"_pb2(_grpc)?\.py$", path.name))


def long_module(text: str) -> list[str]:
    lines = text.count("\n")
    return [f"{lines} lines; at most {MODULE_LINES}"] if lines > MODULE_LINES else []


def long_functions(text: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(f"line {node.lineno}: {node.name} has {length} lines; at most {FUNCTION_LINES}")
    return found


def undocumented(text: str) -> list[str]:
    """An empty file (a package's mark) holds nothing to document."""
    return ["no module docstring"] if text.strip() and not ast.get_docstring(ast.parse(text)) else []


def promises(text: str) -> list[str]:
    return [f"line {number}: {line.strip()}" for number, line in enumerate(text.splitlines(), 1)
            if PROMISES.search(line)]


def strangers(names: Iterable[str], ignored: Iterable[str]) -> list[str]:
    """Top-level entries that the design does not list and git does not ignore."""
    patterns = [line.strip().rstrip("/") for line in ignored if line.strip() and not line.startswith("#")]
    return sorted(name for name in names
                  if name not in TOP_LEVEL and not any(fnmatch(name, pattern) for pattern in patterns))


@pytest.mark.parametrize("check", [long_module, long_functions, undocumented, promises],
                         ids=lambda check: check.__name__)
def test_every_module(check: Callable[[str], list[str]]) -> None:
    paths = sources()
    if check is long_module:  # a test module may hold a long table of cases
        paths = [path for path in paths if path.relative_to(ROOT).parts[0] != "tests"]
    else:
        assert Path(__file__).resolve() in paths
    assert len({path.relative_to(ROOT).parts[0] for path in paths}) >= 4
    found = {str(path.relative_to(ROOT)): check(path.read_text(encoding="utf-8")) for path in paths}
    path, line = ONE_SKIP
    found[path] = [complaint for complaint in found.get(path, []) if not complaint.endswith(f": {line}")]
    assert {path: complaints for path, complaints in found.items() if complaints} == {}


def test_the_top_level_is_that_of_the_design() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    names = {path.name for path in ROOT.iterdir()}
    assert strangers(names, ignored) == []
    assert TOP_LEVEL - {".git"} <= names


def test_length_is_found() -> None:
    assert long_module("x = 1\n" * MODULE_LINES) == []
    assert long_module("x = 1\n" * (MODULE_LINES + 1)) == ["301 lines; at most 300"]
    assert long_functions("def f():\n" + "    x = 1\n" * 44) == []
    text = "class A:\n  async def f():\n" + "    x = 1\n" * 45
    assert long_functions(text) == ["line 2: f has 46 lines; at most 45"]


def test_a_missing_docstring_is_found() -> None:
    assert undocumented("") == undocumented('"""Said."""\nx = 1\n') == []
    assert undocumented("x = 1\n") == undocumented("# said\n'''  '''\nx = 1\n") == ["no module docstring"]


@pytest.mark.parametrize("line", [
    "# TO" "DO: later", "x = 1  # FIX" "ME", "raise NotImplemented" "Error", "@pytest.mark.x" "fail(strict=True)",
    "@pytest.mark.sk" "ipif(1)", "    pytest.sk" "ip('no')", "pytest.importor" "skip('spacy')",
])
def test_a_promise_is_found(line: str) -> None:
    assert promises(f"x = 1\n{line}\n") == [f"line 2: {line.strip()}"]
    assert promises("skip = tasks.skip(1)  # a fixed me, todos\n") == []


def test_a_stranger_at_the_top_is_found() -> None:
    ignored = ["# made here", "runs/", "*.egg-info/", ""]
    assert strangers({"sim", "runs", "x.egg-info", "utils", "notes.md"}, ignored) == ["notes.md", "utils"]
