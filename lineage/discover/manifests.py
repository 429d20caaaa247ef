"""[D] Declared lineage of training: a manifest says which columns a run uses, and what it makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from lineage.errors import InputError
from lineage.model import Edge


def declared_edges(folder: Path) -> Iterator[Edge]:
    """From every ``*.yaml`` in ``folder``.  Raises InputError (PAI020) for one that is malformed."""
    for path in sorted(folder.glob("*.yaml")):
        yield from manifest_edges(path.read_text(), str(path))


def manifest_edges(text: str, where: str) -> list[Edge]:
    """Input column → run, and input column → checkpoint; the version is not known beforehand."""
    try:
        manifest: dict[str, Any] = YAML(typ="safe").load(text)
        activity, output = f"training:{manifest['name']}", f"checkpoint:{manifest['output']}"
        sources = [name for item in manifest["inputs"] for name in _sources(item)]
    except (YAMLError, KeyError, TypeError, AttributeError) as error:
        raise InputError("PAI020", f"a manifest needs name, inputs and output: {error}", where=where) from error
    edges = []
    for source in sources:
        edges.append(_edge(source, activity))
        edges.append(_edge(source, output, via={activity}))
    return edges


def _sources(item: dict[str, Any]) -> list[str]:
    if "corpus" in item:
        return [f"file:corpus/{item['corpus']}.tsv"]
    return [f"warehouse:{item['table']}#{column}" for column in item["columns"]]


def _edge(source: str, target: str, via: set[str] | None = None) -> Edge:
    return Edge(source, target, "declared", families={"D"}, via=via or set(), confidence="HIGH",
                evidence={"manifest"})
