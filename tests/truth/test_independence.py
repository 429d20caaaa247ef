"""The truth owes the PAI nothing but the grammar of names and the exception tree."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sim.truth

ALLOWED = ("lineage.names", "lineage.errors", "protos", "services.seams", "sim.truth")
FOLDER = Path(sim.truth.__file__).parent


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_imports(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    ours = {name for name in imported if name.partition(".")[0] in ("lineage", "protos", "services", "sim")}
    assert {name for name in ours if not name.startswith(ALLOWED)} == set()
    assert "sqlglot" not in {name.partition(".")[0] for name in imported}
    assert "set_authorizer" not in {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
