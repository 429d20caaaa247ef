"""[B] Declared lineage of the logger: each category's config says where each field ends up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from lineage.errors import InputError
from lineage.model import Edge


def declared_edges(folder: Path) -> Iterator[Edge]:
    """From every ``*.yaml`` in ``folder``.  Raises InputError (PAI022) for one that is malformed."""
    for path in sorted(folder.glob("*.yaml")):
        try:
            config = YAML(typ="safe").load(path)
            category, table, fields = config["category"], config["table"], config["fields"]
            columns = {field: spec.get("column", field) for field, spec in fields.items()}
        except (YAMLError, KeyError, TypeError, AttributeError) as error:
            raise InputError("PAI022", f"a category needs category, table and fields: {error}",
                             where=str(path)) from error
        for field, column in columns.items():
            queued = f"logger:{category}#{field}"
            yield _edge(f"rpc:logger.Append.request#{category}.{field}", queued)
            yield _edge(queued, f"rpc:warehouse.Append.request#{table}.{column}")
            yield _edge(f"rpc:warehouse.Append.request#{table}.{column}", f"warehouse:{table}#{column}")


def _edge(source: str, target: str) -> Edge:
    return Edge(source, target, "declared", families={"B"}, confidence="HIGH", evidence={"logger-config"})
