"""[D] Declared lineage of training: a manifest says which columns a run uses, and what it makes."""

from __future__ import annotations

from typing import Any, NamedTuple

from lineage.errors import InputError
from lineage.model import Edge
from lineage.yaml_file import tree


class Manifest(NamedTuple):
    """``sources``: the names of the inputs; ``output``: the checkpoint, whose version is not known yet."""

    activity: str
    purpose: str
    output: str
    sources: tuple[str, ...]


def parse(text: str, where: str) -> Manifest:
    """What lineage needs of a manifest.  Raises InputError (PAI020); the training service checks the rest."""
    manifest = tree(text, "PAI020", where)
    try:
        sources = tuple(name for item in manifest["inputs"] for name in _sources(item))
        return Manifest(f"training:{manifest['name']}", str(manifest["purpose"]), f"checkpoint:{manifest['output']}",
                        sources)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError("PAI020", f"a manifest needs name, purpose, inputs and output: {error}",
                         where=where) from error


def declared_edges(manifest: Manifest) -> list[Edge]:
    """Input → run, and input → checkpoint."""
    return [edge for source in manifest.sources for edge in (
        _edge(source, manifest.activity), _edge(source, manifest.output, {manifest.activity}))]


def _sources(item: dict[str, Any]) -> list[str]:
    if "corpus" in item:
        return [f"file:corpus/{item['corpus']}.tsv"]
    return [f"warehouse:{item['table']}#{column}" for column in item["columns"]]


def _edge(source: str, target: str, via: set[str] | None = None) -> Edge:
    return Edge(source, target, "declared", families={"D"}, via=via or set(), confidence="HIGH",
                evidence={"manifest"})
