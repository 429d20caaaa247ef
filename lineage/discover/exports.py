"""[B] Declared lineage of exports: which columns of a table go into the parts of which file."""

from __future__ import annotations

from typing import NamedTuple

from lineage.errors import InputError
from lineage.model import Edge
from lineage.names import join
from lineage.yaml_file import tree


class Export(NamedTuple):
    """``columns``: of the asset ``source``, each into the field of that name of the asset ``output``."""

    activity: str
    purpose: str
    source: str
    output: str
    columns: tuple[str, ...]


def parse(text: str, where: str) -> Export:
    """What lineage needs of an export.  Raises InputError (PAI022); the warehouse checks the rest."""
    export = tree(text, "PAI022", where)
    try:
        return Export(f"job:{export['export']}", str(export["purpose"]), f"warehouse:{export['table']}",
                      f"file:exports/{export['export']}", tuple(map(str, export["columns"])))
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError("PAI022", f"an export needs export, purpose, table and columns: {error}",
                         where=where) from error


def declared_edges(export: Export) -> list[Edge]:
    """Column → field, by the job; and column → job."""
    return [edge for column in export.columns for edge in (
        _edge(join(export.source, column), join(export.output, column), {export.activity}),
        _edge(join(export.source, column), export.activity))]


def _edge(source: str, target: str, via: set[str] | None = None) -> Edge:
    return Edge(source, target, "declared", families={"B"}, via=via or set(), confidence="HIGH", evidence={"export"})
