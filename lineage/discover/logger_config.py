"""[B] Declared lineage of the logger: each category's config says where each field ends up.

Of several versions the latest counts: it is the one under which events are stored.  :func:`check` finds what the
logger itself cannot judge: data categories and annotations that nobody has heard of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lineage.errors import InputError
from lineage.model import Edge
from lineage.understand.taxonomy import CATEGORIES
from lineage.yaml_file import located, meant, tree_of

# Evidence of a declared edge whose field some events may lack.
OPTIONAL = "optional"
EVIDENCE = "logger-config"


class _Config(NamedTuple):
    path: Path
    category: str
    version: int
    table: str
    fields: Mapping[str, Any]
    sampled: bool


def declared_edges(folder: Path) -> Iterator[Edge]:
    """From the latest version of each category in ``folder``.  Raises InputError (PAI022) for one that is malformed."""
    latest: dict[str, _Config] = {}
    for config in _configs(folder):
        if config.category not in latest or config.version > latest[config.category].version:
            latest[config.category] = config
    for config in latest.values():
        for field, spec in config.fields.items():
            queued, table = f"logger:{config.category}#{field}", config.table
            column = spec.get("column", field)
            maybe = config.sampled or spec.get("optional", False) or "default" in spec or "sample" in spec
            evidence = {EVIDENCE, OPTIONAL} if maybe else {EVIDENCE}
            for source, target in ((f"rpc:logger.Append.request#{config.category}.{field}", queued),
                                   (queued, f"rpc:warehouse.Append.request#{table}.{column}"),
                                   (f"rpc:warehouse.Append.request#{table}.{column}", f"warehouse:{table}#{column}")):
                yield Edge(source, target, "declared", families={"B"}, confidence="HIGH", evidence=set(evidence))


def check(folder: Path, annotations: Collection[str]) -> None:
    """Raises InputError (PAI022) with file:line for an unknown data category or annotation, with a suggestion.

    ``annotations``: those that a requirement, a table or a contract knows."""
    for config in _configs(folder):
        for field, spec in config.fields.items():
            category = spec.get("category", "")
            if category and category not in CATEGORIES:
                raise _error(config.path, f"{field}: {category!r} is no data category"
                                          f"{meant(category, CATEGORIES)}", config.fields, field)
            for annotation in spec.get("annotations") or ():
                if annotation not in annotations:
                    raise _error(config.path, f"{field}: no requirement, table or contract knows the annotation "
                                              f"{annotation!r}{meant(annotation, annotations)}", config.fields, field)


def _configs(folder: Path) -> Iterator[_Config]:
    for path in sorted(folder.glob("*.yaml")):
        try:
            data = tree_of(path, "PAI022")
        except OSError as error:
            raise InputError("PAI022", f"cannot be read: {error.strerror}", where=str(path)) from error
        yield _config(path, data)


def _config(path: Path, data: Any) -> _Config:
    needed = ("category", "version", "table", "fields")
    if not isinstance(data, dict) or not set(needed) <= set(data):
        raise _error(path, f"a category needs {', '.join(needed)}", data)
    category, version, table, fields = (data[key] for key in needed)
    if not (isinstance(category, str) and isinstance(version, int) and isinstance(table, str)):
        raise _error(path, "category and table are texts, version is a whole number", data)
    if not isinstance(fields, dict) or not fields:
        raise _error(path, "fields is a mapping, of one field at least", data, "fields")
    for field, spec in fields.items():
        labels = spec.get("annotations") if isinstance(spec, dict) else ()
        if not (isinstance(field, str) and isinstance(spec, dict) and isinstance(spec.get("column", field), str)
                and isinstance(spec.get("category", ""), str) and isinstance(labels, list | None)
                and all(isinstance(one, str) for one in labels or ())):
            raise _error(path, f"the field {field!r} is a mapping of type, label and column", fields, field)
    return _Config(path, category, version, table, fields, data.get("sample", 1) != 1)



def _error(path: Path, what: str, data: Any, key: Any = None) -> InputError:
    return InputError("PAI022", what, where=located(path, data, key))
